//! SoupBinTCP as a client sees it: log-in, heartbeats, time-outs, ends.

use crate::harness::{MS, SECOND, Venue, config, enter, login, packets, summary};
use corelane_actors::{
    session::{ConnectionEnd, Credentials, Session, SessionConfig, SessionCount, SoupFramer},
    types::{Command, PortId, SessionChange},
};
use corelane_codecs::{
    IntoBytes, ouch,
    soup::{ClientPacket, LoginRequest, ServerPacket},
    text::Alpha,
};
use corelane_runtime::net::{CloseReason, ConnId, FrameError, Framer};

#[test]
fn a_log_in_is_accepted_or_rejected_by_user_password_session_and_sequence() {
    let with_session =
        |session: &str| LoginRequest { session: Alpha::new(session).unwrap(), ..login("alice", "secret", 1) };
    let blank_sequence = LoginRequest { sequence: None, ..login("alice", "secret", 1) };
    let newer = LoginRequest { heartbeat_timeout_ms: Some(5000), ..login("alice", "secret", 1) };
    // Three answers exist already.
    let cases: [(&str, LoginRequest, &str, Option<SessionCount>); 14] = [
        ("good", login("alice", "secret", 1), "A SC SC SC", None),
        ("case of letters", login("ALICE", "Secret", 1), "A SC SC SC", None),
        ("form of 4.10", newer, "A SC SC SC", None),
        ("from the second", login("alice", "secret", 2), "A SC SC", None),
        ("from the next", login("alice", "secret", 4), "A", None),
        ("only new", login("alice", "secret", 0), "A", None),
        ("blank sequence", blank_sequence, "A SC SC SC", None),
        ("today's session", with_session("DAY1"), "A SC SC SC", None),
        ("padded on the left", with_session("      DAY1"), "A SC SC SC", None),
        ("wrong password", login("alice", "wrong", 1), "J", Some(SessionCount::NotAuthorized)),
        ("wrong user", login("mallet", "secret", 1), "J", Some(SessionCount::NotAuthorized)),
        ("another's password", login("alice", "hunter2", 1), "J", Some(SessionCount::NotAuthorized)),
        ("another session", with_session("DAY2"), "J", Some(SessionCount::SessionUnavailable)),
        ("sequence to come", login("alice", "secret", 5), "J", Some(SessionCount::SessionUnavailable)),
    ];
    for (name, request, expected, refused) in cases {
        let mut venue = Venue::new(config());
        for user_ref in 1..=3 {
            venue.answer(0, user_ref, 0, &Venue::some_answer(user_ref));
        }
        let conn = venue.connect();
        venue.send(conn, &ClientPacket::Login(request));
        let sent = venue.sent(conn);
        assert_eq!(summary(&sent), expected, "{name}");
        match refused {
            None => assert!(!venue.is_closed(conn), "{name}"),
            Some(count) => {
                assert_eq!(venue.count(count), 1, "{name}");
                assert_eq!(venue.net.closed_by_actor(conn), Some(CloseReason::Local), "{name}");
            }
        }
    }
}

