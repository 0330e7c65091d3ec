//! Bytes that are no packets, packets that are no requests, requests that are no orders.

use std::net::SocketAddr;

use corelane_actors::session::SessionCount;
use corelane_venue::Venue;

use crate::{
    Rise, alone,
    support::{self, Client, Neighbour, Packet, Random, SYMBOLS, below_price_of, enter, login_request, packet},
};

/// Length fields that claim far more than any packet has, in number.
const CLAIMS: usize = 2000;
/// What the process may grow by meanwhile: sockets and threads of the test, but not 64 KiB for each claim.
const GROWTH_MAX_BYTES: usize = 16 << 20;
/// Malformed requests that a connection may send.
const UNREADABLE_MAX: usize = 64;
/// Connections that send noise.
const NOISY: usize = 300;

#[test]
fn every_malformed_packet_ends_in_its_reject_or_a_counted_disconnect() {
    let _alone = alone();
    let mut config = support::config();
    config.order_entry.login_timeout_ms = 300;
    let venue = support::start(&config);
    let neighbour = Neighbour::log_in(venue.order_entry());
    let frame_max = config.net.max_frame_bytes;

    for (what, bytes, reject, count) in before_log_in(frame_max) {
        refused(&venue, what, Client::connect(venue.order_entry()), &bytes, reject, count);
        neighbour.is_served();
    }
    for (what, bytes, count) in after_log_in(frame_max) {
        refused(&venue, what, Client::log_in(venue.order_entry(), 1, 0), &bytes, None, count);
        neighbour.is_served();
    }
    malformed_requests_are_rejected_and_at_last_disconnected(&venue);
    neighbour.is_served();
    claims_do_not_grow_memory(venue.order_entry());
    neighbour.is_served();
    noise_ends_or_is_ignored(venue.order_entry(), 0x5eed_0001);
    neighbour.leave();
    support::stop(venue);
}

type Reject = Option<u8>;

fn before_log_in(frame_max: usize) -> Vec<(&'static str, Vec<u8>, Reject, SessionCount)> {
    let log_in = |user, password, session, sequence| login_request(user, password, session, sequence);
    let good = log_in(1, "corelane", "", "1");
    let too_long = [&(frame_max as u16 - 1).to_be_bytes(), b"L".as_slice()].concat();
    vec![
        ("a length of zero", vec![0, 0], None, SessionCount::BadFrame),
        ("the longest length there is", vec![0xff, 0xff, b'L'], None, SessionCount::BadFrame),
        ("one byte more than the longest frame", too_long, None, SessionCount::BadFrame),
        ("another protocol", b"GET / HTTP/1.1\r\nHost: venue\r\n\r\n".to_vec(), None, SessionCount::BadFrame),
        ("an unknown type", packet(b'Q', b""), None, SessionCount::BadPacket),
        ("a server's packet", packet(b'A', &[b' '; 30]), None, SessionCount::BadPacket),
        ("a log-in cut short", packet(b'L', &good[3..20]), None, SessionCount::BadPacket),
        ("a log-in that is too long", packet(b'L', &[&good[3..], b"0100000"].concat()), None, SessionCount::BadPacket),
        ("a heartbeat with a payload", packet(b'R', b"x"), None, SessionCount::BadPacket),
        ("an order", enter(1, b'B', 1, SYMBOLS[0], 10_000, b'0'), None, SessionCount::NotLoggedIn),
        ("a log-out", packet(b'O', b""), None, SessionCount::Logout),
        ("the wrong password", log_in(1, "wrong", "", "1"), Some(b'A'), SessionCount::NotAuthorized),
        ("an unknown user", log_in(9, "corelane", "", "1"), Some(b'A'), SessionCount::NotAuthorized),
        ("no password", log_in(1, "", "", "1"), Some(b'A'), SessionCount::NotAuthorized),
        ("yesterday's session", log_in(1, "corelane", "CORELANE00", "1"), Some(b'S'), SessionCount::SessionUnavailable),
        ("a sequence to come", log_in(1, "corelane", "", "1000000"), Some(b'S'), SessionCount::SessionUnavailable),
        (
            "the highest sequence",
            log_in(1, "corelane", "", &u64::MAX.to_string()),
            Some(b'S'),
            SessionCount::SessionUnavailable,
        ),
        ("a sequence beyond 64 bits", log_in(1, "corelane", "", "99999999999999999999"), None, SessionCount::BadPacket),
        ("a sequence that is no number", log_in(1, "corelane", "", "one"), None, SessionCount::BadPacket),
        ("half a log-in, then nothing", good[..20].to_vec(), None, SessionCount::LoginTimeout),
        ("half a length, then nothing", vec![0], None, SessionCount::LoginTimeout),
        ("nothing", Vec::new(), None, SessionCount::LoginTimeout),
        (
            "free text and heartbeats for a log-in",
            [packet(b'+', b"hello"), packet(b'R', b"")].concat(),
            None,
            SessionCount::LoginTimeout,
        ),
    ]
}

