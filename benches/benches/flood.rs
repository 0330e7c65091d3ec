//! How many messages a second the venue's market-data actor takes over loopback UDP without a gap:
//! `cargo bench -p corelane-benches --bench flood`.
//!
//! The whole venue runs on one CPU that it spins on; a player on another CPU sends a generated day at a set rate, every
//! 20 µs what is due by then, packed as exchanges do. A rate counts if the actor took every message in the time it took
//! to send them, with no jump in the line's numbers: there is nobody to ask for what is lost. The rate is doubled until
//! it does not count, then halved in on. On one CPU the two take turns, and the figure says little.

use std::{
    io::Read,
    thread,
    time::{Duration, Instant},
};

use corelane_actors::market_data::{FeedCount, FeedLine, LineCount};
use corelane_codecs::text::Alpha;
use corelane_config::{Config, Idle, VENUE_TOML};
use corelane_market::{Day, DaySpec, MessageSource, Pace, PlayError, PlayReport, PlaySpec, Player};
use corelane_runtime::cpu::allowed_cpus;
use corelane_tester::{
    clock::Clock,
    configured,
    saturation::{LoadSummary, Search},
};
use corelane_venue::Venue;

/// Messages of the generated day.
const MESSAGES: u64 = 6_000_000;
/// How long one rate is tried, unless the day is over before.
const SECONDS: f64 = 1.0;
/// How often what is due is packed and sent.
const PACKED_EVERY_NS: u64 = 20_000;
/// Silence that ends a session, so that the next one begins also when its end was lost.
const SILENT_AFTER: Duration = Duration::from_millis(100);

fn main() {
    let cpus = allowed_cpus();
    let mut config = Config::parse("venue.toml", VENUE_TOML).unwrap_or_else(|errors| panic!("{errors:?}"));
    config.order_entry.listen.set_port(0);
    config.feeds.outbound = None;
    let feed = config.feeds.inbound.as_mut().expect("the shipped configuration has an incoming feed");
    feed.listen.set_port(0);
    feed.stale_after_ms = SILENT_AFTER.as_millis() as u64;
    config.shards[0].idle = if cpus.len() > 1 { Idle::Spin } else { Idle::Park };
    let venue = Venue::start(&config).unwrap_or_else(|error| panic!("{error}"));
    core_affinity::set_for_current(core_affinity::CoreId { id: cpus[cpus.len() - 1] });

    let instruments = configured::day_instruments(&config);
    let spec = DaySpec { seed: 1, instruments, messages: MESSAGES, opening_orders: 10_000, wander_percent: 1 };
    let mut day = Vec::new();
    Day::new(spec).expect("a day of these sizes").read_to_end(&mut day).expect("a day that can be made can be read");
    let starts = starts(&day);
    println!("{} messages of {} instruments, {} CPUs", starts.len() - 1, config.instruments.len(), cpus.len());
    let search = Search { start_per_s: 500_000.0, limit_per_s: 16e6, p50_bound_ns: 1, bisections: 4 };
    let mut session = 0;
    let best = search.saturation(|asked_per_s| {
        session += 1;
        let count = ((asked_per_s * SECONDS) as usize).min(starts.len() - 1);
        let (achieved_per_s, missed, report) = play(&venue, session, asked_per_s, &day[..starts[count]]);
        let per_packet = report.messages as f64 / report.packets as f64;
        println!(
            "asked {:.2} M/s, taken {:.2} M/s, {missed} messages missed, {per_packet:.1} messages/packet",
            asked_per_s / 1e6,
            achieved_per_s / 1e6
        );
        // A gap is as bad as any latency.
        let p50_ns = if missed == 0 { 0 } else { u64::MAX };
        Ok::<_, std::convert::Infallible>(LoadSummary { asked_per_s, achieved_per_s, p50_ns })
    });
    let Ok(best) = best;
    assert!(venue.stop().problems().is_empty(), "the venue stops in order");
    println!("flood messages_per_s={best:.0}");
}

/// Plays `file` as one session. Returns the rate at which it was taken, the messages missed, and what was sent.
fn play(venue: &Venue, session: u32, messages_per_s: f64, file: &[u8]) -> (f64, u64, PlayReport) {
    let counters = &venue.counters().feed_in;
    let taken = || counters.feed.get(FeedCount::Messages);
    let missed = || counters.line(FeedLine::A).get(LineCount::Missed) + counters.feed.get(FeedCount::Lost);
    let (taken_before, missed_before) = (taken(), missed());
    let spec = PlaySpec {
        session: Alpha::new(&format!("FLOOD{session:05}")).expect("ten characters"),
        pace: Pace::Rate { messages_per_s },
        ..PlaySpec::new(venue.feed_in().expect("it listens"))
    };
    let begun = Instant::now();
    let report = send(spec, file).unwrap_or_else(|error| panic!("{error}"));
    let mut elapsed = begun.elapsed();
    let (mut last, mut since) = (taken(), Instant::now());
    // Until all are taken, or no more come, and the session is over for certain.
    while since.elapsed() < 2 * SILENT_AFTER {
        thread::sleep(Duration::from_micros(100));
        if taken() != last {
            (last, since) = (taken(), Instant::now());
            elapsed = begun.elapsed();
        }
    }
    let messages = last - taken_before;
    // What was lost last has nothing behind it that would show it.
    let lost = (report.messages - messages).max(missed() - missed_before);
    (messages as f64 / elapsed.as_secs_f64(), lost, report)
}

fn send(spec: PlaySpec, file: &[u8]) -> Result<PlayReport, PlayError> {
    let mut player = Player::new(spec, file)?;
    let clock = Clock::start();
    let mut now_ns = clock.now_ns();
    loop {
        let step = player.step(now_ns)?;
        if step.ended {
            return Ok(*player.report());
        }
        if step.next_due_ns > now_ns {
            let next_ns = now_ns + PACKED_EVERY_NS;
            while now_ns < next_ns {
                now_ns = clock.now_ns();
            }
        }
    }
}

/// Where each message of the file begins, and where the last ends.
fn starts(file: &[u8]) -> Vec<usize> {
    let (mut source, mut starts) = (MessageSource::new(file), vec![0]);
    while let Some(message) = source.peek().expect("a sound file") {
        starts.push(starts[starts.len() - 1] + 2 + message.len());
        source.take().expect("a sound file");
    }
    starts
}
