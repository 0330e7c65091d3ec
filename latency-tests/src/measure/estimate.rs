//! Estimated length of a run, shown before it starts.

use std::time::Duration;

use crate::{
    profile::{Entry, Profile, Sizes},
    scenario::{Kind, Scenario},
};

/// Starting a server, logging in, waiting for the last answers and stopping, of one turn.
const TURN: Duration = Duration::from_millis(100);
/// Rates that a search for saturation tries.
const TRIALS: u32 = 8;
/// Lengths of a round of `hop` without peers: round trips and floods of ours and of the ring.
const HOP_LENGTHS: u32 = 6;
/// Each peer and each other ring adds its round trips and its flood.
const HOP_PEERS: u32 = 18;
/// Contenders of `engine`, and the matching crates; each runs at the rate, and as fast as it goes in half the time.
const ENGINE_CONTENDERS: u32 = 4;
const ENGINE_PEERS: u32 = 2;
/// The venue on tokio, twice.
const TOKIO_CONTENDERS: u32 = 2;
/// Length of one round over all the messages of `decode` or `books`, for all its contenders.
const FROM_MEMORY: Duration = Duration::from_millis(300);

/// Length of one scenario, with the feature `peers` or without.
pub fn scenario(scenario: &Scenario, entry: &Entry, warmup: Duration, peers: bool) -> Duration {
    let (rounds, round) = (entry.rounds as u32, Duration::from_millis(entry.round_ms));
    let turn = warmup + round + TURN;
    let with = |count: u32| if peers { count } else { 0 };
    rounds
        * match scenario.kind {
            Kind::Hop => round * (HOP_LENGTHS + 2 * with(HOP_PEERS)),
            Kind::Engine => round * 3 * (ENGINE_CONTENDERS + with(ENGINE_PEERS)) / 2,
            Kind::Decode | Kind::Books => FROM_MEMORY,
            Kind::Saturation => turn * 2 * TRIALS,
            Kind::FeedToBook => turn * (1 + u32::from(scenario.baseline)),
            Kind::OrderAck => turn * scenario.rates_per_s.len() as u32 * order_ack_contenders(scenario, peers),
        }
}

fn order_ack_contenders(scenario: &Scenario, peers: bool) -> u32 {
    let has_neighbours = scenario.slow_readers.is_some() || scenario.reconnecting.is_some();
    let extra = u32::from(scenario.raw_sockets) + if peers && scenario.tokio { TOKIO_CONTENDERS } else { 0 };
    1 + u32::from(scenario.baseline) + u32::from(scenario.control) + if has_neighbours { 0 } else { extra }
}

/// Length of the sweeps over sizes.
pub fn growth(sizes: &Sizes, warmup: Duration) -> Duration {
    let round = Duration::from_millis(sizes.round_ms);
    // Sessions are swept with the venue and with the echo.
    let loads = 2 * sizes.sessions.len() + sizes.instruments.len() + sizes.message_bytes.len();
    sizes.rounds as u32 * ((warmup + round + TURN) * loads as u32 + round * sizes.shards.len() as u32)
}

/// Length of these scenarios of a profile with the watch before them, and of growth if wanted and in the profile.
pub fn all<'a>(
    profile: &Profile,
    scenarios: impl Iterator<Item = (&'a Entry, &'a Scenario)>,
    with_growth: bool,
    peers: bool,
) -> Duration {
    let warmup = Duration::from_millis(profile.warmup_ms);
    let measured: Duration = scenarios.map(|(entry, one)| scenario(one, entry, warmup, peers)).sum();
    let sizes = profile.scaling.as_ref().filter(|_| with_growth);
    Duration::from_millis(profile.jitter_ms) + measured + sizes.map_or(Duration::ZERO, |sizes| growth(sizes, warmup))
}

/// Formats a length in words: seconds below two minutes, minutes below an hour and a half, hours.
pub fn words(length: Duration) -> String {
    let seconds = length.as_secs_f64();
    match seconds {
        ..0.5 => "1 s".to_owned(),
        ..120.0 => format!("{seconds:.0} s"),
        ..5400.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(profile: &str, peers: bool) -> Duration {
        let (_, text) = Profile::SHIPPED.into_iter().find(|(name, _)| *name == profile).unwrap();
        let profile = Profile::parse(profile, text).unwrap();
        let scenario = |entry: &Entry| {
            let (_, text) = Scenario::SHIPPED.into_iter().find(|(name, _)| *name == entry.name).unwrap();
            Scenario::parse(&entry.name, text).unwrap()
        };
        let scenarios: Vec<Scenario> = profile.scenarios.iter().map(scenario).collect();
        all(&profile, profile.scenarios.iter().zip(&scenarios), true, peers)
    }

    #[test]
    fn profiles_take_what_they_say() {
        // `development` took 101 s with peers on two CPUs.
        let development = shipped("development", true).as_secs();
        assert!((90..120).contains(&development), "{development}");
        assert!(shipped("development", false) < Duration::from_secs(100));
        // Its tables are promised in under a quarter of an hour.
        assert!((8 * 60..12 * 60).contains(&shipped("benchmarks", true).as_secs()));
        // Their summaries: half an hour, and hours.
        assert!((20 * 60..35 * 60).contains(&shipped("staging", true).as_secs()));
        assert!((2 * 3600..6 * 3600).contains(&shipped("production", true).as_secs()));
    }

    #[test]
    fn contenders_are_counted_as_they_run() {
        let peers = cfg!(feature = "peers");
        for (name, text) in Scenario::SHIPPED {
            let scenario = Scenario::parse(name, text).unwrap();
            let contenders = crate::measure::order_ack::contenders(&scenario).len() as u32;
            assert_eq!(order_ack_contenders(&scenario, peers), contenders, "{name}");
        }
        if peers && !cfg!(feature = "aeron") {
            assert_eq!(crate::measure::peers::of_the_hop().len() as u32, HOP_PEERS);
            assert_eq!(crate::measure::peers::of_the_engine().len() as u32, ENGINE_PEERS);
        }
    }

    #[test]
    fn lengths_in_words() {
        let of = |seconds: f64| words(Duration::from_secs_f64(seconds));
        assert_eq!([0.2, 101.0, 121.0, 1600.0, 13_000.0].map(of), ["1 s", "101 s", "2 min", "27 min", "3.6 h"]);
    }
}
