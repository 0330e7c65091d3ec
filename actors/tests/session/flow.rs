//! Requests in, answers out: back-pressure, replay, slow readers and the bounds of a port.

use crate::harness::{MS, SECOND, Venue, config, enter, packets, replace, short, summary};
use corelane_actors::{
    session::{REPLY_LOG_SPARE_BYTES, SessionConfig, SessionCount},
    types::{Command, PortId, SessionChange},
};
use corelane_codecs::{
    IntoBytes,
    ouch::{self, Liquidity},
    price::Price,
    soup::{self, ClientPacket},
};
use corelane_runtime::net::{CloseReason, ConnId};

/// The least size of a replay log, in bytes.
const SMALL_LOG: usize = 9472;

fn request(venue: &mut Venue, conn: ConnId, message: &[u8]) {
    venue.send(conn, &ClientPacket::Unsequenced(message));
}

fn shorts(venue: &mut Venue) -> Vec<String> {
    venue.commands().iter().map(short).collect()
}

#[test]
fn answers_of_one_cycle_leave_together_and_are_replayed_unchanged_after_a_reconnect() {
    let mut venue = Venue::new(config());
    let first = venue.alice();
    let mut live = Vec::new();
    for user_ref in 1..=300 {
        venue.answer(0, user_ref, 0, &Venue::some_answer(user_ref));
        if user_ref % 7 == 0 {
            venue.tick();
            live.extend(venue.sent(first));
        }
    }
    venue.tick();
    live.extend(venue.sent(first));
    assert_eq!(packets(&live).len(), 300);
    venue.net.disconnect(first, CloseReason::Peer);
    venue.sim.run_until_idle();
    // These answers arrive while the client is not connected.
    for user_ref in 301..=310 {
        venue.answer(0, user_ref, 0, &Venue::some_answer(user_ref));
    }
    venue.tick();
    let second = venue.log_in("alice", "secret", 1);
    let replayed = venue.sent(second);
    let (accepted, replayed) = replayed.split_at(33);
    assert_eq!(accepted[2], b'A');
    assert_eq!(replayed[..live.len()], live);
    assert_eq!(packets(&replayed[live.len()..]).len(), 10);
}

#[test]
fn a_replay_passes_through_any_send_buffer() {
    for room in [1, 33, 50, 1000] {
        let mut venue = Venue::new(config());
        for user_ref in 1..=50 {
            venue.answer(0, user_ref, 0, &Venue::some_answer(user_ref));
        }
        venue.tick();
        venue.net.set_send_room(Some(room));
        let conn = venue.log_in("alice", "secret", 1);
        let mut bytes = Vec::new();
        if room < 33 {
            assert_eq!(venue.sent(conn), b"", "the acceptance does not fit");
            venue.net.set_send_room(Some(33));
            venue.sim.run_until_idle();
            bytes.extend(venue.sent(conn));
        }
        for _ in 0..2000 {
            venue.advance(2 * MS);
            bytes.extend(venue.sent(conn));
            venue.net.set_send_room(Some(room));
            venue.sim.run_until_idle();
        }
        let expected = format!("A{}", " SC".repeat(50));
        let got = summary(&bytes);
        assert!(got.starts_with(&expected), "room {room}: {got}");
        assert!(got[expected.len()..].chars().all(|kind| "H ".contains(kind)), "{got}");
    }
}

#[test]
fn a_slow_reader_is_closed_loses_nothing_and_harms_nobody() {
    let mut small = config();
    small.unsent_bytes_max = 500;
    let mut venue = Venue::new(small);
    let (slow, quick) = (venue.alice(), venue.bob());
    venue.net.set_send_room(Some(1000));
    venue.sim.run_until_idle();
    let (mut slow_bytes, mut quick_bytes) = (Vec::new(), Vec::new());
    let mut answered = 0;
    while !venue.is_closed(slow) {
        answered += 1;
        assert!(answered < 200);
        for port in [0, 1] {
            venue.answer(port, answered, 0, &Venue::some_answer(answered));
        }
        venue.tick();
        quick_bytes.extend(venue.sent(quick));
    }
    slow_bytes.extend(venue.sent(slow));
    assert_eq!(venue.net.closed_by_actor(slow), Some(CloseReason::SlowReader));
    assert_eq!(venue.count(SessionCount::SlowReader), 1);
    assert_eq!(packets(&quick_bytes).len(), answered as usize);
    assert_eq!(slow_bytes.len(), 1000, "what fitted is there");
    venue.net.set_send_room(None);
    let again = venue.log_in("alice", "secret", 1);
    let replayed = venue.sent(again);
    assert_eq!(replayed[33..][..1000], slow_bytes);
    assert_eq!(packets(&replayed).len(), 1 + answered as usize);
}

