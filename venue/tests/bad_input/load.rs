//! More than fits: a client that does not read, and a burst that is larger than every ring.

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Write},
    net::SocketAddr,
    thread,
};

use corelane_actors::session::SessionCount;

use crate::{
    Rise, alone,
    support::{self, Answer, Client, Neighbour, SYMBOLS, below_price_of, enter, price_of},
};

/// Answers that a socket's buffers and the venue's bounds do not hold: about 20 MB of them.
const FLOOD_ORDERS: u32 = 100_000;
const RESTING: u32 = 200;
const RESTING_SHARES: u32 = 10;

#[test]
fn a_client_that_never_reads_is_disconnected_and_loses_no_fill() {
    let _alone = alone();
    let mut config = support::config();
    config.net.send_buffer_bytes = 16_384;
    config.order_entry.reply_log_bytes = 32 << 20;
    let venue = support::start(&config);
    let address = venue.order_entry();
    let neighbour = Neighbour::log_in(address);
    let slow_readers = Rise::of(&venue, SessionCount::SlowReader);

    let mut slow = slow_client(address);
    let price = price_of(SYMBOLS[0]);
    for user_ref in 1..=RESTING {
        slow.send(&enter(user_ref, b'S', RESTING_SHARES, SYMBOLS[0], price, b'0'));
    }
    let taker = thread::spawn(move || take_from_the_slow(address, price));
    let flood = (RESTING + 1..=RESTING + FLOOD_ORDERS)
        .map(|user_ref| enter(user_ref, b'B', 1, SYMBOLS[1], below_price_of(SYMBOLS[1]), b'3'));
    for order in flood.collect::<Vec<_>>().chunks(100) {
        match slow.stream.write_all(&order.concat()) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => break,
            Err(error) => panic!("{error}"),
        }
    }
    slow_readers.is(1);
    drop(slow);
    let bought = taker.join().expect("the taker is served");
    neighbour.is_served();

    let stream = read_again(address);
    every_order_has_one_end(&stream);
    let sold: u32 = stream.iter().filter(|answer| answer.kind == b'E').map(|answer| answer.quantity).sum();
    assert_eq!(sold, bought, "every fill is there");
    neighbour.leave();
    support::stop(venue);
}

/// A connection with a receive buffer as small as it gets, so that little is read for it.
fn slow_client(address: SocketAddr) -> Client {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None).unwrap();
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 2048).unwrap();
    rustix::net::connect(&socket, &address).unwrap();
    let mut client = Client::on(socket.into());
    client.send(&support::login_request(1, "corelane", "", "1"));
    client
}

/// Buys a share at a time until nothing is offered any more; returns how many it got.
fn take_from_the_slow(address: SocketAddr, price: u64) -> u32 {
    let mut taker = Client::log_in(address, 2, 1);
    let mut bought = 0;
    for user_ref in 1..=RESTING * RESTING_SHARES / 2 {
        taker.send(&enter(user_ref, b'B', 1, SYMBOLS[0], price, b'3'));
        assert_eq!((taker.answer().kind), b'A');
        match taker.answer() {
            Answer { kind: b'E', quantity, .. } => bought += quantity,
            Answer { kind: b'C', .. } => {}
            answer => panic!("{answer:?}"),
        }
    }
    taker.log_out();
    assert!(bought > 0);
    bought
}

/// Everything that the slow client was ever told, up to the answer to one more order.
fn read_again(address: SocketAddr) -> Vec<Answer> {
    let mut again = Client::log_in(address, 1, 1);
    let marker = RESTING + FLOOD_ORDERS + 1;
    again.send(&enter(marker, b'B', 1, SYMBOLS[1], below_price_of(SYMBOLS[1]), b'3'));
    let mut answers = Vec::new();
    loop {
        answers.push(again.answer());
        if answers.last().is_some_and(|answer| (answer.kind, answer.user_ref) == (b'C', marker)) {
            break;
        }
    }
    again.log_out();
    answers
}

