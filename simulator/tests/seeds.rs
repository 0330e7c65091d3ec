//! Short runs of every profile: no rule is broken, and a run can be repeated, in part too.

use corelane_config::Config;
#[cfg(feature = "faults")]
use corelane_simulator::sites;
use corelane_simulator::{Kind, Profile, Report, Spec, VENUE_TOML, run};

const REQUESTS: u64 = 1_500;

fn spec(config: &Config, seed: u64, profile: Profile) -> Spec {
    Spec::new(config.clone(), seed, REQUESTS, profile)
}

fn built_in() -> Config {
    Config::parse("the built-in venue", VENUE_TOML).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn sound(spec: &Spec) -> Report {
    let report = run(spec).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.broken, None, "seed {}, {}", spec.seed, spec.profile);
    report
}

#[test]
fn no_profile_breaks_a_rule() {
    let config = built_in();
    for (name, profile) in Profile::NAMES {
        let faults: usize = (1..=2).map(|seed| sound(&spec(&config, seed, profile)).faults.len()).sum();
        // A panic is rare.
        assert!((faults > 0) == (profile != Profile::None) || profile == Profile::Panics, "{name}");
    }
}

#[test]
fn what_waits_for_a_shard_that_stalls_is_found_too_old() {
    let config = built_in();
    let mut runs = (1..=10).map(|seed| sound(&Spec { requests: 5_000, ..spec(&config, seed, Profile::Network) }));
    assert!(runs.any(|report| report.reached.contains("mark.delay")));
}

#[test]
fn the_shipped_venue_on_one_shard_breaks_none_either() {
    let config = Config::parse("venue.toml", corelane_config::VENUE_TOML).unwrap_or_else(|errors| panic!("{errors:?}"));
    // Without a retransmission server, what its subscriber loses stays lost.
    sound(&spec(&config, 3, Profile::Clients));
}

#[test]
fn a_seed_gives_the_same_run_again_and_its_faults_can_be_chosen() {
    let config = built_in();
    let all = spec(&config, 5, Profile::All);
    let report = sound(&all);
    assert_eq!(sound(&all).hash, report.hash);
    assert_ne!(sound(&spec(&config, 6, Profile::All)).hash, report.hash);
    let first: Vec<_> = report.faults.iter().take(3).map(|fault| (fault.source.name().to_owned(), fault.key)).collect();
    let fewer = Spec { only: Some(first.clone()), ..all.clone() };
    let repeated: Vec<_> =
        sound(&fewer).faults.iter().map(|fault| (fault.source.name().to_owned(), fault.key)).collect();
    assert_eq!(repeated, first);
    let none = Spec { only: Some(Vec::new()), without_clients: vec![0, 3], without_kinds: vec![Kind::Replace], ..all };
    assert!(sound(&none).faults.is_empty());
}

#[test]
fn a_client_goes_on_whose_requests_were_lost_with_their_connections() {
    let without_clients = (1..6).collect();
    sound(&Spec { requests: 4_000, without_clients, ..spec(&built_in(), 2, Profile::Network) });
}

#[cfg(feature = "faults")]
#[test]
fn a_venue_that_panics_restarts_who_can_be_restarted_or_ends_in_order() {
    let config = built_in();
    let panicked =
        (1..=40).flat_map(|seed| sound(&Spec { requests: 500, ..spec(&config, seed, Profile::All) }).reached);
    let points: std::collections::BTreeSet<_> = sites(Profile::Panics).collect();
    let panicked: std::collections::BTreeSet<_> = panicked.filter(|site| points.contains(site)).collect();
    assert!(panicked.len() >= 6, "{panicked:?}");
}
