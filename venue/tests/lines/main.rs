//! The incoming feed over real sockets: two lines that lose, repeat, reorder, lag and die, servers that help, are dead or
//! lie. What becomes of the books, of the counters and of the prices that orders are checked by.

mod place;
mod receiver;
mod stage;

use std::{collections::BTreeMap, net::UdpSocket, time::Duration};

use corelane_actors::{
    market_data::{Books, FeedCount, FeedCounters, FeedLine, LineCount, RecoveryCount},
    telemetry::FeedTiming,
};
use corelane_codecs::{
    itch::Message,
    mold::{HEADER_LEN, end_of_session, heartbeat},
};
use corelane_market::{Faults, LineSpec, Pace, PlaySpec};
use corelane_runtime::resilience::RetryPolicy;
use place::Place;
use receiver::{Receiver, books_of, config, depth, depth_of, limits, symbols_of};
use stage::{Liar, Playing, day, faulty, good_lines, session, with_server};

const MS: u64 = 1_000_000;

fn messages(file: &[u8]) -> u64 {
    corelane_codecs::binary_file::Frames::new(file).count() as u64
}

/// Plays `file` with 10 % loss, duplication and reordering on each line.
fn identical_books(file: &[u8], seed: u64) {
    let place = Place::new();
    let symbols = symbols_of(file);
    let mut receiver = Receiver::start(&place, config(symbols.clone(), vec![place.server()]));
    let playing = Playing::start(faulty(with_server(&place), 0.1, seed), file.to_vec());
    receiver.takes(messages(file));
    let report = receiver.report();
    assert_eq!(receiver.feed(FeedCount::Messages), messages(file), "seed {seed}: each message once; {report}");
    assert_eq!((receiver.feed(FeedCount::Gaps), receiver.feed(FeedCount::Lost)), (0, 0), "seed {seed}: {report}");
    // A recording that begins within its day contradicts itself, and the servers replay it as it is.
    if books_of(file, &symbols).is_contradicted() {
        receiver.eventually("the replay has ended", |receiver| receiver.feed(FeedCount::NotRejoined) > 0);
        assert_eq!(receiver.feed(FeedCount::Rejoined), 0, "seed {seed}: {}", receiver.report());
    }
    for (line, played) in FeedLine::BOTH.into_iter().zip(playing.stop().lines) {
        assert!(played.lost > 0 && played.duplicated > 0 && played.reordered > 0, "seed {seed}: {played:?}");
        assert!(receiver.line(line, LineCount::FirstCopies) > 0 && receiver.line(line, LineCount::Gaps) > 0);
    }
    assert!(receiver.stop() == depth_of(file, &symbols), "seed {seed}: the books differ");
}

#[test]
fn lines_that_lose_repeat_and_reorder_a_tenth_leave_the_same_books_as_the_file() {
    for seed in 1..=12 {
        identical_books(&day(seed, 20_000), seed);
    }
}

#[test]
fn recorded_days_come_out_the_same_over_two_bad_lines() {
    let folder = std::env::var_os("CORELANE_DATA").map_or_else(|| "../../shared/data".into(), std::path::PathBuf::from);
    let Ok(entries) = std::fs::read_dir(folder.join("itch")) else {
        eprintln!("no recorded days in {}; set CORELANE_DATA", folder.display());
        return;
    };
    let files = entries.map(|entry| entry.unwrap().path());
    for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "itch")) {
        let file = std::fs::read(&path).unwrap();
        // Too short for every fault to happen on every line, or a framing of its own.
        if messages(&file) > 5000 && !symbols_of(&file).is_empty() {
            (1..=3).for_each(|seed| identical_books(&file, seed));
        }
    }
}

#[test]
fn a_dead_line_costs_nothing_but_its_protection() {
    let (place, file) = (Place::new(), day(21, 20_000));
    let symbols = symbols_of(&file);
    let mut receiver = Receiver::start(&place, config(symbols.clone(), vec![place.server()]));
    let spec = with_server(&place);
    let line_a = LineSpec { faults: Faults { loss: 0.1, seed: 3, ..Faults::default() }, ..spec.line_a };
    let playing = Playing::start(PlaySpec { line_a, line_b: None, ..spec }, file.clone());
    receiver.takes(messages(&file));
    let lost = playing.stop().lines[0].messages_lost;
    assert_eq!(receiver.line(FeedLine::B, LineCount::Packets), 0);
    assert_eq!(receiver.feed(FeedCount::Lost), 0);
    assert!(receiver.recovery(RecoveryCount::Recovered) >= lost && lost > 0, "all of it came from the server");
    assert!(receiver.stop() == depth_of(&file, &symbols));
}