fn after_log_in(frame_max: usize) -> Vec<(&'static str, Vec<u8>, SessionCount)> {
    let order = enter(1, b'B', 1, SYMBOLS[0], 10_000, b'0');
    vec![
        ("a second log-in", login_request(1, "corelane", "", "1"), SessionCount::LoggedInAlready),
        ("a length of zero", vec![0, 0], SessionCount::BadFrame),
        ("an oversized frame", (frame_max as u16).to_be_bytes().to_vec(), SessionCount::BadFrame),
        ("an unknown type", packet(b'?', b""), SessionCount::BadPacket),
        ("a server's sequenced packet", packet(b'S', &order[3..]), SessionCount::BadPacket),
        ("a log-out with a payload", packet(b'O', b"now"), SessionCount::BadPacket),
        ("a log-out", packet(b'O', b""), SessionCount::Logout),
    ]
}

/// The connection ends after `bytes`, with the log-in reject if there is one, and is counted.
#[track_caller]
fn refused(venue: &Venue, what: &str, mut client: Client, bytes: &[u8], reject: Reject, count: SessionCount) {
    let rise = Rise::of(venue, count);
    client.send(bytes);
    let packets: Vec<Packet> = std::iter::from_fn(|| client.packet()).collect();
    let expected: Vec<Packet> = reject.map(|code| Packet { kind: b'J', payload: vec![code] }).into_iter().collect();
    assert_eq!(packets, expected, "{what}");
    rise.is(1);
}

#[track_caller]
fn malformed_requests_are_rejected_and_at_last_disconnected(venue: &Venue) {
    let requests = Rise::of(venue, SessionCount::UnreadableRequests);
    let ends = Rise::of(venue, SessionCount::Unreadable);
    let mut client = Client::log_in(venue.order_entry(), 2, 1);
    // An order whose appendage is wrong has a number, and so a reject; the rest has nobody to answer to.
    let mut bad_appendage = enter(1, b'B', 1, SYMBOLS[0], 10_000, b'0')[3..].to_vec();
    bad_appendage.extend([9, 9, 9]);
    client.send(&packet(b'U', &bad_appendage));
    let rejected = client.answer();
    assert_eq!((rejected.kind, rejected.user_ref), (b'J', 1));
    let unreadable: [&[u8]; 5] = [b"", b"?", b"O", b"X\0\0", &[0xff; 47]];
    for at in 0..UNREADABLE_MAX {
        client.send(&packet(b'U', unreadable[at % unreadable.len()]));
    }
    requests.is(UNREADABLE_MAX as u64);
    client.send(&enter(2, b'B', 1, SYMBOLS[0], below_price_of(SYMBOLS[0]), b'3'));
    let kinds: Vec<_> = client.answers(2).iter().map(|answer| (answer.kind, answer.user_ref)).collect();
    assert_eq!(kinds, [(b'A', 2), (b'C', 2)], "it is still served");
    client.send(&packet(b'U', b"?"));
    assert_eq!(client.packet(), None, "one unreadable request too many in a minute ends the connection");
    ends.is(1);
}

#[track_caller]
fn claims_do_not_grow_memory(address: SocketAddr) {
    let before = resident_bytes();
    for _ in 0..CLAIMS / 100 {
        let mut clients: Vec<Client> = (0..100).map(|_| Client::connect(address)).collect();
        for (at, client) in clients.iter_mut().enumerate() {
            // Half of them claim what no frame may have, half the longest frame there is and hold it back.
            let claim: &[u8] = if at % 2 == 0 { &[0xff, 0xff, b'U'] } else { &[0x03, 0xfe, b'L'] };
            client.send(claim);
        }
        for client in clients.iter_mut().step_by(2) {
            assert_eq!(client.packet(), None);
        }
    }
    let growth = resident_bytes().saturating_sub(before);
    assert!(growth < GROWTH_MAX_BYTES, "{CLAIMS} claims made the process grow by {growth} bytes");
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * rustix::param::page_size()
}

/// Noise of three kinds: any bytes, good packets of any content, and log-ins followed by requests of any content.
fn noise_ends_or_is_ignored(address: SocketAddr, seed: u64) {
    println!("seed {seed:#x}");
    let mut random = Random::new(seed);
    for at in 0..NOISY {
        let mut bytes = Vec::new();
        if at % 3 == 2 {
            bytes.extend(login_request(3, "corelane", "", "0"));
        }
        for _ in 0..1 + random.index(20) {
            let length = random.index(120);
            let noise: Vec<u8> = (0..length).map(|_| random.index(256) as u8).collect();
            match at % 3 {
                0 => bytes.extend(noise),
                1 => bytes.extend(packet(*b"LUROSAZHJ+?".get(random.index(11)).unwrap(), &noise)),
                _ => {
                    let mut request = noise;
                    request.insert(0, b"OUXM"[random.index(4)]);
                    bytes.extend(packet(b'U', &request));
                }
            }
        }
        let mut client = Client::connect(address);
        // The venue may have closed before everything was written.
        let _ = std::io::Write::write_all(&mut client.stream, &bytes);
        match random.index(3) {
            0 => client.reset(),
            1 => client.half_close(),
            _ => {}
        }
    }
}
