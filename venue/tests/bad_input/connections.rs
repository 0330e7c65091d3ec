//! Connections that come too many at once, say nothing, dribble, take over, break off.

use std::{
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use corelane_actors::session::SessionCount;
use corelane_runtime::telemetry::ShardCount;
use rustix::net::{AddressFamily, SocketType};

use crate::{
    Rise, alone, shard_counter,
    support::{self, Client, Neighbour, SYMBOLS, below_price_of, enter, login_request, packet, until},
};

const CONNECTIONS_MAX: usize = 64;
const FLOOD: usize = 1000;
const LOGIN_TIMEOUT: Duration = Duration::from_millis(400);

#[test]
fn connections_that_misbehave_cost_their_neighbours_nothing() {
    let _alone = alone();
    let mut config = support::config();
    config.net.connections_max = CONNECTIONS_MAX;
    config.order_entry.login_timeout_ms = LOGIN_TIMEOUT.as_millis() as u64;
    let venue = support::start(&config);
    let address = venue.order_entry();
    let neighbour = Neighbour::log_in(address);

    let silent = Rise::of(&venue, SessionCount::LoginTimeout);
    says_nothing(address);
    silent.is(1);
    one_byte_at_a_time(address);
    neighbour.is_served();

    let wrong = Rise::of(&venue, SessionCount::NotAuthorized);
    log_in_flood(address, 500);
    wrong.is(500);
    neighbour.is_served();

    let superseded = Rise::of(&venue, SessionCount::Superseded);
    each_log_in_takes_over(address, 20);
    superseded.is(19);
    neighbour.is_served();

    half_closed_client_loses_no_answer(address);
    reset_client_loses_no_answer(address);
    neighbour.is_served();

    // The ones before have gone, so that only the neighbour has a slot.
    // The second figure may be newer than the first.
    let figure = |count| shard_counter(&venue, count);
    until("only the neighbour is connected", || figure(ShardCount::NetOpened) == figure(ShardCount::NetClosed) + 1);
    let timed_out_before = venue.session_counts().get(SessionCount::LoginTimeout);
    let flood: Vec<TcpStream> = (0..FLOOD).map(|_| TcpStream::connect(address).unwrap()).collect();
    neighbour.is_served();
    for stream in flood {
        // Whether for want of a slot or of a log-in: the venue ends them all.
        assert_eq!(Client::on(stream).packet(), None);
    }
    // Those that made room for another count as too many.
    let too_many = || shard_counter(&venue, ShardCount::NetTooMany) as usize;
    let timed_out = || (venue.session_counts().get(SessionCount::LoginTimeout) - timed_out_before) as usize;
    until("each of them is counted", || too_many() + timed_out() >= FLOOD);
    assert_eq!(too_many() + timed_out(), FLOOD, "each once");
    assert!(timed_out() > 0, "the last of them were left until their time was up");
    neighbour.is_served();
    Client::log_in(address, 1, 1).log_out();
    neighbour.leave();
    support::stop(venue);
}

/// M11: the log-in time-out is far off, and still every member gets in.
#[test]
fn silent_connections_lock_no_member_out() {
    let _alone = alone();
    let mut config = support::config();
    config.net.connections_max = CONNECTIONS_MAX;
    let venue = support::start(&config);
    let address = venue.order_entry();
    let silent: Vec<TcpStream> = (0..FLOOD).map(|_| TcpStream::connect(address).unwrap()).collect();
    let members: Vec<Client> = (1..=8).map(|user| Client::log_in(address, user, 1)).collect();
    let more: Vec<TcpStream> = (0..FLOOD).map(|_| TcpStream::connect(address).unwrap()).collect();
    for (user, mut member) in (1..).zip(members) {
        member.send(&enter(1, b'B', 1, SYMBOLS[0], below_price_of(SYMBOLS[0]), b'3'));
        let kinds: Vec<u8> = member.answers(2).iter().map(|answer| answer.kind).collect();
        assert_eq!(kinds, *b"AC", "member {user}");
        member.log_out();
    }
    assert!(venue.session_counts().get(SessionCount::MadeRoom) > 0);
    assert_eq!(venue.session_counts().get(SessionCount::LoginTimeout), 0);
    drop((silent, more));
    support::stop(venue);
}

/// M11: more refused log-ins than there are places, from several addresses. Each waits for its client, which stays, and
/// still every member gets in.
#[test]
fn refused_log_ins_lock_no_member_out() {
    const REFUSED: usize = 40;
    let _alone = alone();
    let mut config = support::config();
    config.net.connections_max = CONNECTIONS_MAX;
    let venue = support::start(&config);
    let address = venue.order_entry();
    let mut stay = Vec::new();
    let mut members = Vec::new();
    for user in 1..=8 {
        for last_byte in [1, 2, 3, 4].into_iter().cycle().take(REFUSED) {
            let mut client = Client::on(connect_from([127, 0, 1, last_byte], address));
            client.send(&login_request(1, "guess", "", "1"));
            client.packet();
            stay.push(client);
        }
        members.push(Client::log_in(address, user, 1));
    }
    for (user, mut member) in (1..).zip(members) {
        member.send(&enter(1, b'B', 1, SYMBOLS[0], below_price_of(SYMBOLS[0]), b'3'));
        let kinds: Vec<u8> = member.answers(2).iter().map(|answer| answer.kind).collect();
        assert_eq!(kinds, *b"AC", "member {user}");
        member.log_out();
    }
    let counts = venue.session_counts();
    assert_eq!(counts.get(SessionCount::NotAuthorized), 8 * REFUSED as u64, "each was answered");
    assert_eq!((counts.get(SessionCount::MadeRoom), counts.get(SessionCount::TooMany)), (0, 0));
    drop(stay);
    support::stop(venue);
}

/// A connection of one of the loop's addresses.
fn connect_from(source: [u8; 4], address: SocketAddr) -> TcpStream {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&socket, &SocketAddr::from((source, 0))).unwrap();
    rustix::net::connect(&socket, &address).unwrap();
    TcpStream::from(socket)
}

