//! Clients that do not take their last answers: a stop delivers them, or says that it did not.

use std::{
    mem,
    net::{SocketAddr, TcpStream},
    os::fd::AsRawFd,
    sync::mpsc,
    thread,
    time::Duration,
};

use corelane_actors::session::SessionCount;
use corelane_runtime::telemetry::ShardCount;
use corelane_venue::Venue;
use rustix::net::{AddressFamily, SocketType, sockopt};

use crate::{
    alone,
    support::{self, Client, SYMBOLS, below_price_of, enter, login_request, packet, until},
};

/// A client whose kernel takes little.
fn narrow(address: SocketAddr) -> Client {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    sockopt::set_socket_recv_buffer_size(&socket, 4096).unwrap();
    let segment: libc::c_int = 536;
    // SAFETY: the option is an int of that size, which outlives the call.
    let set = unsafe {
        let size = size_of_val(&segment) as libc::socklen_t;
        libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_MAXSEG, (&raw const segment).cast(), size)
    };
    assert_eq!(set, 0);
    rustix::net::connect(&socket, &address).unwrap();
    let mut client = Client::on(TcpStream::from(socket));
    client.send(&login_request(1, "corelane", "", "1"));
    assert_eq!(client.packet().unwrap().kind, b'A');
    client
}

/// Waits until the venue sends nothing more, after `again` each time.
fn until_stuck(venue: &Venue, mut again: impl FnMut()) {
    let mut sent = 0;
    until("the client takes nothing more", || {
        again();
        thread::sleep(Duration::from_millis(150));
        let now = venue.status().count(ShardCount::NetBytesOut);
        mem::replace(&mut sent, now) == now && now > 0
    });
}

/// The sequenced messages up to the end of the connection, and whether the end of the session was among them.
fn read_to_the_end(client: &mut Client) -> (u64, bool) {
    let (mut answers, mut is_ended) = (0, false);
    while let Some(packet) = client.packet() {
        answers += u64::from(packet.kind == b'S');
        is_ended |= packet.kind == b'Z';
    }
    (answers, is_ended)
}

/// What the kernel holds when the connection is reset.
#[test]
fn a_stop_tells_of_answers_that_a_client_does_not_read() {
    let _alone = alone();
    let venue = support::start(&support::config());
    let mut client = narrow(venue.order_entry());
    for _ in 0..10 {
        client.send(&packet(b'U', b"Q").repeat(200));
    }
    until("all are answered", || venue.session_counts().get(SessionCount::Answers) >= 2000);
    let stopped = venue.stop();
    let (answers, is_ended) = read_to_the_end(&mut client);
    assert!(answers < 2000 && !is_ended, "the test makes it lose some: {answers}");
    assert!(stopped.problems()[0].starts_with("peers did not take "), "{:?}", stopped.problems());
}

/// What waits in the log for room in the connection: a client that reads at last gets it, and another's is counted.
#[test]
fn a_stop_sends_what_waits_for_a_client_that_is_behind_or_tells_of_it() {
    const ANSWERS: u64 = 20_000;
    let _alone = alone();
    for reads in [true, false] {
        let mut config = support::config();
        config.net.send_buffer_bytes = 16_384;
        config.order_entry.cancel_on_disconnect = false;
        let venue = support::start(&config);
        let address = venue.order_entry();
        let mut client = Client::log_in(address, 1, 1);
        for _ in 0..ANSWERS / 200 {
            client.send(&packet(b'U', b"Q").repeat(200));
            client.answers(200);
        }
        client.log_out();
        let mut behind = narrow(address);
        until_stuck(&venue, || ());
        let (tell, told) = mpsc::channel::<()>();
        let reader = thread::spawn(move || {
            if !reads {
                // The stop is over when the other end is dropped.
                assert!(told.recv().is_err());
            }
            read_to_the_end(&mut behind)
        });
        let stopped = venue.stop();
        drop(tell);
        let (answers, is_ended) = reader.join().unwrap();
        let is_clean = stopped.problems().is_empty();
        // On a busy host, a reader may not be done in time either. The end is behind the last answer.
        assert_eq!(is_ended, is_clean, "{answers} answers; {:?}", stopped.problems());
        assert!(!is_ended || answers >= ANSWERS, "{answers}");
        assert!(reads || stopped.unsent_bytes > 0, "{:?}", stopped.problems());
    }
}

/// A client that the answers of the stop itself make too slow a reader, before the sockets are closed.
#[test]
fn a_stop_tells_of_a_client_that_it_cuts_off_as_a_slow_reader() {
    const ORDERS: u32 = 8_000;
    let _alone = alone();
    let mut config = support::config();
    config.net.send_buffer_bytes = 16_384;
    let venue = support::start(&config);
    let price = below_price_of(SYMBOLS[0]);
    let mut client = narrow(venue.order_entry());
    for first in (1..=ORDERS).step_by(50) {
        let orders: Vec<u8> = (0..50).flat_map(|n| enter(first + n, b'B', 1, SYMBOLS[0], price, b'0')).collect();
        client.send(&orders);
        assert!(client.answers(50).iter().all(|answer| answer.kind == b'A'));
    }
    // It stops reading, and asks until its answers stay in the server.
    until_stuck(&venue, || client.send(&packet(b'U', b"Q").repeat(100)));
    let counts = venue.session_counts().clone();
    assert_eq!(counts.get(SessionCount::SlowReader), 0);
    let stopped = venue.stop();
    // A kernel that took all of the answers leaves nobody to cut off, and the bytes that it held are told.
    assert_eq!(counts.get(SessionCount::SlowReader), stopped.slow_readers);
    assert!(!stopped.problems().is_empty());
}
