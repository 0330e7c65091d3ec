//! Circuit breakers of a running venue: what they see shuts order entry for what raises exposure, and opens it again.

mod support;

use corelane_actors::session::SessionCount;
use corelane_config::{Breaker, BreakerStart, Percent, Watches};
use corelane_runtime::resilience::BreakerState;
use corelane_venue::{Request, Venue};
use support::{Client, Market, SYMBOLS, below_price_of, cancel, enter, replace, until};

/// The reject reason 0x0A.
const SHUT: [u8; 2] = [0, 0x0a];

fn breaker(name: &str, watches: Watches, starts: BreakerStart) -> Breaker {
    let half = Percent::from_parts_per_million(500_000);
    Breaker {
        name: name.to_owned(),
        watches,
        edge: None,
        starts,
        window_ms: 200,
        window_samples: None,
        samples_min: 2,
        failure_percent: half,
        slow_percent: half,
        slow_ms: 60_000,
        open_ms: 50,
        trials: 1,
    }
}

fn start(breakers: Vec<Breaker>) -> Venue {
    let mut config = support::config();
    config.breakers = breakers;
    support::start(&config)
}

/// Enters an order; whether it is accepted, or else rejected because a breaker is open.
fn is_accepted(client: &mut Client, user_ref: u32) -> bool {
    client.send(&enter(user_ref, b'B', 10, SYMBOLS[0], below_price_of(SYMBOLS[0]), b'0'));
    let answer = client.answer();
    assert_eq!(answer.user_ref, user_ref);
    match answer.kind {
        b'J' => assert_eq!(answer.bytes[13..15], SHUT),
        kind => assert_eq!(kind, b'A'),
    }
    answer.kind == b'A'
}

/// Cancels and lowers orders while entry is shut.
fn check_that_what_lowers_passes(client: &mut Client, user_ref: &mut u32, orders: [u32; 2]) {
    let price = below_price_of(SYMBOLS[0]);
    *user_ref += 2;
    let (lower, raise) = (*user_ref - 1, *user_ref);
    client.send(&[replace(orders[0], lower, 5, price), replace(orders[1], raise, 20, price)].concat());
    let kinds: Vec<_> = client.answers(2).iter().map(|answer| (answer.kind, answer.user_ref)).collect();
    assert_eq!(kinds, [(b'U', lower), (b'J', raise)]);
    client.send(&[cancel(lower), cancel(orders[1])].concat());
    let kinds: Vec<_> = client.answers(2).iter().map(|answer| (answer.kind, answer.user_ref)).collect();
    assert_eq!(kinds, [(b'C', lower), (b'C', orders[1])]);
}

#[test]
fn a_feed_that_falls_silent_shuts_entry_until_it_is_back() {
    let mut config = support::config();
    config.breakers = vec![breaker("prices", Watches::Feed, BreakerStart::Closed)];
    config.feeds.inbound.as_mut().expect("the shipped venue has a feed").stale_after_ms = 500;
    let venue = support::start(&config);
    let mut market = Market::new(venue.feed_in().expect("it listens"));
    let mut client = Client::log_in(venue.order_entry(), 1, 1);
    let mut user_ref = 0;
    let mut next = || {
        user_ref += 1;
        user_ref
    };
    let mut orders = [0; 2];
    for order in &mut orders {
        until("prices are fresh", || {
            market.moves();
            *order = next();
            is_accepted(&mut client, *order)
        });
    }
    until("prices are stale", || !is_accepted(&mut client, next()));
    assert!(venue.session_counts().get(SessionCount::BreakerMarks) > 0);
    check_that_what_lowers_passes(&mut client, &mut user_ref, orders);
    until("prices are fresh again", || {
        market.moves();
        user_ref += 1;
        is_accepted(&mut client, user_ref)
    });
    client.log_out();
    support::stop(venue);
}

#[test]
fn the_operator_forces_a_breaker_open_and_resets_it() {
    let venue = start(vec![breaker("answers", Watches::Answers, BreakerStart::Closed)]);
    let mut client = Client::log_in(venue.order_entry(), 1, 1);
    let force = |state| venue.ask(Request::Breaker { index: 0, state }).unwrap();
    let shows = |text: &str| venue.ask(Request::Status).unwrap().contains(text);
    assert!(shows("breaker answers (answers): closed, "));
    assert!(is_accepted(&mut client, 1) && is_accepted(&mut client, 2));
    assert_eq!(force(BreakerState::ForcedOpen), "breaker answers: forced open");
    assert!(shows("breaker answers (answers): forced open, "));
    assert!(!is_accepted(&mut client, 3));
    let mut user_ref = 3;
    check_that_what_lowers_passes(&mut client, &mut user_ref, [1, 2]);
    for (state, text) in [
        (BreakerState::Disabled, "breaker answers: disabled"),
        (BreakerState::ForcedOpen, "breaker answers: forced open"),
        (BreakerState::MetricsOnly, "breaker answers: metrics only"),
        (BreakerState::ForcedOpen, "breaker answers: forced open"),
        (BreakerState::Closed, "breaker answers: closed"),
    ] {
        assert_eq!(force(state), text);
        user_ref += 1;
        assert_eq!(is_accepted(&mut client, user_ref), state != BreakerState::ForcedOpen, "{text}");
    }
    let unknown = venue.ask(Request::Breaker { index: 1, state: BreakerState::Closed });
    assert_eq!(unknown, Err("there is no such breaker".to_owned()));
    client.log_out();
    support::stop(venue);
}

#[test]
fn one_that_only_counts_shuts_nothing() {
    let starts = [BreakerStart::MetricsOnly, BreakerStart::Disabled];
    let mut config = support::config();
    config.breakers = starts.iter().map(|&one| breaker(&format!("{one:?}"), Watches::Feed, one)).collect();
    config.feeds.inbound.as_mut().expect("the shipped venue has a feed").stale_after_ms = 50;
    let venue = support::start(&config);
    // It begins and falls silent.
    Market::new(venue.feed_in().expect("it listens"));
    until("it has counted", || {
        let status = venue.ask(Request::Status).unwrap();
        let line = |name: &str| status.lines().find(|line| line.contains(name)).expect("a line").to_owned();
        assert!(line("Disabled").contains(": disabled, 0 samples"), "{status}");
        line("MetricsOnly").contains(": metrics only, ") && !line("MetricsOnly").contains(", 0 failed")
    });
    let mut client = Client::log_in(venue.order_entry(), 1, 1);
    assert!(is_accepted(&mut client, 1));
    client.log_out();
    support::stop(venue);
}