/// The smallest log that the configuration allows suffices, with both buffers full, a batch of answers on top, and the cancels of
/// all open orders, such as those that its disconnect causes.
#[test]
fn a_slow_reader_loses_nothing_with_the_smallest_log_allowed() {
    const BUFFER: usize = 32 << 10;
    const OPEN: u32 = 8192;
    let cancels_bytes = OPEN as usize * (soup::HEADER_LEN + size_of::<ouch::Canceled>());
    let unsent_bytes_max = BUFFER + cancels_bytes;
    let executions_bytes = OPEN as usize * (soup::HEADER_LEN + size_of::<ouch::Executed>());
    let reply_log_bytes = BUFFER + unsent_bytes_max + executions_bytes + REPLY_LOG_SPARE_BYTES;
    let mut venue = Venue::new(SessionConfig { reply_log_bytes, unsent_bytes_max, ..config() });
    let conn = venue.alice();
    venue.sent(conn);
    venue.net.set_send_room(Some(BUFFER));
    let mut answered = 0;
    while !venue.is_closed(conn) {
        for _ in 0..256 {
            answered += 1;
            venue.answer(0, answered, 0, &Venue::some_answer(answered));
        }
        venue.tick();
        assert!(answered < 20_000);
    }
    assert_eq!(venue.count(SessionCount::SlowReader), 1);
    for executed in 0..OPEN {
        answered += 1;
        let execution = ouch::Executed::new(7, answered, 1, Price::default(), Liquidity::Added, u64::from(answered));
        venue.answer(0, answered, 0, execution.as_bytes());
        if executed % 256 == 0 {
            venue.tick();
        }
    }
    venue.tick();
    venue.net.set_send_room(None);
    let again = venue.log_in("alice", "secret", 1);
    assert_eq!(venue.count(SessionCount::NotKept), 0);
    assert_eq!(packets(&venue.sent(again)).len(), 1 + answered as usize);
}

#[test]
fn a_client_that_replays_slowly_is_not_a_slow_reader_until_it_has_caught_up() {
    let mut small = config();
    small.unsent_bytes_max = 100;
    let mut venue = Venue::new(small);
    for user_ref in 1..=100 {
        venue.answer(0, user_ref, 0, &Venue::some_answer(user_ref));
    }
    venue.tick();
    venue.net.set_send_room(Some(200));
    let conn = venue.log_in("alice", "secret", 1);
    let mut bytes = Vec::new();
    for user_ref in 101..=110 {
        venue.answer(0, user_ref, 0, &Venue::some_answer(user_ref));
        venue.tick();
    }
    assert!(!venue.is_closed(conn));
    for _ in 0..20 {
        bytes.extend(venue.sent(conn));
        venue.net.set_send_room(Some(200));
        venue.sim.run_until_idle();
    }
    assert_eq!(packets(&bytes).len(), 111);
    for user_ref in 111..=130 {
        venue.answer(0, user_ref, 0, &Venue::some_answer(user_ref));
        venue.tick();
    }
    assert!(venue.is_closed(conn));
}

#[test]
fn a_full_edge_holds_requests_and_loses_or_reorders_nothing() {
    // The least capacity that the topology allows.
    let mut venue = Venue::with_edge(config(), 6);
    let alice = venue.alice();
    assert_eq!(shorts(&mut venue), ["in0.1"]);
    let bob = venue.bob();
    assert_eq!(shorts(&mut venue), ["in1.1"]);
    for user_ref in 1..=20 {
        let message = enter(user_ref, "AAPL");
        venue.queue(alice, &ClientPacket::Unsequenced(message.as_bytes()));
    }
    venue.queue(alice, &ClientPacket::Logout);
    venue.queue(bob, &ClientPacket::Logout);
    let mut got = Vec::new();
    for _ in 0..100 {
        venue.advance(2 * MS);
        assert!(venue.sim.failures().is_empty());
        // One at a time: the slowest consumer.
        got.extend(venue.requests.receive().map(|envelope| match envelope.body {
            corelane_actors::types::SequencerIn::Command(command) => short(&command),
            other => panic!("{other:?}"),
        }));
    }
    let mut expected: Vec<_> = (1..=20).map(|user_ref| format!("O{user_ref}")).collect();
    expected.extend(["out0.1".to_owned(), "out1.1".to_owned()]);
    assert_eq!(got, expected);
}

