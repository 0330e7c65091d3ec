//! Every peer does what it is measured at: short runs, all answers checked by the code that measures.

use std::time::Duration;

use corelane_benches::{
    engine::{Commands, commands::RESTING},
    peers::{self, Kind, matching, tokio_venue},
    two_cpus,
    wire::pacing,
};
use corelane_runtime::cpu;
use corelane_tester::script::Mix;

#[test]
fn channels_rings_and_actors_carry_every_message() {
    let Some(cpus) = two_cpus("the test") else { return };
    let seen = peers::round(cpus, Duration::from_millis(20));
    for one in &seen {
        assert!(!one.round_trips.is_empty() && one.per_s > 0.0, "{}", one.peer.name);
    }
    let lead = peers::lead(&[seen]);
    assert!(lead.hop.0 > 0.0 && lead.throughput.0 > 0.0, "{lead:?}");
    assert_eq!(peers::OURS.kind, Kind::Ours);
}

#[test]
fn the_tokio_venues_give_the_answers_that_the_model_expects() {
    let Some([server_cpu, tester_cpu]) = two_cpus("the test") else { return };
    let pacing = pacing(tester_cpu, 4000.0, Duration::from_millis(50), Duration::from_millis(500));
    for run in [tokio_venue::channels, tokio_venue::single_threaded] {
        let seen = run(server_cpu, 4, 1, Mix::default(), pacing.clone());
        assert!(seen.measured.answered > 1000, "{}", seen.measured.answered);
        assert_eq!(seen.measured.drops, 0);
    }
}

#[test]
fn matching_crates_trade_what_the_generator_expects_or_almost() {
    let commands = Commands::new(3, 20_000, RESTING);
    let cpu = cpu::allowed_cpus()[0];
    for peer in matching::ALL {
        let seen = (peer.run)(cpu, &commands, f64::INFINITY);
        if peer.name == "matchcore" {
            // In parts that cannot trade through, its orders trade as ours do.
            assert_eq!(seen.totals, commands.totals());
        }
        // Lobster's rules may lead to a few other trades.
        let (shares, expected) = (seen.totals.shares as f64, commands.totals().shares as f64);
        assert!((0.9..1.1).contains(&(shares / expected)), "{}: {:?}", peer.name, seen.totals);
        assert_eq!(seen.latency.len(), 20_000);
    }
}
