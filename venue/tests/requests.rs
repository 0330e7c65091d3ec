//! Requests over real sockets that are rarer than enter, replace and cancel, and a day of more answers than are kept.

mod support;

use corelane_config::Bulkhead;
use support::{
    Answer, Client, Packet, SYMBOLS, below_price_of, cancel, enter, login_request, packet, price_of, replace,
};

/// A request of `kind` with the number `user_ref`, in its packet.
fn request(kind: u8, user_ref: u32, rest: &[u8]) -> Vec<u8> {
    packet(b'U', &[&[kind][..], &user_ref.to_be_bytes(), rest].concat())
}

/// M2: each kind of request of OUCH 5.0 has its answer, and no number of them ends the connection.
#[test]
fn every_kind_of_request_is_served() {
    const BLANK_FIRM: &[u8] = b"    \0\0";
    let venue = support::start(&support::config());
    let mut client = Client::log_in(venue.order_entry(), 1, 1);
    let price = price_of(SYMBOLS[0]);
    type Step = (Vec<u8>, &'static [(u8, u32)]);
    let steps: [Step; 10] = [
        (packet(b'U', b"Q"), &[(b'Q', 1)]),
        (enter(1, b'S', 100, SYMBOLS[0], price, b'0'), &[(b'A', 1)]),
        (request(b'M', 1, b"T\0\0\0\x3c"), &[(b'M', 1)]),
        (request(b'D', 2, BLANK_FIRM), &[(b'G', 2)]),
        (enter(3, b'S', 100, SYMBOLS[0], price, b'0'), &[(b'J', 3)]),
        (request(b'E', 4, BLANK_FIRM), &[(b'K', 4)]),
        (enter(5, b'S', 100, SYMBOLS[1], price_of(SYMBOLS[1]), b'0'), &[(b'A', 5)]),
        (request(b'C', 6, b"    CLN02   \0\0"), &[(b'X', 6), (b'C', 5)]),
        (request(b'C', 7, b"            \0\0"), &[(b'X', 7), (b'C', 1)]),
        (packet(b'U', b"Q\0\0"), &[(b'Q', 8)]),
    ];
    for (bytes, expected) in steps {
        client.send(&bytes);
        let got: Vec<_> = client.answers(expected.len()).iter().map(|answer| (answer.kind, answer.user_ref)).collect();
        assert_eq!(got, expected, "{bytes:02x?}");
    }
    client.send(&packet(b'U', b"Q").repeat(200));
    assert!(client.answers(200).iter().all(|answer| (answer.kind, answer.user_ref) == (b'Q', 8)));
    client.log_out();
    support::stop(venue);
}

/// M1: after any number of answers, cancels pass. A log-in gets what is kept, or is told that it is not.
#[test]
fn a_port_that_has_more_answers_than_are_kept_goes_on() {
    const ORDERS: u32 = 2000;
    let mut config = support::config();
    config.net.send_buffer_bytes = 16_384;
    config.order_entry.reply_log_bytes = 65_536;
    config.order_entry.cancel_on_disconnect = false;
    let venue = support::start(&config);
    let (address, price) = (venue.order_entry(), below_price_of(SYMBOLS[0]));
    let mut client = Client::log_in(address, 1, 1);
    client.send(&enter(1, b'B', 10, SYMBOLS[0], price, b'0'));
    assert_eq!(client.answer().kind, b'A');
    for user_ref in 2..2 + ORDERS {
        client.send(&enter(user_ref, b'B', 10, SYMBOLS[0], price, b'3'));
        let kinds: Vec<u8> = client.answers(2).iter().map(|answer| answer.kind).collect();
        assert_eq!(kinds, *b"AC", "{user_ref}");
    }
    client.send(&cancel(1));
    let canceled = client.answer();
    assert_eq!((canceled.kind, canceled.user_ref, canceled.quantity), (b'C', 1, 10));
    client.log_out();
    let mut late = Client::connect(address);
    late.send(&login_request(1, "corelane", "", "1"));
    assert_eq!(late.packet(), Some(Packet { kind: b'J', payload: b"S".to_vec() }));
    assert_eq!(late.packet(), None);
    // The start of the day, the resting order and its cancel, two answers to each other order.
    let last = u64::from(3 + 2 * ORDERS);
    let mut client = Client::log_in(address, 1, last - 100);
    let replayed = client.answers(101);
    assert_eq!(replayed.last(), Some(&canceled));
    client.log_out();
    support::stop(venue);
}

/// A port beyond its rate gets rejects; what lowers its exposure passes, and other ports notice nothing.
#[test]
fn a_port_that_sends_too_many_orders_is_throttled_alone() {
    const BURST: u32 = 100;
    let mut config = support::config();
    // Tokens that come back during the test let single requests pass.
    config.ports[0].bulkhead = Bulkhead { orders_per_second: Some(1), burst: Some(BURST), ..Bulkhead::default() };
    let venue = support::start(&config);
    let price = below_price_of(SYMBOLS[0]);
    let [mut quick, mut other] = [1, 2].map(|user| Client::log_in(venue.order_entry(), user, 1));
    let orders: Vec<u8> =
        (1..=5 * BURST).flat_map(|user_ref| enter(user_ref, b'B', 10, SYMBOLS[0], price, b'0')).collect();
    // Rejects, whose reason must be that of a message rate.
    let rejects = |answers: &[Answer]| {
        let rejects = answers.iter().filter(|answer| answer.kind == b'J');
        rejects.inspect(|answer| assert_eq!(answer.bytes[13..15], [0, 0x29])).count()
    };
    quick.send(&orders);
    let answers = quick.answers(5 * BURST as usize);
    assert_eq!(rejects(&answers[..BURST as usize]), 0);
    assert!(rejects(&answers) > 2 * BURST as usize);
    let raise = |original: u32| replace(original, 1000 + original, 20, price);
    quick.send(&(1..50).flat_map(raise).collect::<Vec<u8>>());
    let answers = quick.answers(49);
    assert!(rejects(&answers) > 20, "{answers:?}");
    let live: Vec<u32> = (1..)
        .zip(&answers)
        .map(|(original, answer)| match answer.kind {
            b'J' => original,
            _ => 1000 + original,
        })
        .collect();
    let lower = |(number, original): (u32, &u32)| [replace(*original, number, 5, price), cancel(number)].concat();
    quick.send(&(2001..).zip(&live).flat_map(lower).collect::<Vec<u8>>());
    let kinds: Vec<u8> = quick.answers(2 * live.len()).iter().map(|answer| answer.kind).collect();
    assert_eq!(kinds, b"UC".repeat(live.len()), "orders stay, and can be lowered and cancelled");
    other.send(&orders);
    assert!(other.answers(5 * BURST as usize).iter().all(|answer| answer.kind == b'A'));
    quick.log_out();
    other.log_out();
    support::stop(venue);
}

/// A client that reads is no slow reader, however many answers come at once and however small its send buffer is.
#[test]
fn a_client_that_reads_stays_connected_with_the_smallest_send_buffer() {
    const ORDERS: u32 = 4000;
    let mut config = support::config();
    config.net.send_buffer_bytes = 16_384;
    let venue = support::start(&config);
    let price = price_of(SYMBOLS[0]);
    let [mut maker, mut taker] = [1, 2].map(|user| Client::log_in(venue.order_entry(), user, 1));
    let order = |user_ref| enter(user_ref, b'S', 1, SYMBOLS[0], price, b'0');
    maker.send(&(1..=ORDERS).flat_map(order).collect::<Vec<u8>>());
    assert!(maker.answers(ORDERS as usize).iter().all(|answer| answer.kind == b'A'));
    // Somebody else's order makes as many answers.
    taker.send(&enter(1, b'B', ORDERS, SYMBOLS[0], price, b'0'));
    assert!(maker.answers(ORDERS as usize).iter().all(|answer| answer.kind == b'E'));
    assert_eq!(taker.answers(1 + ORDERS as usize).len(), 1 + ORDERS as usize);
    maker.log_out();
    taker.log_out();
    support::stop(venue);
}
