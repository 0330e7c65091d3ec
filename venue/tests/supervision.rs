//! Who is restarted when it fails, and what ends the venue.

use corelane_config::{Config, VENUE_TOML};
use corelane_runtime::{
    cpu,
    supervision::{Escalation, Restart, Strategy},
};
use corelane_venue::declare;

#[test]
fn only_market_data_is_restarted_and_without_the_engine_the_venue_ends_at_once() {
    let mut config = Config::parse("venue.toml", VENUE_TOML).unwrap_or_else(|errors| panic!("{errors:?}"));
    config.supervision.restarts_max = 7;
    let declared = declare(&config, &cpu::allowed_cpus()).unwrap_or_else(|error| panic!("{error}"));
    let checked = declared.topology.check().unwrap_or_else(|errors| panic!("{errors}"));
    let supervisors: Vec<_> = checked
        .supervisors
        .iter()
        .map(|supervisor| {
            let actors: Vec<_> = supervisor.actors.iter().map(|(actor, restart)| (actor.as_str(), *restart)).collect();
            assert_eq!((supervisor.spec.strategy, supervisor.above.as_deref()), (Strategy::OneForOne, None));
            (supervisor.spec.name.as_str(), actors, supervisor.spec.escalation)
        })
        .collect();
    let ends = Restart::Significant;
    let expected = [
        ("feeds", vec![("market-data", Restart::Permanent)], Escalation::Halt),
        ("engine", vec![("sequencer", ends), ("group", ends)], Escalation::Exit),
        ("gateways", vec![("session", ends), ("publisher", ends)], Escalation::Halt),
    ];
    assert_eq!(supervisors, expected);
    assert_eq!(checked.supervisors[0].spec.intensity, 7);
}