fn says_nothing(address: SocketAddr) {
    let since = Instant::now();
    assert_eq!(Client::connect(address).packet(), None);
    let waited = since.elapsed();
    assert!(waited >= LOGIN_TIMEOUT && waited < LOGIN_TIMEOUT + Duration::from_secs(5), "closed after {waited:?}");
}

fn one_byte_at_a_time(address: SocketAddr) {
    let mut client = Client::connect(address);
    let order = enter(1, b'B', 1, SYMBOLS[0], below_price_of(SYMBOLS[0]), b'3');
    for bytes in [login_request(1, "corelane", "", "1"), order] {
        bytes.iter().for_each(|byte| client.send(&[*byte]));
    }
    assert_eq!(client.packet().unwrap().kind, b'A');
    let kinds: Vec<u8> = client.answers(2).iter().map(|answer| answer.kind).collect();
    assert_eq!(kinds, *b"AC");
    client.log_out();
}

fn log_in_flood(address: SocketAddr, attempts: usize) {
    let clients: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(move || {
                for _ in 0..attempts / 4 {
                    let mut client = Client::connect(address);
                    client.send(&login_request(2, "guess", "", "1"));
                    assert_eq!(client.packet().map(|packet| packet.payload), Some(b"A".to_vec()));
                    assert_eq!(client.packet(), None);
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
}

/// The same user again and again: the one before is closed, the order of each is answered on its own connection.
fn each_log_in_takes_over(address: SocketAddr, times: u32) {
    let mut before: Option<Client> = None;
    for user_ref in 1..=times {
        let mut client = Client::log_in(address, 3, 0);
        if let Some(mut before) = before.take() {
            assert_eq!(before.answers_to_the_end(), [], "nothing of the new connection's on the old one");
        }
        client.send(&enter(user_ref, b'B', 1, SYMBOLS[2], below_price_of(SYMBOLS[2]), b'3'));
        let kinds: Vec<_> = client.answers(2).iter().map(|answer| (answer.kind, answer.user_ref)).collect();
        assert_eq!(kinds, [(b'A', user_ref), (b'C', user_ref)]);
        before = Some(client);
    }
    before.expect("the last of them").log_out();
}

/// All it sent before closing its side is answered, here or at its next log-in.
/// R10: after its end, a client gets its answers, then those of cancel-on-disconnect, then the venue's end.
fn half_closed_client_loses_no_answer(address: SocketAddr) {
    const ORDERS: u32 = 100;
    let mut client = Client::log_in(address, 4, 1);
    // Even ones rest.
    let time_in_force = |user_ref: u32| if user_ref.is_multiple_of(2) { b'0' } else { b'3' };
    let order = |user_ref| enter(user_ref, b'B', 1, SYMBOLS[3], below_price_of(SYMBOLS[3]), time_in_force(user_ref));
    client.send(&(1..=ORDERS).flat_map(order).collect::<Vec<u8>>());
    client.half_close();
    let heard = client.answers_to_the_end();
    let mut again = Client::log_in(address, 4, 1);
    assert_eq!(heard, again.answers(2 * ORDERS as usize), "all of it, and the same bytes again");
    let (answers, cancels) = heard.split_at(3 * ORDERS as usize / 2);
    let expected = (1..=ORDERS).flat_map(|user_ref| match user_ref.is_multiple_of(2) {
        true => vec![(b'A', user_ref)],
        false => vec![(b'A', user_ref), (b'C', user_ref)],
    });
    assert_eq!(
        answers.iter().map(|answer| (answer.kind, answer.user_ref)).collect::<Vec<_>>(),
        expected.collect::<Vec<_>>()
    );
    let mut canceled: Vec<_> = cancels.iter().map(|answer| (answer.kind, answer.user_ref)).collect();
    canceled.sort_unstable();
    let resting = (1..=ORDERS).filter(|user_ref| user_ref.is_multiple_of(2));
    assert_eq!(canceled, resting.map(|user_ref| (b'C', user_ref)).collect::<Vec<_>>());
    again.log_out();
}

/// What was taken before the reset is answered, without a gap; resting orders are cancelled.
fn reset_client_loses_no_answer(address: SocketAddr) {
    let mut next = 1;
    // After the system event that starts the day.
    let mut sequence = 2;
    for round in 1..=5 {
        let mut client = Client::log_in(address, 5, sequence);
        for user_ref in next..next + 200 {
            client.send(&enter(user_ref, b'B', 1, SYMBOLS[4], below_price_of(SYMBOLS[4]), b'0'));
        }
        let first = client.answer();
        assert_eq!((first.kind, first.user_ref), (b'A', next), "round {round}");
        client.reset();
        let mut again = Client::log_in(address, 5, sequence);
        // The marker order's answer says that there is nothing more of those before.
        let marker = next + 1000;
        again.send(&enter(marker, b'B', 1, SYMBOLS[4], below_price_of(SYMBOLS[4]), b'3'));
        let (mut accepted, mut canceled) = (Vec::new(), Vec::new());
        loop {
            let answer = again.answer();
            sequence += 1;
            match answer.kind {
                b'A' if answer.user_ref == marker => break,
                b'A' => accepted.push(answer.user_ref),
                b'C' => canceled.push(answer.user_ref),
                kind => panic!("unexpected answer {kind}"),
            }
        }
        assert_eq!(again.answer().kind, b'C');
        sequence += 1;
        let expected: Vec<u32> = (next..next + accepted.len() as u32).collect();
        canceled.sort_unstable();
        assert_eq!(accepted, expected, "accepted without a gap");
        assert_eq!(canceled, expected, "and cancelled, once each");
        next = marker + 1;
        again.send(&packet(b'R', b""));
        again.log_out();
    }
}