#[test]
fn a_line_that_lags_fills_the_other_ones_gaps_and_nobody_is_asked() {
    let (place, file) = (Place::new(), day(22, 20_000));
    let symbols = symbols_of(&file);
    let mut config = config(symbols.clone(), vec![place.server()]);
    config.arbitration.wait_ns = 5000 * MS;
    config.arbitration.reorder_messages_max = 1 << 16;
    let mut receiver = Receiver::start(&place, config);
    let spec = with_server(&place);
    let line_a = LineSpec { faults: Faults { loss: 0.1, seed: 4, ..Faults::default() }, ..spec.line_a };
    let line_b = LineSpec { skew: Duration::from_millis(30), ..LineSpec::new(place.line_b()) };
    let playing = Playing::start(PlaySpec { line_a, line_b: Some(line_b), ..spec }, file.clone());
    receiver.takes(messages(&file));
    let lost = playing.stop().lines[0].messages_lost;
    assert_eq!((receiver.recovery(RecoveryCount::Requests), receiver.feed(FeedCount::Lost)), (0, 0));
    assert!(receiver.line(FeedLine::B, LineCount::FirstCopies) >= lost && lost > 0, "{}", receiver.report());
    assert!(receiver.line(FeedLine::B, LineCount::Duplicates) > 0);
    assert!(receiver.stop() == depth_of(&file, &symbols));
}

#[test]
fn two_dead_lines_are_stale_until_they_live_again_and_then_nothing_is_missing() {
    let (place, file) = (Place::new(), day(23, 20_000));
    let symbols = symbols_of(&file);
    let mut config = config(symbols.clone(), vec![place.server()]);
    config.arbitration.silent_after_ns = 300 * MS;
    config.arbitration.behind_after_ns = 5000 * MS;
    let mut receiver = Receiver::start(&place, config);
    let playing = Playing::start(with_server(&place), file.clone());
    receiver.eventually("prices are fresh", |receiver| {
        receiver.feed(FeedCount::Messages) > 1000 && receiver.is_all_fresh()
    });
    playing.pause();
    receiver.eventually("silence makes all prices stale", Receiver::is_all_stale);
    assert_eq!(receiver.feed(FeedCount::Silences), 1);
    assert_eq!(FeedLine::BOTH.map(|line| receiver.line(line, LineCount::Silences)), [1, 1]);
    playing.go_on();
    receiver.takes(messages(&file));
    assert_eq!(receiver.feed(FeedCount::Lost), 0);
    playing.stop();
    assert!(receiver.stop() == depth_of(&file, &symbols));
}

#[test]
fn a_dead_server_is_passed_over() {
    let (place, file) = (Place::new(), day(24, 20_000));
    let symbols = symbols_of(&file);
    // It takes requests and says nothing.
    let dead = UdpSocket::bind(place.other_server()).unwrap();
    let mut receiver = Receiver::start(&place, config(symbols.clone(), vec![place.other_server(), place.server()]));
    let playing = Playing::start(faulty(with_server(&place), 0.2, 5), file.clone());
    receiver.takes(messages(&file));
    assert!(receiver.recovery(RecoveryCount::Repeats) > 0 && receiver.recovery(RecoveryCount::Recovered) > 0);
    assert_eq!(receiver.feed(FeedCount::Lost), 0);
    playing.stop();
    dead.set_nonblocking(true).unwrap();
    assert!(dead.recv(&mut [0; 64]).is_ok(), "it was asked");
    assert!(receiver.stop() == depth_of(&file, &symbols));
}

#[test]
fn a_lying_server_is_refused_and_the_other_one_believed() {
    let (place, file) = (Place::new(), day(25, 20_000));
    let symbols = symbols_of(&file);
    let liar = Liar::start(place.other_server());
    let mut receiver = Receiver::start(&place, config(symbols.clone(), vec![place.other_server(), place.server()]));
    let playing = Playing::start(faulty(with_server(&place), 0.2, 6), file.clone());
    receiver.takes(messages(&file));
    playing.stop();
    let lies = liar.stop();
    assert!(lies > 0 && receiver.recovery(RecoveryCount::Refused) > 0, "{lies} lies; {}", receiver.report());
    assert_eq!((receiver.feed(FeedCount::Messages), receiver.feed(FeedCount::Lost)), (messages(&file), 0));
    assert!(receiver.stop() == depth_of(&file, &symbols));
}

