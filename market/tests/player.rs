//! The market player and the feed reader, connected by a real socket on loopback.

use std::io::Read;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use corelane_codecs::binary_file::Frames;
use corelane_codecs::mold::{HEADER_LEN, Packet, Request};
use corelane_codecs::price::Price4;
use corelane_codecs::text::Alpha;
use corelane_market::{
    Day, DayInstrument, DaySpec, Faults, FeedReader, FeedReport, LineSpec, Pace, PlayError, PlayReport, PlaySpec,
    Player, RetransmissionSpec,
};

fn day(seed: u64, messages: usize) -> Vec<u8> {
    let instrument = |symbol: &str, price: &str| DayInstrument {
        symbol: Alpha::new(symbol).unwrap(),
        reference_price: price.parse().unwrap(),
        tick: Price4::from_raw(100),
    };
    let spec = DaySpec {
        seed,
        instruments: vec![instrument("CLN01", "100"), instrument("CLN02", "10.50")],
        messages: messages as u64,
        opening_orders: 40,
        wander_percent: 1,
    };
    let mut file = Vec::new();
    Day::new(spec).unwrap().read_to_end(&mut file).unwrap();
    file
}

fn loopback() -> FeedReader {
    FeedReader::bind("127.0.0.1:0".parse().unwrap(), Ipv4Addr::LOCALHOST).unwrap()
}

/// Plays as fast as the reader reads, on one thread and with its own clock.
fn play(spec: PlaySpec, file: &[u8], reader: &mut FeedReader) -> PlayReport {
    let mut player = Player::new(spec, file).unwrap();
    let mut now_ns = 0;
    loop {
        let step = player.step(now_ns).unwrap();
        while reader.poll().unwrap() > 0 {}
        if step.ended {
            return *player.report();
        }
        now_ns = step.next_due_ns.max(now_ns);
    }
}

#[test]
fn a_good_line_brings_everything_once() {
    let file = day(1, 20_000);
    for pace in [
        Pace::Max,
        Pace::Timestamps { speed: 1.0 },
        Pace::Timestamps { speed: 1000.0 },
        Pace::Rate { messages_per_s: 50_000.0 },
    ] {
        let mut reader = loopback();
        let spec = PlaySpec { pace, ..PlaySpec::new(reader.local_addr().unwrap()) };
        let played = play(spec, &file, &mut reader);
        let read = reader.report();
        assert_eq!((played.messages, played.total().lost, played.ended), (20_000, 0, true));
        assert_eq!((read.messages, read.gaps, read.messages_repeated), (20_000, 0, 0), "{pace:?}");
        assert_eq!((read.packets, read.invalid), (played.packets, 0));
        assert_eq!((read.next_sequence, read.ended), (20_001, true));
        let sum = read.adds + read.executions + read.cancels + read.deletes + read.replaces;
        assert_eq!(sum + read.others, 20_000);
        assert!(sum > 19_000 && read.others > 15, "{read:?}");
        assert!(read.executed_shares > read.executions);
    }
}

#[test]
fn a_bad_line_loses_repeats_and_reorders_by_its_seed() {
    let file = day(2, 40_000);
    let bad = |seed| {
        let mut reader = loopback();
        let spec = PlaySpec {
            pace: Pace::Max,
            payload_max: 300,
            line_a: LineSpec {
                faults: Faults { loss: 0.05, duplication: 0.1, reordering: 0.02, seed },
                ..LineSpec::new(reader.local_addr().unwrap())
            },
            ..PlaySpec::new(reader.local_addr().unwrap())
        };
        let played = play(spec, &file, &mut reader);
        (played, reader.report().clone())
    };
    let (played, read) = bad(9);
    assert_eq!(bad(9), (played, read.clone()), "the seed decides");
    assert_ne!(bad(10).0, played);
    let share = |count: u64| count as f64 / played.packets as f64;
    assert!((0.04..0.06).contains(&share(played.total().lost)), "{played:?}");
    assert!((0.08..0.11).contains(&share(played.total().duplicated)), "{played:?}");
    assert!((0.012..0.025).contains(&share(played.total().reordered)), "{played:?}");
    // Lost messages are missing. Overtaken ones count as missed, and as repeated when they arrive.
    assert!(read.gaps > 0 && read.messages_missed > played.total().messages_lost);
    assert_eq!(read.messages + read.messages_missed, played.messages);
    assert!(read.messages_repeated > 0);
}

