//! The market player and the feed reader, joined by a real socket on loopback.

use std::collections::HashMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use corelane_codecs::binary_file::Frames;
use corelane_codecs::itch::{EventCode, Message, Side};
use corelane_codecs::mold::{HEADER_LEN, Packet, Request};
use corelane_codecs::price::Price4;
use corelane_codecs::text::Alpha;
use corelane_latency_tests::market::{
    DayInstrument, DaySpec, Faults, FeedReader, FeedReport, LineSpec, Pace, PlayError, PlayReport, PlaySpec, Player,
    RetransmissionSpec, generate_market,
};
use proptest::prelude::*;

fn day(seed: u64, messages: usize) -> Vec<u8> {
    let instrument = |symbol: &str, price: &str| DayInstrument {
        symbol: Alpha::new(symbol).unwrap(),
        reference_price: price.parse().unwrap(),
        tick: Price4::from_raw(100),
    };
    generate_market(&DaySpec {
        seed,
        instruments: vec![instrument("CLN01", "100"), instrument("CLN02", "10.50")],
        messages,
        mean_gap_ns: 100_000,
    })
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

/// A book that believes nothing.
#[derive(Default)]
struct Books {
    orders: HashMap<u64, (u16, Side, u32, u32)>,
    last_ref: u64,
}

impl Books {
    fn apply(&mut self, message: &Message<'_>) -> Result<(), String> {
        let locate = message.stock_locate();
        match message {
            Message::AddOrder(add) => {
                let (shares, price) = (add.shares.get(), add.price.get().raw());
                self.add(add.order_ref.get(), (locate, add.side, price, shares))
            }
            Message::OrderExecuted(executed) => {
                self.take(executed.order_ref.get(), executed.executed_shares.get(), locate)
            }
            Message::OrderCancel(cancel) => self.take(cancel.order_ref.get(), cancel.cancelled_shares.get(), locate),
            Message::OrderDelete(delete) => {
                self.orders.remove(&delete.order_ref.get()).map(drop).ok_or("delete of nothing".to_owned())
            }
            Message::OrderReplace(replace) => {
                let old = self.orders.remove(&replace.original_order_ref.get());
                let (_, side, ..) = old.ok_or("replace of nothing")?;
                let (shares, price) = (replace.shares.get(), replace.price.get().raw());
                self.add(replace.new_order_ref.get(), (locate, side, price, shares))
            }
            _ => Ok(()),
        }
    }

    fn add(&mut self, order_ref: u64, order: (u16, Side, u32, u32)) -> Result<(), String> {
        if order_ref <= self.last_ref || order.3 == 0 || order.2 == 0 {
            return Err(format!("{order_ref}: {order:?}"));
        }
        self.last_ref = order_ref;
        self.orders.insert(order_ref, order);
        let of = |side| self.orders.values().filter(move |one| one.0 == order.0 && one.1 == side);
        let bid = of(Side::Buy).map(|one| one.2).max().unwrap_or(0);
        let ask = of(Side::Sell).map(|one| one.2).min().unwrap_or(u32::MAX);
        if bid < ask { Ok(()) } else { Err(format!("crossed: {bid} {ask}")) }
    }

    fn take(&mut self, order_ref: u64, shares: u32, locate: u16) -> Result<(), String> {
        let order = self.orders.get_mut(&order_ref).ok_or("reduction of nothing")?;
        if order.0 != locate || shares == 0 || order.3 < shares {
            return Err(format!("{order_ref} {order:?} by {shares}"));
        }
        order.3 -= shares;
        if order.3 == 0 {
            self.orders.remove(&order_ref);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_made_up_day_is_valid(seed: u64) {
        let file = day(seed, 5000);
        let mut books = Books::default();
        let mut last_ns = 0;
        let mut kinds = HashMap::<u8, u32>::new();
        let mut events = Vec::new();
        let mut frames = Frames::new(&file);
        for bytes in frames.by_ref() {
            let message = Message::decode(bytes.unwrap()).unwrap();
            prop_assert!(message.timestamp_ns() >= last_ns);
            last_ns = message.timestamp_ns();
            *kinds.entry(message.kind()).or_default() += 1;
            if let Message::SystemEvent(event) = &message {
                events.push(event.event().unwrap());
            }
            let applied = books.apply(&message);
            prop_assert!(applied.is_ok(), "{message:?}: {applied:?}");
        }
        prop_assert_eq!(frames.offset(), file.len());
        prop_assert_eq!(&events[..], EventCode::ALL);
        prop_assert_eq!(kinds[&b'R'], 2);
        for kind in *b"AXEDU" {
            prop_assert!(kinds[&kind] > 100, "{}: {}", kind as char, kinds[&kind]);
        }
        let changes: u32 = b"AXEDU".iter().map(|kind| kinds[kind]).sum();
        prop_assert_eq!(changes, 5000);
    }
}

#[test]
fn the_same_seed_makes_the_same_day() {
    assert_eq!(day(7, 1000), day(7, 1000));
    assert_ne!(day(7, 1000), day(8, 1000));
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
        assert_eq!((played.messages, played.total().lost, played.ended), (20_008, 0, true));
        assert_eq!((read.messages, read.gaps, read.messages_repeated), (20_008, 0, 0), "{pace:?}");
        assert_eq!((read.packets, read.invalid), (played.packets, 0));
        assert_eq!((read.next_sequence, read.ended), (20_009, true));
        let sum = read.adds + read.executions + read.cancels + read.deletes + read.replaces;
        assert_eq!((sum, read.others), (20_000, 8));
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
    // What was lost is missing; what was overtaken is counted as missed, and again when it came.
    assert!(read.gaps > 0 && read.messages_missed > played.total().messages_lost);
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
    assert_eq!((played.messages, reader.report().messages), (308, 308));
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

/// Plays on the test's own clock until the end; `meanwhile` runs after each step.
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
    assert_eq!((report.messages, report.ended), (5008, true));
    for (line, reader) in report.lines.iter().zip([&a, &b]) {
        let packets = report.packets - line.lost + line.duplicated;
        assert!(line.lost > 0 && line.duplicated > 0 && line.reordered > 0, "{line:?}");
        assert_eq!((reader.report().packets, reader.report().ended), (packets, true));
        assert_eq!(reader.report().next_sequence, 5009);
    }
    assert_ne!(report.lines[0], report.lines[1]);
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
            // Not kept any more, not there, another session, no request: no answer.
            ask(session, 908, 1);
            ask(session, 1009, 1);
            ask(Alpha::new("OTHER").unwrap(), 950, 1);
            client.send_to(b"?", server).unwrap();
            ask(session, 909, 3);
            ask(session, 1000, u16::MAX);
            ask(session, 909, u16::MAX);
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
    assert_eq!(counts[..2], [(909, 3), (1000, 9)]);
    assert!(counts[2].0 == 909 && (30..80).contains(&counts[2].1), "as many as fit: {counts:?}");
    let sent = player.report().retransmission;
    assert_eq!((sent.requests, sent.answers, sent.messages), (7, 3, 12 + u64::from(counts[2].1)));
}