#[test]
fn packets_are_found_in_a_stream_and_impossible_ones_refused() {
    type Expected = Result<Option<usize>, FrameError>;
    let cases: [(&[u8], Expected); 7] = [
        (b"", Ok(None)),
        (b"\x00", Ok(None)),
        (b"\x00\x02U", Ok(None)),
        (b"\x00\x02Ux\x00", Ok(Some(4))),
        (b"\x00\x01R", Ok(Some(3))),
        (b"\x00\x00", Err(FrameError::Malformed)),
        (b"\x00\x0a", Err(FrameError::TooLong { length: 9 })),
    ];
    for (bytes, expected) in cases {
        assert_eq!(SoupFramer { payload_max: 8 }.frame_len(bytes), expected, "{bytes:?}");
    }
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    type Spoil = fn(&mut SessionConfig);
    let spoilt = |spoil: Spoil| {
        let mut config = config();
        spoil(&mut config);
        Session::new(config).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let cases: [(Spoil, &str); 6] = [
        (|config| config.connections_max = 0, "connections_max is 0"),
        (|config| config.reply_log_bytes = 100, "reply_log_bytes is 100; it must be from 9472 to"),
        (|config| config.ports.clear(), "ports is 0"),
        (|config| config.ports[1].user = Alpha::new("ALICE").unwrap(), "configured twice"),
        (|config| config.ports[1].user = Alpha::BLANK, "blank"),
        (|config| config.symbols.push(Alpha::new("AAPL").unwrap()), "symbol AAPL"),
    ];
    for (spoil, expected) in cases {
        let error = spoilt(spoil);
        assert!(error.contains(expected), "{error:?} should name {expected}");
    }
}

#[test]
fn an_accepted_log_in_names_the_session_and_the_next_number() {
    for (asked, next) in [(1, 1), (2, 2), (3, 3), (0, 3)] {
        let mut venue = Venue::new(config());
        for user_ref in 1..=2 {
            venue.answer(0, user_ref, 0, &Venue::some_answer(user_ref));
        }
        let conn = venue.log_in("alice", "secret", asked);
        let sent = venue.sent(conn);
        let accepted = ServerPacket::decode(packets(&sent)[0]).unwrap();
        let session = Alpha::new("DAY1").unwrap();
        let expected = ServerPacket::LoginAccepted { session, next_sequence: next };
        assert_eq!(accepted, expected);
    }
}

#[test]
fn each_breach_of_the_protocol_ends_its_connection_with_its_reason() {
    let mut enter = enter(1, "AAPL").as_bytes().to_vec();
    enter.push(0);
    let second_log_in = ClientPacket::Login(login("alice", "secret", 1));
    let cases: [(&str, bool, Vec<u8>, SessionCount); 8] = [
        ("unsequenced before log-in", false, b"\x00\x02UX".to_vec(), SessionCount::NotLoggedIn),
        ("unknown type before log-in", false, b"\x00\x01?".to_vec(), SessionCount::BadPacket),
        ("unknown type", true, b"\x00\x01?".to_vec(), SessionCount::BadPacket),
        ("short log-in", false, b"\x00\x03Lxx".to_vec(), SessionCount::BadPacket),
        ("heartbeat with a body", true, b"\x00\x02Rx".to_vec(), SessionCount::BadPacket),
        ("server's packet", true, b"\x00\x02Sx".to_vec(), SessionCount::BadPacket),
        ("log-out", true, b"\x00\x01O".to_vec(), SessionCount::Logout),
        ("second log-in", true, encoded(&second_log_in), SessionCount::LoggedInAlready),
    ];
    for (name, is_logged_in, frame, reason) in cases {
        let mut venue = Venue::new(config());
        let other = venue.bob();
        let conn = if is_logged_in { venue.alice() } else { venue.connect() };
        venue.net.bytes(conn, &frame);
        venue.sim.run_until_idle();
        assert!(venue.is_closed(conn), "{name}");
        assert_eq!(venue.count(reason), 1, "{name}");
        assert!(!venue.is_closed(other), "{name}");
        // Anything after the end is ignored.
        venue.net.bytes(conn, b"\x00\x01?");
        venue.sim.run_until_idle();
        assert_eq!(venue.stats.iter().take(17).map(|(_, count)| count).sum::<u64>(), 1, "{name}");
    }
}

/// M11: many connections that never log in take no time from those that have.
#[test]
fn a_connection_sends_few_packets_before_its_log_in() {
    const MOST: usize = 64;
    for packet in [ClientPacket::Heartbeat, ClientPacket::Debug(b"text")] {
        let mut venue = Venue::new(config());
        let conn = venue.connect();
        (0..MOST).for_each(|_| venue.send(conn, &packet));
        assert!(!venue.is_closed(conn));
        venue.send(conn, &packet);
        assert!(venue.is_closed(conn));
        assert_eq!(venue.count(SessionCount::NotLoggedIn), 1);

        let conn = venue.connect();
        (0..MOST).for_each(|_| venue.send(conn, &packet));
        venue.send(conn, &ClientPacket::Login(login("alice", "secret", 1)));
        (0..2 * MOST).for_each(|_| venue.send(conn, &packet));
        assert!(!venue.is_closed(conn), "who is logged in may send any number");
    }
}

fn encoded(packet: &ClientPacket<'_>) -> Vec<u8> {
    let mut bytes = [0; 256];
    let length = packet.encode(&mut bytes).unwrap();
    bytes[..length].to_vec()
}

#[test]
fn heartbeats_go_out_each_second_of_silence_and_only_then() {
    let mut venue = Venue::new(config());
    let conn = venue.alice();
    venue.advance(999 * MS);
    assert_eq!(summary(&venue.sent(conn)), "");
    venue.advance(2 * MS);
    assert_eq!(summary(&venue.sent(conn)), "H");
    venue.advance(500 * MS);
    venue.answer(0, 1, 0, &Venue::some_answer(1));
    venue.tick();
    assert_eq!(summary(&venue.sent(conn)), "SC");
    venue.advance(900 * MS);
    assert_eq!(summary(&venue.sent(conn)), "", "an answer went out less than a second ago");
    venue.advance(101 * MS);
    assert_eq!(summary(&venue.sent(conn)), "H");
    for _ in 0..5 {
        venue.advance(1001 * MS);
        assert_eq!(summary(&venue.sent(conn)), "H");
    }
}

#[test]
fn silence_ends_a_connection_after_its_time_and_traffic_prolongs_it() {
    let newer = |ms| LoginRequest { heartbeat_timeout_ms: Some(ms), ..login("alice", "secret", 1) };
    let cases: [(&str, Option<LoginRequest>, u64, SessionCount); 4] = [
        ("no log-in", None, 30 * SECOND, SessionCount::LoginTimeout),
        ("usual", Some(login("alice", "secret", 1)), 15 * SECOND, SessionCount::ClientTimeout),
        ("named by the client", Some(newer(4000)), 4 * SECOND, SessionCount::ClientTimeout),
        ("named as none", Some(newer(0)), 15 * SECOND, SessionCount::ClientTimeout),
    ];
    for (name, request, timeout_ns, reason) in cases {
        let mut venue = Venue::new(config());
        let conn = venue.connect();
        if let Some(request) = request {
            venue.send(conn, &ClientPacket::Login(request));
            for _ in 0..20 {
                venue.advance_slowly(timeout_ns / 2);
                venue.send(conn, &ClientPacket::Heartbeat);
            }
        } else {
            // A heartbeat does not extend the time to log in.
            venue.advance_slowly(timeout_ns / 2);
            venue.send(conn, &ClientPacket::Heartbeat);
        }
        let left_ns = if request.is_some() { timeout_ns } else { timeout_ns / 2 };
        venue.advance_slowly(left_ns - 10 * MS);
        assert!(!venue.is_closed(conn), "{name}");
        venue.advance_slowly(20 * MS);
        assert!(venue.is_closed(conn), "{name}");
        assert_eq!(venue.count(reason), 1, "{name}");
    }
}

/// By SIGSTOP, a debugger, the pause of a virtual machine: the time has passed, and what clients sent meanwhile is not read yet.
#[test]
fn no_client_is_silent_because_the_process_was_suspended() {
    let mut venue = Venue::new(config());
    let alice = venue.alice();
    let stranger = venue.connect();
    venue.advance_slowly(SECOND);
    venue.advance(40 * SECOND);
    assert!(!venue.is_closed(alice) && !venue.is_closed(stranger));
    venue.send(alice, &ClientPacket::Heartbeat);
    venue.send(stranger, &ClientPacket::Login(login("bob", "hunter2", 1)));
    assert_eq!(summary(&venue.sent(stranger)), "A");
    venue.advance_slowly(14 * SECOND);
    assert!(!venue.is_closed(alice) && !venue.is_closed(stranger));
    // Who says nothing then is gone, however late it is looked at.
    for _ in 0..2 {
        assert!(!venue.is_closed(alice) && !venue.is_closed(stranger));
        venue.advance(2 * SECOND);
    }
    assert!(venue.is_closed(alice) && venue.is_closed(stranger));
    assert_eq!((venue.count(SessionCount::ClientTimeout), venue.count(SessionCount::LoginTimeout)), (2, 0));
}

/// M11: a member gets in however many others say nothing, from its own address too.
#[test]
fn silent_connections_make_room_for_new_ones() {
    // Half of the six slots that a member who is logged in leaves, two of them for one address.
    let mut venue = Venue::new(SessionConfig { connections_max: 7, connections_per_address_max: 2, ..config() });
    let (near, far) = ([10, 0, 0, 1], [10, 0, 0, 2]);
    let silent = [venue.connect_from(near), venue.connect_from(near)];
    let member = venue.connect_from(near);
    assert_eq!(venue.net.closed_by_actor(silent[0]), Some(CloseReason::TooMany), "the oldest of the address");
    venue.send(member, &ClientPacket::Login(login("alice", "secret", 1)));
    assert_eq!(summary(&venue.sent(member)), "A");
    let others = [venue.connect_from(far), venue.connect_from(far)];
    assert!(!venue.is_closed(silent[1]), "a member that is logged in takes no place");
    let member = venue.connect_from([10, 0, 0, 3]);
    assert!(venue.is_closed(silent[1]), "the oldest of all");
    venue.send(member, &ClientPacket::Login(login("bob", "hunter2", 1)));
    assert_eq!(summary(&venue.sent(member)), "A");
    assert!(others.iter().all(|conn| !venue.is_closed(*conn)));
    assert_eq!(venue.count(SessionCount::MadeRoom), 2);
}

/// A venue of so many members and connections, and the members' names.
fn many_members(members: usize, connections_max: usize) -> (Venue, Vec<String>) {
    let names: Vec<String> = (0..members).map(|index| format!("U{index}")).collect();
    let port = |user: &String| Credentials { user: Alpha::new(user).unwrap(), password: Alpha::new("secret").unwrap() };
    let ports = names.iter().map(port).collect();
    (Venue::new(SessionConfig { ports, reply_log_bytes: 16 << 10, connections_max, ..config() }), names)
}

/// In the morning, each member may be connected before the first logs in.
#[test]
fn members_that_come_all_at_once_do_not_displace_each_other() {
    const MEMBERS: usize = 100;
    let (mut venue, names) = many_members(MEMBERS, MEMBERS + 32);
    let members: Vec<ConnId> = names.iter().map(|_| venue.connect()).collect();
    for (conn, user) in members.iter().zip(&names) {
        venue.send(*conn, &ClientPacket::Login(login(user, "secret", 1)));
        assert_eq!(summary(&venue.sent(*conn)), "A", "{user}");
    }
    assert_eq!((venue.count(SessionCount::LogIns), venue.count(SessionCount::MadeRoom)), (MEMBERS as u64, 0));
}

/// The fewest connections that the check of a configuration allows: two more than ports.
#[test]
fn with_the_fewest_places_members_log_in_a_few_at_a_time() {
    let (mut venue, names) = many_members(10, 12);
    let log_in = |venue: &mut Venue, conn: ConnId, user: &str| {
        venue.send(conn, &ClientPacket::Login(login(user, "secret", 1)));
        assert_eq!(summary(&venue.sent(conn)), "A", "{user}");
    };
    let members: Vec<ConnId> = names.iter().map(|_| venue.connect()).collect();
    let is_displaced: Vec<bool> = members.iter().map(|conn| venue.is_closed(*conn)).collect();
    assert_eq!(is_displaced, [[true; 4].as_slice(), &[false; 6]].concat(), "half of the places are for them");
    for (conn, user) in members.iter().zip(&names).skip(4) {
        log_in(&mut venue, *conn, user);
    }
    for user in &names[..2] {
        let again = venue.connect();
        log_in(&mut venue, again, user);
    }
}

#[test]
fn a_second_log_in_of_a_user_takes_over() {
    let mut venue = Venue::new(config());
    let first = venue.alice();
    venue.answer(0, 1, 0, &Venue::some_answer(1));
    venue.tick();
    let live = venue.sent(first);
    let second = venue.log_in("alice", "secret", 1);
    assert!(venue.is_closed(first) && !venue.is_closed(second));
    assert_eq!(venue.count(SessionCount::Superseded), 1);
    let replayed = venue.sent(second);
    assert_eq!(replayed[33..], live, "the replay equals the original");
    venue.answer(0, 2, 0, &Venue::some_answer(2));
    venue.tick();
    assert_eq!(summary(&venue.sent(second)), "SC");
    assert_eq!(venue.sent(first), b"");
    let change = |generation| SessionChange { port: PortId(0), generation };
    let expected = [Command::LogIn(change(1)), Command::Disconnect(change(1)), Command::LogIn(change(2))];
    assert_eq!(venue.commands(), expected);
}

#[test]
fn the_end_of_a_connection_is_announced_once_whoever_ended_it() {
    type End = fn(&mut Venue, ConnId);
    let ends: [(&str, End, SessionCount); 3] = [
        ("log-out", |venue, conn| venue.send(conn, &ClientPacket::Logout), SessionCount::Logout),
        ("peer", |venue, conn| venue.net.disconnect(conn, CloseReason::Peer), SessionCount::Peer),
        ("reset", |venue, conn| venue.net.disconnect(conn, CloseReason::Socket), SessionCount::Socket),
    ];
    for (name, end, reason) in ends {
        let mut venue = Venue::new(config());
        let conn = venue.alice();
        venue.commands();
        end(&mut venue, conn);
        venue.sim.run_until_idle();
        venue.advance_slowly(SECOND);
        let announced = venue.commands();
        let change = SessionChange { port: PortId(0), generation: 1 };
        assert_eq!(announced, [Command::Disconnect(change)], "{name}");
        assert_eq!(venue.count(reason), 1, "{name}");
    }
}

/// M2: only a rate of requests that nobody can answer ends a connection, and the log is told why.
#[test]
fn a_rate_of_unreadable_requests_ends_the_connection() {
    const MOST: u32 = 3;
    let mut venue = Venue::new(SessionConfig { unreadable_per_minute_max: MOST, ..config() });
    let conn = venue.alice();
    for minute in 0..5 {
        for _ in 0..MOST {
            venue.send(conn, &ClientPacket::Unsequenced(b"?"));
        }
        assert!(!venue.is_closed(conn), "minute {minute}");
        for _ in 0..6 {
            venue.advance_slowly(10 * SECOND);
            venue.send(conn, &ClientPacket::Heartbeat);
        }
    }
    assert_eq!(venue.count(SessionCount::UnreadableRequests), 5 * u64::from(MOST));
    for sent in 0..=MOST {
        assert!(!venue.is_closed(conn), "{sent} in a minute");
        venue.send(conn, &ClientPacket::Unsequenced(b"X\0"));
    }
    assert!(venue.is_closed(conn));
    assert_eq!(venue.count(SessionCount::Unreadable), 1);
    let end = ConnectionEnd { port: PortId(0), reason: SessionCount::Unreadable };
    assert_eq!(venue.ends.receive().map(|envelope| envelope.body), Some(end));
}

/// Neither a new connection nor the border of a minute renews what a port may send.
#[test]
fn the_bound_of_unreadable_requests_is_that_of_the_port_in_any_minute() {
    const MOST: u32 = 10;
    let unreadable = ClientPacket::Unsequenced(b"?");
    let mut venue = Venue::new(SessionConfig { unreadable_per_minute_max: MOST, ..config() });
    let (conn, other) = (venue.alice(), venue.bob());
    for _ in 0..MOST {
        venue.send(conn, &unreadable);
    }
    let again = venue.log_in("alice", "secret", 0);
    venue.send(again, &unreadable);
    assert!(venue.is_closed(again), "a new connection");
    venue.send(other, &unreadable);
    assert!(!venue.is_closed(other), "another port");

    venue.advance_slowly(60 * SECOND);
    let conn = venue.log_in("alice", "secret", 0);
    venue.send(conn, &unreadable);
    for _ in 0..59 {
        venue.advance_slowly(SECOND);
        venue.send(conn, &ClientPacket::Heartbeat);
    }
    for _ in 1..MOST {
        venue.send(conn, &unreadable);
    }
    venue.advance_slowly(2 * SECOND);
    for _ in 0..MOST {
        venue.send(conn, &unreadable);
    }
    assert!(venue.is_closed(conn), "19 in two seconds, at most 10 a minute");
}

/// M2: a client learns of its mistake by the reject, so a day may have any number of them.
#[test]
fn rejected_requests_end_no_connection() {
    let mut venue = Venue::new(SessionConfig { unreadable_per_minute_max: 0, ..config() });
    let conn = venue.alice();
    for user_ref in 1..=200 {
        let mut spoilt = enter(user_ref, "AAPL").as_bytes().to_vec();
        spoilt[26] = b'9';
        venue.send(conn, &ClientPacket::Unsequenced(&spoilt));
        venue.answer(0, user_ref, 0, &Venue::some_answer(user_ref));
        venue.tick();
    }
    assert!(!venue.is_closed(conn));
    assert_eq!(venue.count(SessionCount::MalformedRequests), 200);
}

#[test]
fn connections_beyond_the_bound_are_closed() {
    let mut venue = Venue::new(config());
    let conns: Vec<_> = (0..80).map(|_| venue.connect()).collect();
    let closed = conns.iter().filter(|conn| venue.is_closed(**conn)).count();
    // The table has 64 slots, and nobody is logged in; half of them are for connections that have not logged in.
    let counts = (venue.count(SessionCount::TooMany), venue.count(SessionCount::MadeRoom));
    assert_eq!((closed, counts), (16 + 32, (16, 32)));
}

// M3
#[test]
fn stopping_flushes_says_the_end_of_a_day_that_is_over_and_closes() {
    for (is_over, [to_alice, to_bob]) in [(true, ["SC SS Z", "Z"]), (false, ["SC", ""])] {
        let mut venue = Venue::new(config());
        let (alice, bob, anonymous) = (venue.alice(), venue.bob(), venue.connect());
        venue.answer(0, 1, 0, &Venue::some_answer(1));
        if is_over {
            let end_of_day = ouch::SystemEvent::new(1, ouch::EventCode::EndOfDay);
            venue.answer(0, 0, 0, end_of_day.as_bytes());
        }
        venue.tick();
        venue.sim.stop();
        assert_eq!(summary(&venue.sent(alice)), to_alice);
        assert_eq!(summary(&venue.sent(bob)), to_bob);
        assert_eq!(summary(&venue.sent(anonymous)), "");
        for conn in [alice, bob, anonymous] {
            assert_eq!(venue.net.closed_by_actor(conn), Some(CloseReason::Shutdown));
        }
        assert_eq!(venue.count(SessionCount::Shutdown), 3);
    }
}