#[test]
fn a_pace_beyond_all_clocks_is_waited_for() {
    let file = day(1, 1000);
    for pace in [Pace::Timestamps { speed: f64::MIN_POSITIVE }, Pace::Rate { messages_per_s: f64::MIN_POSITIVE }] {
        let spec = PlaySpec { pace, ..PlaySpec::new(loopback().local_addr().unwrap()) };
        let mut player = Player::new(spec, &file[..]).unwrap();
        let steps = [500, 1_000_000_000].map(|now_ns| player.step(now_ns).unwrap());
        assert!(steps.iter().all(|step| !step.ended), "{pace:?}");
        assert!(player.report().messages < 1000, "{pace:?}");
    }
}

#[test]
fn a_stopped_player_sleeps_until_its_delayed_line_has_sent_the_end() {
    let (file, skew) = (day(1, 1000), Duration::from_secs(30));
    let to = loopback().local_addr().unwrap();
    let spec = PlaySpec { pace: Pace::Max, line_b: Some(LineSpec { skew, ..LineSpec::new(to) }), ..PlaySpec::new(to) };
    let mut player = Player::new(spec, &file[..]).unwrap();
    player.step(0).unwrap();
    player.stop();
    let ends: Vec<_> = (0..4).map(|turn| player.step(2_000_000_000 + turn).unwrap()).collect();
    let last = ends.last().unwrap();
    assert!(!last.ended && last.next_due_ns >= skew.as_nanos() as u64, "{ends:?}");
    assert!(player.step(40_000_000_000).unwrap().ended);
}

#[test]
fn messages_that_are_due_together_share_a_packet_and_others_do_not() {
    // Two messages at once, one 5 ms later, two another 5 ms later.
    let file: Vec<u8> = [1_000_000_u64, 1_000_000, 6_000_000, 11_000_000, 11_000_000]
        .iter()
        .flat_map(|ns| {
            let mut frame = vec![0, 12, b'S', 0, 0, 0, 0];
            frame.extend_from_slice(&ns.to_be_bytes()[2..]);
            frame.push(b'Q');
            frame
        })
        .collect();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let spec = PlaySpec {
        pace: Pace::Timestamps { speed: 2.0 },
        heartbeat: Duration::from_millis(2),
        ..PlaySpec::new(socket.local_addr().unwrap())
    };
    let mut player = Player::new(spec, &file[..]).unwrap();
    let mut sent = Vec::new();
    let mut now_ns = 500;
    loop {
        let step = player.step(now_ns).unwrap();
        if step.ended {
            break;
        }
        let mut datagram = [0; 2048];
        let length = socket.recv(&mut datagram).unwrap();
        let packet = Packet::decode(&datagram[..length]).unwrap();
        sent.push((now_ns / 100_000, packet.sequence, packet.count()));
        now_ns = step.next_due_ns.max(now_ns);
    }
    // Time in tenths of a millisecond, sequence number, number of messages; ends of session have none.
    let expected = [(0, 1, 2), (20, 3, 0), (25, 3, 1), (45, 4, 0), (50, 4, 2), (50, 6, 0), (50, 6, 0)];
    assert_eq!(sent, expected);
    assert_eq!(player.report().heartbeats, 2);
}

#[test]
fn play_all_ends_by_itself() {
    let mut reader = loopback();
    let file = day(3, 300);
    let spec =
        PlaySpec { pace: Pace::Rate { messages_per_s: 20_000.0 }, ..PlaySpec::new(reader.local_addr().unwrap()) };
    let played = Player::new(spec, &file[..]).unwrap().play_all().unwrap();
    while reader.poll().unwrap() > 0 {}
    assert_eq!((played.messages, reader.report().messages), (300, 300));
}