#[test]
fn heartbeats_go_on_while_requests_wait_for_room_and_time_outs_wait() {
    let mut venue = Venue::with_edge(config(), 12);
    let (alice, bob) = (venue.alice(), venue.bob());
    let _ = venue.commands();
    let stranger = venue.connect();
    for user_ref in 1..=40 {
        venue.queue(alice, &ClientPacket::Unsequenced(enter(user_ref, "AAPL").as_bytes()));
    }
    // Less than the time after which bob counts as silent.
    venue.advance_slowly(10 * SECOND);
    let sent = summary(&venue.sent(bob));
    assert!(sent.matches('H').count() >= 8, "in 10 s bob got {sent:?}");
    venue.advance_slowly(50 * SECOND);
    assert!(!venue.is_closed(stranger), "its log-in would wait unread too");
    for _ in 0..20 {
        let _ = venue.commands();
        venue.tick();
    }
    venue.advance_slowly(50 * SECOND);
    assert!(venue.is_closed(stranger));
}

#[test]
fn disconnects_that_find_no_room_are_announced_when_there_is_room() {
    let mut venue = Venue::with_edge(config(), 8);
    let conns = [venue.alice(), venue.bob(), venue.carol()];
    for conn in conns {
        venue.net.disconnect(conn, CloseReason::Peer);
    }
    venue.advance_slowly(SECOND);
    // Room for one step is left for what follows.
    let told = shorts(&mut venue);
    assert_eq!(told, ["in0.1", "in1.1", "in2.1", "out0.1", "out1.1"]);
    assert_eq!(shorts(&mut venue), Vec::<String>::new());
    venue.advance(2 * MS);
    assert_eq!(shorts(&mut venue), ["out2.1"]);
}

#[test]
fn successive_log_ins_on_a_full_edge_are_announced_in_pairs() {
    let mut venue = Venue::with_edge(config(), 6);
    for _ in 0..10 {
        let conn = venue.connect();
        let request = crate::harness::login("alice", "secret", 1);
        venue.queue(conn, &ClientPacket::Login(request));
        venue.sim.run_until_idle();
        venue.net.disconnect(conn, CloseReason::Peer);
        venue.sim.run_until_idle();
    }
    let mut got = Vec::new();
    for _ in 0..200 {
        got.extend(shorts(&mut venue));
        venue.advance(2 * MS);
    }
    let expected: Vec<_> =
        (1..=10).flat_map(|generation| [format!("in0.{generation}"), format!("out0.{generation}")]).collect();
    assert_eq!(got, expected);
}

#[test]
fn unanswered_requests_are_bounded_and_answers_give_the_credit_back() {
    let mut small = config();
    small.in_flight_max = 4;
    let mut venue = Venue::new(small);
    let (conn, other) = (venue.alice(), venue.bob());
    venue.commands();
    for user_ref in 1..=10 {
        let message = enter(user_ref, "AAPL");
        venue.queue(conn, &ClientPacket::Unsequenced(message.as_bytes()));
    }
    venue.sim.run_until_idle();
    assert_eq!(shorts(&mut venue), ["O1", "O2", "O3", "O4"]);
    // The group ignores retransmissions, so they cost no credit.
    for user_ref in 1..=2 {
        venue.answer(0, user_ref, 100, &Venue::some_answer(user_ref));
    }
    venue.tick();
    assert_eq!(shorts(&mut venue), ["O5", "O6"]);
    for user_ref in 3..=10 {
        venue.answer(0, user_ref, 100, &Venue::some_answer(user_ref));
        venue.tick();
    }
    assert_eq!(shorts(&mut venue), ["O7", "O8", "O9", "O10"]);
    for _ in 0..20 {
        request(&mut venue, conn, enter(5, "AAPL").as_bytes());
        request(&mut venue, conn, replace(999, 11).as_bytes());
    }
    assert_eq!(venue.commands().len(), 40);
    // Nor do enters whose number a replace has passed.
    request(&mut venue, conn, replace(3, 30).as_bytes());
    venue.answer_replace(0, 30, 50, 3, &Venue::some_answer(30));
    venue.tick();
    for _ in 0..20 {
        request(&mut venue, conn, enter(25, "AAPL").as_bytes());
    }
    for user_ref in 31..=34 {
        request(&mut venue, conn, enter(user_ref, "AAPL").as_bytes());
    }
    assert_eq!(venue.commands().len(), 1 + 20 + 4);
    assert!(!venue.is_closed(other));
}

