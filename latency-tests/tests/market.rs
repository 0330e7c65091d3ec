//! The market player and the feed reader, joined by a real socket on loopback.

use std::io::Read;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use corelane_codecs::mold::Packet;
use corelane_codecs::price::Price4;
use corelane_codecs::text::Alpha;
use corelane_latency_tests::market::{
    Day, DayInstrument, DaySpec, Faults, FeedReader, FeedReport, Pace, PlayError, PlayReport, PlaySpec, Player,
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

/// Plays as fast as the reader reads, on one thread and a clock of its own.
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
        assert_eq!((played.messages, played.lost, played.ended), (20_000, 0, true));
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
            faults: Faults { loss: 0.05, duplication: 0.1, reordering: 0.02, seed },
            ..PlaySpec::new(reader.local_addr().unwrap())
        };
        let played = play(spec, &file, &mut reader);
        (played, reader.report().clone())
    };
    let (played, read) = bad(9);
    assert_eq!(bad(9), (played, read.clone()), "the seed decides");
    assert_ne!(bad(10).0, played);
    let share = |count: u64| count as f64 / played.packets as f64;
    assert!((0.04..0.06).contains(&share(played.lost)), "{played:?}");
    assert!((0.08..0.11).contains(&share(played.duplicated)), "{played:?}");
    assert!((0.012..0.025).contains(&share(played.reordered)), "{played:?}");
    // What was lost is missing; what was overtaken is counted as missed, and again when it came.
    assert!(read.gaps > 0 && read.messages_missed > played.messages_lost);
    assert_eq!(read.messages + read.messages_missed, played.messages);
    assert!(read.messages_repeated > 0);
}

#[test]
fn messages_that_are_due_together_share_a_packet_and_others_do_not() {
    // Two at once, one 5 ms later, two another 5 ms later.
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
    // Time in tenths of a millisecond, sequence number, messages; the ends of session have none.
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
    // Joined at 100; another session; a message cut short; a type that does not exist.
    report.take(&packet(b"SESSION001", 100, 0, &[]));
    report.take(&packet(b"SESSION002", 100, 1, &[0, 1, b'S']));
    report.take(&packet(b"SESSION001", 100, 1, &[0, 9, b'S']));
    report.take(&packet(b"SESSION001", 100, 1, &[0, 1, b'?']));
    report.take(&packet(b"SESSION001", 101, 0xffff, &[]));
    assert_eq!((report.invalid, report.messages, report.gaps), (4, 1, 0));
    assert!(report.ended);
}