#[test]
fn what_cannot_be_played_is_told() {
    let spec = PlaySpec { pace: Pace::Max, payload_max: 40, ..PlaySpec::new("127.0.0.1:9".parse().unwrap()) };
    let error = |file: &[u8]| {
        let mut player = Player::new(spec, file).unwrap();
        player.play_all().unwrap_err()
    };
    assert!(matches!(error(b"\0\x03abc"), PlayError::TooShort { message: 1, bytes: 3 }));
    assert!(matches!(error(b"\0\x0cS0000"), PlayError::Source(_)));
    let long = [&[0, 30, b'A'][..], &[0; 29]].concat();
    let error = error(&long);
    assert!(matches!(error, PlayError::TooLong { bytes: 30, payload_max: 40, .. }), "{error}");
    let stopped = PlaySpec { pace: Pace::Timestamps { speed: 0.0 }, ..spec };
    assert!(matches!(Player::new(stopped, &b""[..]), Err(PlayError::Pace)));
}

#[test]
fn a_feed_counts_what_is_not_its_own() {
    let mut report = FeedReport::default();
    report.take(b"short");
    let packet = |session: &[u8; 10], sequence: u64, count: u16, blocks: &[u8]| {
        [&session[..], &sequence.to_be_bytes(), &count.to_be_bytes(), blocks].concat()
    };
    // Joined at 100; another session; a truncated message; an unknown type.
    report.take(&packet(b"SESSION001", 100, 0, &[]));
    report.take(&packet(b"SESSION002", 100, 1, &[0, 1, b'S']));
    report.take(&packet(b"SESSION001", 100, 1, &[0, 9, b'S']));
    report.take(&packet(b"SESSION001", 100, 1, &[0, 1, b'?']));
    report.take(&packet(b"SESSION001", 101, 0xffff, &[]));
    assert_eq!((report.invalid, report.messages, report.gaps), (4, 1, 0));
    assert!(report.ended);
}

/// Plays to the end on the test's clock, and runs `meanwhile` after each step.
fn play_with(player: &mut Player<&[u8]>, mut meanwhile: impl FnMut(u64)) {
    let mut now_ns = 0;
    loop {
        let step = player.step(now_ns).unwrap();
        meanwhile(now_ns);
        if step.ended {
            return;
        }
        now_ns = step.next_due_ns.max(now_ns);
    }
}

#[test]
fn two_lines_bring_the_same_packets_each_with_its_own_faults_and_the_second_later() {
    let file = day(4, 5000);
    let (mut a, mut b) = (loopback(), loopback());
    let faults = |seed| Faults { loss: 0.1, duplication: 0.1, reordering: 0.1, seed };
    let spec = PlaySpec {
        pace: Pace::Rate { messages_per_s: 100_000.0 },
        line_a: LineSpec { faults: faults(1), ..LineSpec::new(a.local_addr().unwrap()) },
        line_b: Some(LineSpec {
            faults: faults(2),
            skew: Duration::from_millis(7),
            ..LineSpec::new(b.local_addr().unwrap())
        }),
        ..PlaySpec::new(a.local_addr().unwrap())
    };
    let mut player = Player::new(spec, &file[..]).unwrap();
    let mut first_ms = [None, None];
    play_with(&mut player, |now_ns| {
        for (reader, first_ms) in [&mut a, &mut b].into_iter().zip(&mut first_ms) {
            while reader.poll().unwrap() > 0 {}
            if reader.report().packets > 0 {
                first_ms.get_or_insert(now_ns / 1_000_000);
            }
        }
    });
    assert_eq!(first_ms, [Some(0), Some(7)]);
    let report = player.report();
    assert_eq!((report.messages, report.ended), (5000, true));
    for (line, reader) in report.lines.iter().zip([&a, &b]) {
        let packets = report.packets - line.lost + line.duplicated;
        assert!(line.lost > 0 && line.duplicated > 0 && line.reordered > 0, "{line:?}");
        assert_eq!((reader.report().packets, reader.report().ended), (packets, true));
        assert_eq!(reader.report().next_sequence, 5001);
    }
    assert_ne!(report.lines[0], report.lines[1]);
}