#[test]
fn a_gap_that_nobody_fills_is_stale_until_the_next_session_whose_books_are_right() {
    let (place, first, second) = (Place::new(), day(26, 20_000), day(27, 20_000));
    let symbols = symbols_of(&second);
    let mut config = config(symbols.clone(), vec![place.server()]);
    config.arbitration.gap_fill.retry = RetryPolicy::constant(3, 5 * MS);
    let mut receiver = Receiver::start(&place, config);
    // Nobody listens where it asks.
    let playing = Playing::start(faulty(good_lines(&place), 0.3, 7), first.clone());
    receiver.eventually("it has declared a loss", |receiver| receiver.feed(FeedCount::Lost) > 0);
    receiver.eventually("all prices are stale", Receiver::is_all_stale);
    // What is taken and what is lost make up the session.
    let all = |receiver: &Receiver| receiver.feed(FeedCount::Messages) + receiver.feed(FeedCount::Lost);
    receiver.eventually("it has come to the end", |receiver| all(receiver) == messages(&first));
    assert!(receiver.is_all_stale());
    assert!(receiver.recovery(RecoveryCount::Requests) > receiver.recovery(RecoveryCount::Repeats));
    assert_eq!(receiver.recovery(RecoveryCount::Answers), 0);
    playing.stop();

    let taken = receiver.feed(FeedCount::Messages);
    let spec = PlaySpec { session: session("NEXT"), linger: Duration::ZERO, ..good_lines(&place) };
    let playing = Playing::start(spec, second.clone());
    receiver.eventually("prices are fresh again", Receiver::is_all_fresh);
    receiver.takes(taken + messages(&second));
    playing.stop();
    assert!(receiver.stop() == depth_of(&second, &symbols));
}

#[test]
fn a_new_session_begins_while_the_lagging_line_still_brings_the_old_one() {
    let (place, first, second) = (Place::new(), day(28, 20_000), day(29, 20_000));
    let symbols = symbols_of(&second);
    let mut receiver = Receiver::start(&place, config(symbols.clone(), vec![place.server()]));
    let spec = good_lines(&place);
    // Line B is so late that it brings nothing before line A is in the next session.
    let late = LineSpec { skew: Duration::from_millis(800), ..LineSpec::new(place.line_b()) };
    let old = Playing::start(PlaySpec { line_b: Some(late), linger: Duration::from_millis(5), ..spec }, first.clone());
    receiver.takes(messages(&first));
    receiver.eventually("a session that is over is stale", Receiver::is_all_stale);
    let taken = receiver.feed(FeedCount::Messages);
    let new = Playing::start(PlaySpec { session: session("NEXT"), ..with_server(&place) }, second.clone());
    receiver.takes(taken + messages(&second));
    receiver.eventually("the old one is over on line B too", |receiver| receiver.feed(FeedCount::ForeignSession) > 300);
    assert_eq!((receiver.feed(FeedCount::Messages), receiver.feed(FeedCount::Lost)), (taken + messages(&second), 0));
    old.stop();
    new.stop();
    assert!(receiver.stop() == depth_of(&second, &symbols));
}

#[test]
fn a_session_that_is_joined_late_is_replayed_and_then_fresh() {
    let (place, file) = (Place::new(), day(30, 60_000));
    let symbols = symbols_of(&file);
    // Half of it is over before anybody listens.
    let playing =
        Playing::start(PlaySpec { pace: Pace::Rate { messages_per_s: 40_000.0 }, ..with_server(&place) }, file.clone());
    std::thread::sleep(Duration::from_millis(500));
    let mut receiver = Receiver::start(&place, config(symbols.clone(), vec![place.server()]));
    receiver.eventually("it has caught up", |receiver| {
        receiver.is_all_fresh() || receiver.feed(FeedCount::Messages) == messages(&file)
    });
    receiver.takes(messages(&file));
    assert!(receiver.recovery(RecoveryCount::Recovered) > 1000, "{}", receiver.report());
    assert_eq!((receiver.feed(FeedCount::Messages), receiver.feed(FeedCount::Lost)), (messages(&file), 0));
    playing.stop();
    assert!(receiver.stop() == depth_of(&file, &symbols));
}