#[test]
fn ignored_replaces_give_their_credit_back_when_their_fate_is_known() {
    let mut small = config();
    small.in_flight_max = 3;
    let mut venue = Venue::new(small);
    let conn = venue.alice();
    venue.commands();
    request(&mut venue, conn, enter(1, "AAPL").as_bytes());
    request(&mut venue, conn, replace(1, 2).as_bytes());
    request(&mut venue, conn, replace(2, 3).as_bytes());
    // The order is accepted and executed before its replaces arrive, so they are ignored.
    venue.answer(0, 1, 100, &Venue::some_answer(1));
    venue.answer(0, 1, 0, &Venue::some_answer(1));
    venue.tick();
    venue.commands();
    // An enter with a number below that of a replace, which then takes it.
    request(&mut venue, conn, enter(4, "AAPL").as_bytes());
    request(&mut venue, conn, replace(4, 9).as_bytes());
    request(&mut venue, conn, enter(5, "AAPL").as_bytes());
    venue.answer(0, 4, 100, &Venue::some_answer(4));
    venue.answer_replace(0, 9, 50, 4, &Venue::some_answer(9));
    venue.tick();
    for user_ref in 10..=12 {
        request(&mut venue, conn, enter(user_ref, "AAPL").as_bytes());
    }
    assert_eq!(shorts(&mut venue), ["O4", "U4>9", "O5", "O10", "O11", "O12"]);
    assert_eq!(venue.count(SessionCount::Holds), 0);
}

/// M12: requests on their way count for nothing. An immediate order may be dead before the next one arrives, and a
/// replace takes the place of its order.
#[test]
fn the_session_leaves_the_bound_of_open_orders_to_the_group() {
    let mut small = config();
    small.open_orders_per_port_max = 1;
    let mut venue = Venue::new(small);
    let conn = venue.alice();
    venue.commands();
    let immediate =
        |user_ref| ouch::Enter { time_in_force: ouch::TimeInForce::ImmediateOrCancel, ..enter(user_ref, "AAPL") };
    let messages = [
        immediate(1).as_bytes().to_vec(),
        immediate(2).as_bytes().to_vec(),
        enter(3, "AAPL").as_bytes().to_vec(),
        replace(3, 4).as_bytes().to_vec(),
        enter(5, "AAPL").as_bytes().to_vec(),
    ];
    for message in &messages {
        venue.queue(conn, &ClientPacket::Unsequenced(message));
    }
    venue.sim.run_until_idle();
    let refused = |command: &Command| match command {
        Command::Enter(enter) => enter.unsupported,
        Command::Replace(replace) => replace.unsupported,
        other => panic!("{other:?}"),
    };
    assert_eq!(venue.commands().iter().map(refused).collect::<Vec<_>>(), [0; 5]);
}

/// M1: a port may get any number of answers, and its cancels and orders pass after each of them.
#[test]
fn a_port_has_no_budget_of_messages() {
    let mut venue = Venue::new(SessionConfig { reply_log_bytes: SMALL_LOG, ..config() });
    let conn = venue.alice();
    request(&mut venue, conn, enter(1, "AAPL").as_bytes());
    for round in 1..=100 {
        for _ in 0..50 {
            venue.answer(0, 1, 100, &Venue::some_answer(1));
        }
        venue.tick();
        assert_eq!(packets(&venue.sent(conn)).len(), 50, "round {round}");
    }
    venue.commands();
    request(&mut venue, conn, ouch::Cancel::new(1, 0).as_bytes());
    request(&mut venue, conn, replace(1, 2).as_bytes());
    request(&mut venue, conn, enter(3, "AAPL").as_bytes());
    assert_eq!(shorts(&mut venue), ["X1", "U1>2", "O3"]);
}