// T7
#[test]
fn a_player_that_is_stopped_ends_the_session_behind_what_it_sent() {
    let file = day(6, 1000);
    let mut reader = loopback();
    let spec = PlaySpec {
        pace: Pace::Rate { messages_per_s: 1000.0 },
        linger: Duration::from_secs(3600),
        ..PlaySpec::new(reader.local_addr().unwrap())
    };
    let mut player = Player::new(spec, &file[..]).unwrap();
    let mut now_ns = 0;
    loop {
        let step = player.step(now_ns).unwrap();
        while reader.poll().unwrap() > 0 {}
        if step.ended {
            break;
        }
        now_ns = step.next_due_ns.max(now_ns);
        if now_ns > 500_000_000 {
            player.stop();
        }
    }
    let (played, read) = (player.report(), reader.report());
    assert!(played.ended && (500..510).contains(&played.messages), "{played:?}");
    assert_eq!((read.ended, read.messages, read.next_sequence), (true, played.messages, played.messages + 1));
    assert!(now_ns < 600_000_000, "it does not linger");
}

#[test]
fn what_was_played_is_sent_again_while_it_is_kept_also_after_the_end() {
    let file = day(5, 1000);
    let mut reader = loopback();
    let listen = "127.0.0.1:0".parse().unwrap();
    let spec = PlaySpec {
        pace: Pace::Max,
        retransmission: Some(RetransmissionSpec { listen, messages_max: 100 }),
        linger: Duration::from_secs(2),
        ..PlaySpec::new(reader.local_addr().unwrap())
    };
    let mut player = Player::new(spec, &file[..]).unwrap();
    let server = player.retransmission().unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let session = spec.session;
    let ask = |session, sequence, count| {
        let mut bytes = [0; HEADER_LEN];
        Request { session, sequence, count }.encode(&mut bytes).unwrap();
        client.send_to(&bytes, server).unwrap();
    };
    let mut ends = 0;
    let mut asked = false;
    play_with(&mut player, |_| {
        while reader.poll().unwrap() > 0 {}
        ends += u32::from(reader.report().ended);
        if reader.report().ended && !asked {
            asked = true;
            // No answer: a message no longer kept, one not yet played, another session, a malformed request.
            ask(session, 900, 1);
            ask(session, 1001, 1);
            ask(Alpha::new("OTHER").unwrap(), 950, 1);
            client.send_to(b"?", server).unwrap();
            ask(session, 901, 3);
            ask(session, 992, u16::MAX);
            ask(session, 901, u16::MAX);
        }
    });
    assert!(asked && ends > 1000, "it went on for two seconds");
    let mut counts = Vec::new();
    let messages: Vec<_> = Frames::new(&file).map(Result::unwrap).collect();
    for _ in 0..3 {
        let mut datagram = [0; 2048];
        let (length, from) = client.recv_from(&mut datagram).unwrap();
        assert_eq!(from, server);
        let packet = Packet::decode(&datagram[..length]).unwrap();
        for message in packet.messages() {
            let (sequence, message) = message.unwrap();
            assert_eq!(message, messages[sequence as usize - 1]);
        }
        counts.push((packet.sequence, packet.count()));
    }
    assert_eq!(counts[..2], [(901, 3), (992, 9)]);
    assert!(counts[2].0 == 901 && (30..80).contains(&counts[2].1), "as many as fit: {counts:?}");
    let sent = player.report().retransmission;
    assert_eq!((sent.requests, sent.answers, sent.messages), (7, 3, 12 + u64::from(counts[2].1)));
}
