//! Delay protection: what is too old when it is sequenced is rejected, and its instrument paused.

use crate::group_support::{
    Edges, Outputs, PAUSE_NS, Venue, cancel, config, enter, market, mass_cancel_in, modify, replace,
};
use corelane_actors::{
    engine::GroupCount,
    sequencer_policy::ReferencePolicy,
    types::{Command, Enter, GroupConfig, Locate, Mark, Publication, Reply, SequencerIn},
};
use corelane_codecs::{itch::Message, ouch::Outbound};
use corelane_runtime::message::Header;

const AGE_MAX_NS: u64 = 5_000_000;
const NOON_NS: u64 = 12 * 3_600_000_000_000;

fn venue(config: GroupConfig) -> Venue {
    let policy = ReferencePolicy::new(config.instruments.len(), None).protect_from_delay(AGE_MAX_NS);
    Venue::with_policy(config, Edges::ROOMY, policy)
}

/// Answers as `1 A` and `2 J 0x07`, and messages of the feed as `A` and `H1 P O1`.
fn seen(outputs: &Outputs) -> Vec<String> {
    let answer = |reply: &Reply| match Outbound::decode(&reply.bytes[..usize::from(reply.length)]).unwrap() {
        Outbound::Rejected(rejected, _) => format!("{} J {:#04x}", reply.user_ref, rejected.reason_code.get()),
        _ => format!("{} {}", reply.user_ref, char::from(reply.bytes[0])),
    };
    let told = |message: &Publication| match Message::decode(&message.bytes[..usize::from(message.length)]).unwrap() {
        Message::StockTradingAction(action) => {
            let (locate, state) = (action.header.stock_locate.get(), char::from(action.trading_state));
            format!("H{locate} {state} {}", action.reason).trim_end().to_owned()
        }
        _ => char::from(message.bytes[0]).to_string(),
    };
    outputs.replies.iter().map(answer).chain(outputs.publications.iter().map(told)).collect()
}

/// Sequences a command `at_ns` after noon, when it has been on its way for `age_ns`.
fn run(venue: &mut Venue, at_ns: u64, age_ns: u64, command: Command) -> Vec<String> {
    let (now_ns, mut outputs) = (NOON_NS + at_ns, Outputs::default());
    venue.sim.set_time_ns(now_ns);
    let header = Header { ingress_ticks: now_ns - age_ns, ..Header::default() };
    venue.requests.batch().send_as(header, SequencerIn::Command(command)).expect("there is room");
    venue.settle(&mut outputs);
    seen(&outputs)
}

fn order(user_ref: u32) -> Command {
    Command::Enter(enter(0, user_ref, b'B', 100, 100_000))
}

fn order_for(locate: u16, user_ref: u32) -> Command {
    Command::Enter(Enter { locate: Locate(locate), ..enter(1, user_ref, b'B', 100, 100_000) })
}

/// What is older than the bound.
const LATE: u64 = AGE_MAX_NS + 1;

#[test]
fn an_order_older_than_the_bound_is_rejected_and_one_at_the_bound_is_not() {
    for (age_ns, expected) in [(0, "1 A"), (1, "1 A"), (AGE_MAX_NS - 1, "1 A"), (AGE_MAX_NS, "1 A"), (LATE, "1 J 0x07")]
    {
        let mut venue = venue(GroupConfig { pause_ns: 0, ..config() });
        let seen = run(&mut venue, 0, age_ns, order(1));
        assert_eq!(seen[0], expected, "{age_ns} ns");
        assert_eq!(
            seen.len(),
            if age_ns == LATE { 1 } else { 2 },
            "without a pause subscribers hear nothing: {seen:?}"
        );
        assert_eq!(run(&mut venue, 1, 0, order(1)), [""; 0], "its number is used");
        assert_eq!(run(&mut venue, 2, 0, order(2)), ["2 A", "A"]);
    }
}

#[test]
fn what_has_no_stamp_is_not_late() {
    let mut venue = venue(config());
    let mut outputs = Outputs::default();
    venue.sim.set_time_ns(NOON_NS);
    venue.send(SequencerIn::Command(order(1)), &mut outputs);
    venue.settle(&mut outputs);
    assert_eq!(seen(&outputs), ["1 A", "A"]);
}

#[test]
fn without_protection_nothing_is_late() {
    let mut venue = Venue::new(config());
    assert_eq!(run(&mut venue, 0, NOON_NS / 2, order(1)), ["1 A", "A"]);
}

#[test]
fn a_late_replace_that_raises_something_is_rejected_and_leaves_its_order() {
    // The new total and price of a buy order of 100 at 10.00.
    for (total, price, raises) in
        [(101, 100_000, true), (100, 100_100, true), (99, 100_000, false), (100, 99_900, false)]
    {
        let mut venue = venue(config());
        run(&mut venue, 0, 0, order(1));
        let late = run(&mut venue, 1, LATE, Command::Replace(replace(0, 1, 2, total, price)));
        if !raises {
            assert_eq!(late, ["2 U", "U"], "{total} at {price}");
            continue;
        }
        assert_eq!(late, ["2 J 0x07", "H1 P O1"], "{total} at {price}");
        let again = |original, user_ref| Command::Replace(replace(0, original, user_ref, 90, 100_000));
        assert_eq!(run(&mut venue, 2, 0, again(1, 2)), [""; 0], "its number is used");
        assert_eq!(run(&mut venue, 3, 0, again(1, 3)), ["3 U", "U"], "the order stays, and may be lowered");
    }
}