/// M1: the log is a window. A client never gets a stream with a hole; it is told that it must start with new messages.
#[test]
fn a_log_in_that_asks_for_a_message_no_longer_kept_is_rejected() {
    const ANSWERS: u32 = 2000;
    // A packet has 21 bytes, so that some 450 are kept, and at least all but a block of these.
    const KEPT: u64 = 380;
    let mut venue = Venue::new(SessionConfig { reply_log_bytes: SMALL_LOG, ..config() });
    for user_ref in 1..=ANSWERS {
        venue.answer(0, user_ref, 0, &Venue::some_answer(user_ref));
        if user_ref % 100 == 0 {
            venue.tick();
        }
    }
    let next = u64::from(ANSWERS) + 1;
    let first_kept = next - KEPT;
    for (asked, expected) in [(1, None), (next - 460, None), (first_kept, Some(KEPT)), (next, Some(0)), (0, Some(0))] {
        let conn = venue.log_in("alice", "secret", asked);
        let sent = venue.sent(conn);
        match expected {
            None => assert_eq!((&sent[..], venue.is_closed(conn)), (&b"\0\x02JS"[..], true), "{asked}"),
            Some(replayed) => {
                assert_eq!(packets(&sent).len() as u64, 1 + replayed, "{asked}");
                assert!(summary(&sent).starts_with('A'), "{asked}");
            }
        }
    }
    assert_eq!(venue.count(SessionCount::NotKept), 2);
    assert_eq!(venue.count(SessionCount::SessionUnavailable), 0);
}

/// M1: a replay that is slower than the answers that come is ended before it would have a hole.
#[test]
fn a_replay_that_the_window_overtakes_is_ended() {
    let mut venue = Venue::new(SessionConfig { reply_log_bytes: SMALL_LOG, ..config() });
    for user_ref in 1..=300 {
        venue.answer(0, user_ref, 0, &Venue::some_answer(user_ref));
    }
    venue.tick();
    venue.net.set_send_room(Some(1000));
    let conn = venue.log_in("alice", "secret", 1);
    let mut bytes = venue.sent(conn);
    for user_ref in 301..=1000 {
        venue.answer(0, user_ref, 0, &Venue::some_answer(user_ref));
        if user_ref % 50 == 0 {
            venue.tick();
        }
    }
    bytes.extend(venue.sent(conn));
    assert_eq!(venue.net.closed_by_actor(conn), Some(CloseReason::SlowReader));
    let again = venue.log_in("alice", "secret", 0);
    assert!(!venue.is_closed(again));
    // What it got is the start of the stream.
    let whole = bytes[33..].chunks_exact(21).zip(1_u32..);
    assert!(whole.clone().count() > 0);
    assert!(whole.into_iter().all(|(packet, user_ref)| packet[3..] == Venue::some_answer(user_ref)));
}

#[test]
fn an_answer_out_of_sequence_fails_the_actor() {
    let mut venue = Venue::new(config());
    venue.alice();
    venue.numbers[0] = 1;
    venue.answer(0, 1, 0, &Venue::some_answer(1));
    venue.tick();
    assert_eq!(venue.sim.failures().len(), 1);
}

#[test]
fn a_disconnected_port_still_collects_its_answers() {
    let mut venue = Venue::new(config());
    let conn = venue.alice();
    request(&mut venue, conn, enter(1, "AAPL").as_bytes());
    venue.send(conn, &ClientPacket::Logout);
    venue.advance_slowly(SECOND);
    venue.answer(0, 1, 0, &Venue::some_answer(1));
    venue.tick();
    assert_eq!(venue.sent(conn), b"");
    let again = venue.log_in("alice", "secret", 1);
    assert_eq!(summary(&venue.sent(again)), "A SC");
    let change = SessionChange { port: PortId(0), generation: 2 };
    assert_eq!(venue.commands().last(), Some(&Command::LogIn(change)));
}