#[test]
fn the_last_sequence_number_ends_a_session_and_not_the_actor() {
    let (place, file) = (Place::new(), day(31, 1000));
    let symbols = symbols_of(&file);
    let mut receiver = Receiver::start(&place, config(symbols.clone(), vec![place.server()]));
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut packet = [0; HEADER_LEN];
    heartbeat(&mut packet, session("OLD"), 1).unwrap();
    socket.send_to(&packet, place.line_a()).unwrap();
    receiver.eventually("the session has begun", |receiver| receiver.feed(FeedCount::Packets) == 1);
    // Everything there can be, at once: more than may be asked for.
    heartbeat(&mut packet, session("OLD"), u64::MAX).unwrap();
    socket.send_to(&packet, place.line_b()).unwrap();
    receiver.eventually("all prices are stale", Receiver::is_all_stale);
    assert_eq!(receiver.feed(FeedCount::Lost), 0, "nothing is given up on one packet's word");
    socket.send_to(&packet, place.line_a()).unwrap();
    receiver.eventually("it is lost", |receiver| receiver.feed(FeedCount::Lost) == u64::MAX - 1);
    // One message more would overflow: no packet.
    let mut overflow = packet;
    overflow[18..].copy_from_slice(&2_u16.to_be_bytes());
    socket.send_to(&overflow, place.line_a()).unwrap();
    receiver.eventually("it is refused", |receiver| receiver.feed(FeedCount::BadPackets) == 1);
    end_of_session(&mut packet, session("OLD"), u64::MAX).unwrap();
    socket.send_to(&packet, place.line_a()).unwrap();
    receiver.eventually("the end has come", |receiver| receiver.feed(FeedCount::Packets) == 4);
    let playing = Playing::start(with_server(&place), file.clone());
    receiver.takes(messages(&file));
    playing.stop();
    assert!(receiver.stop() == depth_of(&file, &symbols));
}

#[test]
fn best_levels_and_events_agree_with_the_books_and_are_timed() {
    let (place, file) = (Place::new(), day(32, 20_000));
    let symbols = symbols_of(&file);
    let mut receiver = Receiver::start(&place, config(symbols.clone(), vec![place.server()]));
    let playing = Playing::start(faulty(with_server(&place), 0.1, 8), file.clone());
    receiver.takes(messages(&file));
    // A made-up day has a time of its own: compared or not, every batch that was told of is accounted for.
    receiver.eventually("the last batch is timed", |receiver| {
        let compared = receiver.timed(FeedTiming::ExchangeToPublication) + receiver.feed(FeedCount::ForeignTimes);
        let timed = receiver.timed(FeedTiming::FeedToPublication);
        timed > 10 && timed == compared
    });
    // What came by the lines has the kernel's time; what was asked for again, and what a timer let go on, has not.
    let (received, foreign) =
        (receiver.timed(FeedTiming::KernelToPublication), receiver.feed(FeedCount::ForeignKernelTimes));
    let timed = receiver.timed(FeedTiming::FeedToPublication);
    assert!(received > 0 && received + foreign <= timed, "{received} and {foreign} of {timed}");
    let mut books = Books::new(&symbols, limits());
    let mut next = 1;
    while let Some(event) = receiver.events.receive() {
        let event = event.body;
        assert_eq!(event.number.0, next, "this reader keeps up");
        next += 1;
        let changed = books.apply(&Message::decode(event.message()).unwrap(), &FeedCounters::default().feed);
        assert_eq!(changed, Some(event.locate));
    }
    // It has not looked until now: each instrument's newest, once.
    let mut tops = BTreeMap::new();
    while let Some(top) = receiver.tops.receive() {
        assert_eq!(tops.insert(top.body.locate, top.body), None);
    }
    assert!(receiver.tops.conflated() > 0 && tops.len() == symbols.len());
    for (locate, told) in tops {
        let top = books.top(locate);
        assert_eq!((told.bid, told.ask), (top.bid.unwrap_or_default(), top.ask.unwrap_or_default()));
    }
    playing.stop();
    assert!(receiver.stop() == depth_of(&file, &symbols) && depth(&books, symbols.len()) == depth_of(&file, &symbols));
}