#[test]
fn what_lowers_passes_late_and_during_a_pause() {
    for age_ns in [0, LATE] {
        let mut venue = venue(config());
        for user_ref in 1..=3 {
            run(&mut venue, 0, 0, order(user_ref));
        }
        assert_eq!(run(&mut venue, 1, LATE, order(4)), ["4 J 0x07", "H1 P O1"]);
        assert_eq!(run(&mut venue, 2, age_ns, cancel(0, 1, 0)), ["1 C", "D"]);
        assert_eq!(run(&mut venue, 3, age_ns, modify(0, 2, b'B', 50)), ["2 M", "X"]);
        assert_eq!(run(&mut venue, 4, age_ns, mass_cancel_in(0, 0, 5)), ["5 X", "2 C", "3 C", "D", "D"]);
    }
}

#[test]
fn an_instrument_is_paused_for_its_time_and_subscribers_are_told() {
    let mut venue = venue(config());
    run(&mut venue, 0, 0, order_for(1, 1));
    assert_eq!(run(&mut venue, 0, LATE, order(1)), ["1 J 0x07", "H1 P O1"]);
    assert_eq!(venue.counters.get(GroupCount::InstrumentsPaused), 1);
    assert_eq!(run(&mut venue, 1, 0, order(2)), ["2 J 0x07"]);
    let raise = Command::Replace(replace(1, 1, 2, 200, 100_000));
    assert_eq!(run(&mut venue, 2, 0, raise), ["2 J 0x07"]);
    assert_eq!(run(&mut venue, 3, 0, order_for(2, 3)), ["3 A", "A"], "another instrument");
    // One that is late in the pause does not prolong it.
    assert_eq!(run(&mut venue, 4, LATE, order(3)), ["3 J 0x07"]);
    assert_eq!(run(&mut venue, PAUSE_NS - 1, 0, Command::EndPauses), [""; 0]);
    assert_eq!(run(&mut venue, PAUSE_NS - 1, 0, order(4)), ["4 J 0x07"]);
    assert_eq!(run(&mut venue, PAUSE_NS, 0, Command::EndPauses), ["H1 T"]);
    assert_eq!(venue.counters.get(GroupCount::InstrumentsPaused), 0);
    assert_eq!(run(&mut venue, PAUSE_NS, 0, order(5)), ["5 A", "A"]);
    assert_eq!(run(&mut venue, PAUSE_NS, LATE, order(6)), ["6 J 0x07", "H1 P O1"], "the next one pauses anew");
}

#[test]
fn what_is_rejected_for_its_symbol_or_ignored_pauses_nothing() {
    let mut venue = venue(config());
    assert_eq!(run(&mut venue, 0, LATE, order_for(0, 1)), ["1 J 0x07"]);
    assert_eq!(run(&mut venue, 0, LATE, order_for(0, 1)), [""; 0], "a retransmission");
    assert_eq!(run(&mut venue, 0, LATE, Command::Replace(replace(0, 9, 9, 1, 100_000))), [""; 0], "no such order");
    let busy = Command::Enter(Enter { mark: Mark::Rate, ..enter(0, 1, b'B', 100, 100_000) });
    assert_eq!(run(&mut venue, 0, LATE, busy), ["1 J 0x29"], "the first mark stands");
    assert_eq!(run(&mut venue, 0, 0, order(2)), ["2 A", "A"]);
}

#[test]
fn all_pauses_that_are_over_end_at_once_in_their_order() {
    const MANY: u16 = 400;
    let one = config().instruments[0];
    let mut venue = venue(GroupConfig { instruments: vec![one; MANY.into()], ..config() });
    // Backwards, so that the order is not that of their numbers.
    for (user_ref, locate) in (1..).zip((1..=MANY).rev()) {
        let told = run(&mut venue, user_ref.into(), LATE, order_for(locate, user_ref));
        assert_eq!(told, [format!("{user_ref} J 0x07"), format!("H{locate} P O1")]);
    }
    // The last one began `MANY` nanoseconds after noon.
    let nearly_all = run(&mut venue, PAUSE_NS + u64::from(MANY) - 1, 0, Command::EndPauses);
    let expected: Vec<_> = (2..=MANY).rev().map(|locate| format!("H{locate} T")).collect();
    assert_eq!(nearly_all, expected);
    assert_eq!(venue.counters.get(GroupCount::InstrumentsPaused), 1);
    assert_eq!(run(&mut venue, PAUSE_NS + u64::from(MANY), 0, Command::EndPauses), ["H1 T"]);
}

#[test]
fn the_end_of_the_day_ends_pauses_and_begins_none() {
    let mut venue = venue(GroupConfig { opens_at_start: false, ..config() });
    assert_eq!(run(&mut venue, 0, LATE, order(1)), ["1 J 0x07"], "the day has not begun");
    for code in *b"OSQ" {
        run(&mut venue, 0, 0, market(code));
    }
    assert_eq!(run(&mut venue, 0, LATE, order(2)), ["2 J 0x07", "H1 P O1"]);
    run(&mut venue, 0, 0, market(b'E'));
    assert_eq!(venue.counters.get(GroupCount::InstrumentsPaused), 0);
    assert_eq!(run(&mut venue, 0, 0, order(3)), ["3 J 0x02"], "it is closed, not paused");
    assert_eq!(run(&mut venue, 0, LATE, order(4)), ["4 J 0x07"]);
    assert_eq!(run(&mut venue, 2 * PAUSE_NS, 0, Command::EndPauses), [""; 0]);
    assert_eq!(run(&mut venue, 0, 0, market(b'C')), ["S"]);
}