/// Orders are accepted in the order of their numbers, without a gap up to the disconnect, and executions and a cancel
/// add up to what was entered: no message is missing and none is there twice.
#[track_caller]
fn every_order_has_one_end(stream: &[Answer]) {
    let mut open = BTreeMap::new();
    let mut last_accepted = 0;
    for answer in stream {
        match answer.kind {
            b'A' => {
                let is_marker = answer.user_ref == RESTING + FLOOD_ORDERS + 1;
                assert!(is_marker || answer.user_ref == last_accepted + 1, "{} after {last_accepted}", answer.user_ref);
                last_accepted = answer.user_ref;
                open.insert(answer.user_ref, answer.quantity);
            }
            b'E' | b'C' => {
                let left = open.get_mut(&answer.user_ref).expect("only of accepted orders, and not after their end");
                *left = left.checked_sub(answer.quantity).expect("no more than was entered");
                if *left == 0 {
                    open.remove(&answer.user_ref);
                }
            }
            kind => panic!("unexpected answer {kind}"),
        }
    }
    assert_eq!(open, BTreeMap::new(), "orders without an end");
}

const BURST_SESSIONS: usize = 4;
const BURST_ORDERS: u32 = 12_500;

/// 50,000 orders into rings of 16 to 128 slots, from sessions that trade with each other.
#[test]
fn a_burst_larger_than_every_ring_is_answered_in_order_and_once() {
    let _alone = alone();
    let mut config = support::config();
    config.edges.ingress_capacity = 16;
    config.edges.group_capacity = 16;
    config.edges.references_capacity = 128;
    config.edges.replies_capacity = 64;
    config.edges.publications_capacity = 64;
    config.net.receive_buffers = 64;
    config.net.receive_buffer_bytes = 1024;
    config.order_entry.open_orders_per_port_max = 2 * BURST_ORDERS as usize;
    let venue = support::start(&config);
    let address = venue.order_entry();
    let neighbour = Neighbour::log_in(address);

    let sessions: Vec<_> = (0..BURST_SESSIONS).map(|session| thread::spawn(move || burst(address, session))).collect();
    let streams: Vec<Vec<Answer>> = sessions.into_iter().map(|session| session.join().unwrap()).collect();
    neighbour.is_served();

    let mut executions: BTreeMap<u64, Vec<(usize, u32)>> = BTreeMap::new();
    for (session, stream) in streams.iter().enumerate() {
        let accepted: Vec<u32> = stream.iter().filter(|one| one.kind == b'A').map(|one| one.user_ref).collect();
        assert!(accepted.iter().copied().eq(1..=BURST_ORDERS), "session {session}: accepted in order, once each");
        let mut answered = vec![false; BURST_ORDERS as usize + 1];
        for one in stream.iter() {
            match one.kind {
                b'A' => answered[one.user_ref as usize] = true,
                b'E' => {
                    assert!(answered[one.user_ref as usize], "session {session}: executed before it was accepted");
                    executions.entry(one.match_number).or_default().push((session, one.quantity));
                }
                kind => panic!("session {session}: unexpected answer {kind}"),
            }
        }
    }
    // Buyers and sellers of one share each, as many of one as of the other: everything traded.
    assert_eq!(executions.len(), BURST_SESSIONS / 2 * BURST_ORDERS as usize);
    for (match_number, sides) in executions {
        let [(one, 1), (other, 1)] = sides[..] else { panic!("match {match_number}: {sides:?}") };
        assert_ne!(one % 2, other % 2, "match {match_number} has a buyer and a seller");
    }
    neighbour.leave();
    support::stop(venue);
}

/// All orders in one write, and their answers read meanwhile: each order is accepted and executed once.
fn burst(address: SocketAddr, session: usize) -> Vec<Answer> {
    let mut client = Client::log_in(address, 1 + session, 1);
    let side = if session.is_multiple_of(2) { b'B' } else { b'S' };
    let orders =
        (1..=BURST_ORDERS).flat_map(|user_ref| enter(user_ref, side, 1, SYMBOLS[0], price_of(SYMBOLS[0]), b'0'));
    let orders: Vec<u8> = orders.collect();
    let mut writer = client.stream.try_clone().unwrap();
    let writing = thread::spawn(move || writer.write_all(&orders).unwrap());
    let answers = client.answers(2 * BURST_ORDERS as usize);
    writing.join().unwrap();
    client.log_out();
    answers
}
