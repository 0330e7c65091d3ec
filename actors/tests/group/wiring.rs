//! The wiring of the group, its bounds, and the prices that the sequencer attaches.

use crate::group_support::{config, enter, reference, replace};
use corelane_actors::{
    engine::wire_group,
    sequencer_policy::ReferencePolicy,
    types::{
        AccountId, Command, FirmId, GroupConfig, GroupConfigError, Locate, Publication, Quantity, Reference,
        ReferenceUpdate, Reply, SequencerIn,
    },
};
use corelane_codecs::price::Price;
use corelane_runtime::{
    actor::Down,
    message::{Envelope, Message, SequenceNumber},
    sequencer::{Origin, Sequencer, SequencerPolicy},
    telemetry::Counters,
    topology::{ActorIndex, EdgeSpec, Topology},
};
use corelane_test_support::shards::simulated;

#[test]
fn the_group_cannot_deadlock_and_is_held_back_by_its_outputs_only() {
    let mut topology = Topology::new();
    let shard = simulated(&mut topology, "hot");
    let sequencer = topology.actor(shard, "sequencer", || Sequencer::new(ReferencePolicy::new(3, None)));
    let group = wire_group(&mut topology, shard, config(), Counters::default()).unwrap();
    let _requests = topology.external_sender("requests", sequencer, EdgeSpec::backpressure(8));
    topology.connect(sequencer, |out| &mut out.group, group, EdgeSpec::backpressure(8));
    topology.leave_open(sequencer, |out| &mut out.record);
    let _replies = topology.external_receiver(group, |out| &mut out.replies, EdgeSpec::backpressure(64));
    let _publications = topology.external_receiver(group, |out| &mut out.publications, EdgeSpec::backpressure(64));
    let checked = topology.check().unwrap_or_else(|errors| panic!("{errors}"));
    let waits: Vec<_> = checked
        .edges
        .iter()
        .filter(|edge| edge.never_waits.is_none())
        .map(|edge| format!("{} -> {}", edge.from, edge.to))
        .collect();
    assert_eq!(waits, ["sequencer.group -> group", "group.replies -> (outside)", "group.publications -> (outside)"]);
    assert_eq!(checked.shards[0].actors, ["sequencer", "group"]);
}

#[test]
fn every_message_fits_two_cache_lines() {
    fn slot<M: Message>() -> usize {
        Envelope::<M>::SLOT_BYTES
    }
    assert_eq!([slot::<Command>(), slot::<SequencerIn>(), slot::<Reply>(), slot::<Publication>()], [128; 4]);
}

#[test]
fn a_config_out_of_bounds_says_which_setting_and_what_it_may_be() {
    let good = config();
    let cases = [
        (GroupConfig { ports: vec![], ..good.clone() }, "ports is 0; it must be 1 to 1048576"),
        (GroupConfig { instruments: vec![], ..good.clone() }, "instruments is 0; it must be 1 to 65534"),
        (GroupConfig { orders_max: 0, ..good.clone() }, "orders_max is 0; it must be 1 to 1073741824"),
        (GroupConfig { levels_max: u32::MAX, ..good.clone() }, "levels_max is 4294967295; it must be 1 to 1073741824"),
    ];
    let with = |change: fn(&mut GroupConfig)| {
        let mut config = good.clone();
        change(&mut config);
        config
    };
    let members = [
        (with(|config| config.accounts.clear()), "accounts is 0; it must be 1 to 1048576"),
        (with(|config| config.firms.clear()), "firms is 0; it must be 1 to 1048576"),
        (
            with(|config| config.ports[2].account = AccountId(3)),
            "port 2 belongs to account 3, but only 3 are configured, numbered from 0",
        ),
        (
            with(|config| config.accounts[1].firm = FirmId(9)),
            "account 1 belongs to firm 9, but only 3 are configured, numbered from 0",
        ),
        (
            with(|config| config.accounts[0].limits.quantity_max = Some(Quantity::ZERO)),
            "limits.quantity_max is 0; it must be 1 to 999999",
        ),
    ];
    for (config, message) in cases.into_iter().chain(members) {
        assert_eq!(config.check().unwrap_err().to_string(), message);
    }
    let mut tickless = good.clone();
    tickless.instruments[1].tick = Price::ZERO;
    let expected = GroupConfigError::OutOfRange { setting: "tick", value: 0, least: 1, most: u32::MAX.into() };
    assert_eq!(tickless.check(), Err(expected));
    assert_eq!(good.check(), Ok(()));
}

/// The command that a policy emits for an input.
fn passed(policy: &mut ReferencePolicy, input: SequencerIn) -> Option<Command> {
    let mut passed = None;
    policy.sequence(&input, Origin::default(), |command| passed = Some(command));
    passed
}

fn attached(policy: &mut ReferencePolicy, command: Command) -> Reference {
    match passed(policy, SequencerIn::Command(command)) {
        Some(Command::Enter(enter)) => enter.reference,
        Some(Command::Replace(replace)) => replace.reference,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_policy_attaches_the_latest_prices_and_marks_them_stale_when_their_source_is_down() {
    let mut policy = ReferencePolicy::new(3, Some(ActorIndex::new(5)));
    let ask =
        |locate| Command::Enter(corelane_actors::types::Enter { locate: Locate(locate), ..enter(0, 1, b'B', 1, 1) });
    let update = |locate, bid, ask| {
        SequencerIn::Reference(ReferenceUpdate { locate: Locate(locate), reference: reference(bid, ask) })
    };
    assert_eq!(attached(&mut policy, ask(1)), Reference::default());
    for input in [update(1, 10, 20), update(1, 11, 21), update(3, 30, 40), update(4, 7, 7)] {
        assert_eq!(passed(&mut policy, input), None);
    }
    assert_eq!(attached(&mut policy, ask(1)), reference(11, 21));
    assert_eq!(attached(&mut policy, Command::Replace(replace(0, 1, 2, 1, 1))), reference(11, 21));
    assert_eq!(attached(&mut policy, ask(3)), reference(30, 40));
    for unknown in [0, 4, u16::MAX] {
        assert_eq!(attached(&mut policy, ask(unknown)), Reference::default());
    }
    policy.on_down(Down { actor: ActorIndex::new(4), sequence: SequenceNumber::NONE, generation: 0 });
    assert_eq!(attached(&mut policy, ask(1)), reference(11, 21));
    policy.on_down(Down { actor: ActorIndex::new(5), sequence: SequenceNumber::NONE, generation: 0 });
    assert_eq!(attached(&mut policy, ask(1)), Reference { stale: 1, ..reference(11, 21) });
    // An update that was still in flight does not make them fresh again.
    passed(&mut policy, update(1, 12, 22));
    assert_eq!(attached(&mut policy, ask(1)), Reference { stale: 1, ..reference(12, 22) });
    assert_eq!(attached(&mut policy, ask(2)).stale, 1);
    // It was restarted: what is not published anew stays stale.
    policy.sequence(&update(0, 0, 0), Origin { generation: 1, ..Origin::default() }, |_| {});
    assert_eq!(attached(&mut policy, ask(1)), Reference { stale: 1, ..reference(12, 22) });
    assert_eq!(attached(&mut policy, ask(2)), Reference::default(), "it never had a price");
    passed(&mut policy, update(1, 13, 23));
    assert_eq!(attached(&mut policy, ask(1)), reference(13, 23));
    assert_eq!(attached(&mut policy, ask(3)).stale, 1);
}
