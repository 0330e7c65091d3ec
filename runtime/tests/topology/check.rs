//! What the check of a topology refuses, by name, and what it proves.

use std::{panic::AssertUnwindSafe, time::Duration};

use crate::support::{AsIs, Bytewise, Note, Play, Replayable, Two, left, out, right, shard, two_cpus};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    cpu,
    edge::port::Port,
    net::{ConnId, DriverConfig, EndpointSpec, Flow, UdpSpec},
    sequencer::Sequencer,
    supervision::{Strategy, SupervisorSpec},
    topology::check::TopologyError,
    topology::{ActorId, EdgeSpec, Idle, ShardId, ShardSpec, Topology},
};

/// At most two outputs per step and port: the least capacity of an edge out of it is four.
type Pair = Play<Two, 2>;
type One = Play<Port<Note>, 1>;

fn pair() -> Pair {
    Play::new(|_, _| Step::Done)
}

fn leave_both_open(topology: &mut Topology, actor: ActorId<Pair>) {
    topology.leave_open(actor, left);
    topology.leave_open(actor, right);
}

fn here(topology: &mut Topology) -> ShardId {
    shard(topology, "here", two_cpus()[0], Idle::Park)
}

fn sequenced(topology: &mut Topology, shard: ShardId) -> ActorId<Replayable<Port<Note>, 1>> {
    let actor = topology.sequenced(shard, "sequenced", Replayable::relay);
    topology.leave_open(actor, out);
    actor
}

fn sequencer(topology: &mut Topology, shard: ShardId) -> ActorId<Sequencer<AsIs>> {
    let sequencer = topology.actor(shard, "sequencer", || Sequencer::new(AsIs));
    topology.leave_open(sequencer, |out| &mut out.record);
    sequencer
}

/// A topology with one fault, what is said of it, and words of the remedy.
type Case = (fn(&mut Topology), fn(&TopologyError) -> bool, &'static str);

#[test]
fn each_fault_is_refused_by_its_name_and_with_a_remedy() {
    use TopologyError as E;
    let cases: [Case; 15] = [
        (
            |topology| {
                shard(topology, "far", 1023, Idle::Park);
            },
            |error| matches!(error, E::CpuNotAllowed { shard, cpu: 1023, .. } if shard == "far"),
            "choose one of them",
        ),
        (
            |topology| {
                here(topology);
                shard(topology, "spinning", two_cpus()[0], Idle::Spin);
            },
            |error| matches!(error, E::CpuShared { first, second, .. } if (&**first, &**second) == ("spinning", "here")),
            "its own CPU",
        ),
        (
            |topology| {
                let here = here(topology);
                let actor = topology.actor(here, "actor", pair);
                topology.leave_open(actor, left);
            },
            |error| *error == E::PortOpen { actor: "actor".to_owned(), port: "right" },
            "leave_open",
        ),
        (
            |topology| {
                let here = here(topology);
                let [one, two] = ["one", "two"].map(|name| topology.actor(here, name, pair));
                leave_both_open(topology, two);
                topology.leave_open(one, right);
                topology.connect(one, left, two, EdgeSpec::backpressure(8));
                topology.connect(one, left, two, EdgeSpec::backpressure(8));
            },
            |error| *error == E::PortShared { actor: "one".to_owned(), port: "left", edges: 2 },
            "a port for each",
        ),
        (
            |topology| {
                let here = here(topology);
                let actor = topology.actor(here, "actor", pair);
                topology.leave_open(actor, right);
                topology.external_receiver(actor, left, EdgeSpec::backpressure(3));
            },
            |error| *error == E::CapacityTooSmall { edge: "actor.left".to_owned(), capacity: 3, least: 4 },
            "give it 4 or more",
        ),
        (
            |topology| {
                let here = here(topology);
                for name in ["one", "two", "one", "one"] {
                    let actor = topology.actor(here, name, One::relay);
                    topology.leave_open(actor, out);
                }
            },
            |error| *error == E::ActorNameTaken { name: "one".to_owned() },
            "give each its own",
        ),
        (
            |topology| {
                for name in ["same", "same"] {
                    shard(topology, name, two_cpus()[0], Idle::Park);
                }
            },
            |error| *error == E::ShardNameTaken { name: "same".to_owned() },
            "give each its own",
        ),
        (
            |topology| {
                let here = here(topology);
                let actor = topology.actor(here, "actor", pair);
                topology.leave_open(actor, right);
                topology.external_receiver(actor, left, EdgeSpec::backpressure(13).in_flight(10));
            },
            |error| *error == E::CapacityTooSmall { edge: "actor.left".to_owned(), capacity: 13, least: 14 },
            "give it 14 or more",
        ),
        (
            |topology| {
                let here = here(topology);
                let actor = topology.actor(here, "actor", pair);
                leave_both_open(topology, actor);
                topology.external_sender("in", actor, EdgeSpec::backpressure(0));
            },
            |error| *error == E::CapacityTooSmall { edge: "in".to_owned(), capacity: 0, least: 1 },
            "give it 1 or more",
        ),
        (
            |topology| {
                let here = here(topology);
                let actor = topology.actor(here, "actor", pair);
                topology.leave_open(actor, right);
                topology.connect(actor, left, actor, EdgeSpec::backpressure(8));
            },
            |error| *error == E::SelfEdge { edge: "actor.left".to_owned() },
            "Step::More",
        ),
        (
            |topology| {
                let here = here(topology);
                sequenced(topology, here);
            },
            |error| *error == E::SequencedWithoutInput { actor: "sequenced".to_owned() },
            "connect a sequencer",
        ),
        (
            |topology| {
                let here = here(topology);
                let (sequencer, actor) = (sequencer(topology, here), sequenced(topology, here));
                topology.connect(sequencer, |out| &mut out.group, actor, EdgeSpec::backpressure(8));
                topology.external_sender("side door", actor, EdgeSpec::backpressure(8));
            },
            |error| *error == E::SequencedInputs { actor: "sequenced".to_owned(), edge: "side door".to_owned() },
            "through one sequencer",
        ),
        (
            |topology| {
                let here = here(topology);
                let one = topology.actor(here, "one", One::relay);
                let actor = sequenced(topology, here);
                topology.connect(one, out, actor, EdgeSpec::backpressure(8));
            },
            |error| *error == E::SequencedFrom { actor: "sequenced".to_owned(), edge: "one.out".to_owned() },
            "put a sequencer between",
        ),
        (
            // R7
            |topology| {
                let here = here(topology);
                let (sequencer, actor) = (sequencer(topology, here), sequenced(topology, here));
                topology.connect(sequencer, |out| &mut out.group, actor, EdgeSpec::drop_newest(8));
            },
            |error| *error == E::SequencedLossy { actor: "sequenced".to_owned(), edge: "sequencer.group".to_owned() },
            "give it backpressure",
        ),
        (
            |topology| {
                let here = here(topology);
                let [one, two, three] = ["one", "two", "three"].map(|name| topology.actor(here, name, pair));
                topology.connect(one, left, two, EdgeSpec::backpressure(8));
                topology.connect(two, left, three, EdgeSpec::backpressure(8));
                topology.connect(three, left, two, EdgeSpec::backpressure(8));
                [one, two, three].into_iter().for_each(|actor| topology.leave_open(actor, right));
            },
            |error| *error == E::Deadlock { edges: vec!["two.left".to_owned(), "three.left".to_owned()] },
            "two.left -> three.left",
        ),
    ];
    for (n, (declare, expected, remedy)) in cases.into_iter().enumerate() {
        let mut topology = Topology::new();
        declare(&mut topology);
        let errors = topology.check().unwrap_err();
        let said = errors.to_string();
        assert!(matches!(&errors.0[..], [error] if expected(error)), "case {n}: {said}");
        assert!(said.contains(remedy), "case {n}: {said}");
    }
}

/// It would be accepted, and have no effect, or fail an actor where its edge drops.
#[test]
fn an_edge_that_cannot_do_what_it_is_told_is_refused() {
    let both = EdgeSpec::backpressure(8);
    let drops = EdgeSpec::drop_newest(8);
    for (spec, from_outside, between) in [
        (both, None, None),
        (both.admission(), Some("leave EdgeSpec::admission out"), None),
        (both.in_flight(2), Some("leave EdgeSpec::in_flight out"), None),
        (drops, None, None),
        (drops.admission(), Some("leave EdgeSpec::admission out"), Some("leave EdgeSpec::admission out")),
        (drops.in_flight(2), Some("leave EdgeSpec::in_flight out"), Some("leave EdgeSpec::in_flight out")),
    ] {
        let declared = |outside: bool| {
            let mut topology = Topology::new();
            let here = here(&mut topology);
            let [one, two] = ["one", "two"].map(|name| topology.actor(here, name, One::relay));
            topology.leave_open(two, out);
            if outside {
                topology.external_sender("in", one, spec);
                topology.connect(one, out, two, both);
            } else {
                topology.connect(one, out, two, spec);
            }
            topology.check().map(drop)
        };
        for (remedy, edge, checked) in [(from_outside, "in", declared(true)), (between, "one.out", declared(false))] {
            let Some(remedy) = remedy else {
                assert!(checked.is_ok(), "{spec:?}");
                continue;
            };
            let Err(errors) = checked else { panic!("accepted on {edge}: {spec:?}") };
            let is_it = |error: &TopologyError| matches!(error, TopologyError::EdgeContradiction { edge: it, .. } if it == edge);
            assert!(matches!(&errors.0[..], [error] if is_it(error)), "{errors}");
            assert!(errors.to_string().ends_with(remedy), "{errors}");
        }
    }
}

/// Each restart would come too late, and each stop.
#[test]
fn a_supervisor_without_time_for_a_restart_is_refused() {
    let mut topology = Topology::new();
    let spec = SupervisorSpec::new("hasty", Strategy::OneForOne);
    topology.supervisor(spec.clone().deadline(Duration::ZERO));
    let errors = topology.check().unwrap_err();
    assert_eq!(errors.0, [TopologyError::NoTimeToRestart { supervisor: "hasty".to_owned() }]);
    let mut topology = Topology::new();
    topology.supervisor(spec.deadline(Duration::from_millis(1)));
    assert!(topology.check().is_ok());
}

#[test]
fn what_no_host_could_allocate_is_refused_before_it_is_allocated() {
    let mut topology = Topology::new();
    let [here, there] = two_cpus();
    let [here, there] =
        [("here", here), ("there", there)].map(|(name, cpu)| shard(&mut topology, name, cpu, Idle::Park));
    let most = EdgeSpec::BYTES_MAX / 64;
    let names = ["near", "far", "out", "newest"];
    let [near, far, outside, newest] = names.map(|name| topology.actor(here, name, One::relay));
    let [sink, beyond] =
        [(here, "sink"), (there, "beyond")].map(|(shard, name)| topology.actor(shard, name, One::relay));
    topology.connect(near, out, sink, EdgeSpec::backpressure(usize::MAX));
    topology.connect(far, out, beyond, EdgeSpec::backpressure(most + 1));
    topology.external_receiver(outside, out, EdgeSpec::drop_newest(usize::MAX / 64));
    topology.conflated_receiver(newest, out, most / 2 + 1);
    topology.external_sender("in", near, EdgeSpec::backpressure(usize::MAX));
    [sink, beyond].into_iter().for_each(|actor| topology.leave_open(actor, out));
    let errors = topology.check().unwrap_err();
    let refused = errors.0.iter().map(|error| match error {
        TopologyError::CapacityTooLarge { edge, .. } => &**edge,
        other => panic!("{other}"),
    });
    assert_eq!(refused.collect::<Vec<_>>(), ["near.out", "far.out", "out.out", "newest.out", "in"]);
    assert!(errors.to_string().contains("16777217 messages of 64 bytes"), "{errors}");
    assert!(errors.to_string().contains("give it a capacity of 16777216 or less"), "{errors}");
    assert!(errors.to_string().contains("give it a capacity of 8388608 or less"), "{errors}");
}

#[test]
fn capacities_of_a_network_driver_are_refused_that_a_start_would_refuse() {
    /// The capacity that is refused, what spoils it, and words of the remedy.
    type Spoiled = (&'static str, fn(&mut DriverConfig), &'static str);
    let cases: [Spoiled; 9] = [
        ("net.receive_buffers", |net| net.receive_buffers = 3, "a power of two"),
        ("net.receive_buffer_bytes", |net| net.receive_buffer_bytes = 0, "1 to 16777216"),
        ("net.send_buffer_bytes", |net| net.send_buffer_bytes = 1000, "a power of two"),
        ("net.connections_max", |net| net.connections_max = 0, "1 to 8388607"),
        ("net.submission_entries", |net| net.submission_entries = 4, "8 to 32768"),
        ("net.max_frame_bytes", |net| net.max_frame_bytes = 0, "1 to 16777216"),
        ("net.sends_by_call", |net| net.sends_by_call = 40_000, "at most 32768"),
        (
            "the memory of the network driver in bytes",
            |net| (net.connections_max, net.send_buffer_bytes) = (1 << 22, 1 << 30),
            "lower net.connections_max",
        ),
        (
            "net.max_frame_bytes",
            |net| (net.connections_max, net.max_frame_bytes) = (u32::MAX, u32::MAX),
            "1 to 16777216",
        ),
    ];
    for (field, spoil, remedy) in cases {
        let mut net = DriverConfig::default();
        spoil(&mut net);
        let mut topology = Topology::new();
        topology.shard(ShardSpec::new("here", two_cpus()[0]).net(net.clone()));
        let errors = topology.check().unwrap_err();
        let is_it = |error: &TopologyError| matches!(error, TopologyError::NetBounds { shard, field: it, .. } if shard == "here" && *it == field);
        assert!(errors.0.iter().any(is_it), "{errors}");
        assert!(errors.to_string().contains(remedy), "{errors}");
        // It has no driver.
        let mut topology = Topology::new();
        topology.shard(ShardSpec::new("here", two_cpus()[0]).idle(Idle::Spin).net(net));
        assert!(topology.check().is_ok(), "{field}");
    }
}

/// An actor with sockets.
struct Sender;
impl Actor for Sender {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut Context<'_, ()>, _: &Note) -> Step {
        Step::Done
    }
}
impl NetActor for Sender {
    fn on_frame(&mut self, _: &mut Context<'_, ()>, _: ConnId, _: &[u8]) -> Flow {
        Flow::Taken
    }
}

/// It would be accepted, and lose what it is for.
#[test]
fn a_udp_socket_that_cannot_do_what_it_is_told_is_refused() {
    let sender = |bind: &str, to: &str| UdpSpec::sender(bind.parse().unwrap(), to.parse().unwrap());
    let [v4, v6] = ["127.0.0.1:0", "[::1]:0"];
    let (group, any) = ([239, 192, 0, 1].into(), [0, 0, 0, 0].into());
    let cases = [
        (UdpSpec { send_slots: 0, ..sender(v4, v4) }, Some("set send_slots to 1 or more, or `to` to None")),
        (sender(v4, v6), Some("bind an IPv6 address, such as [::]:0")),
        (sender(v6, v4), Some("bind an IPv4 address, such as 0.0.0.0:0")),
        (UdpSpec { to: None, send_slots: 0, ..sender(v4, v4) }, Some("or send_slots to 1 or more")),
        (sender(v4, v4).join(group, any), Some("or leave the groups out")),
        (UdpSpec { multicast_interface: Some(any), ..sender(v6, v6) }, Some("or set multicast_interface to None")),
        (UdpSpec { multicast_interface: Some(any), ..sender(v4, v4) }, None),
        (UdpSpec::receiver(v4.parse().unwrap()).join(group, any), None),
        (sender(v4, v4), None),
        (sender(v6, v6), None),
        (sender("[::]:0", v4), None),
        (sender("[::ffff:127.0.0.1]:0", v4), None),
        (UdpSpec { send_slots: 0, ..UdpSpec::peer(v4.parse().unwrap()) }, None),
        (UdpSpec::receiver(v6.parse().unwrap()), None),
    ];
    for (spec, remedy) in cases {
        let mut topology = Topology::new();
        let shard = here(&mut topology);
        let receiver = EndpointSpec::Udp(UdpSpec::receiver(v4.parse().unwrap()));
        topology.net_actor(shard, "sender", vec![receiver, EndpointSpec::Udp(spec.clone())], |_| Sender);
        let Some(remedy) = remedy else {
            assert!(topology.check().is_ok(), "{spec:?}");
            continue;
        };
        let errors = topology.check().unwrap_err();
        assert!(matches!(&errors.0[..], [TopologyError::Endpoint { endpoint: 1, .. }]), "{errors}");
        let text = errors.to_string();
        assert!(text.starts_with("actor \"sender\": its endpoint 1: ") && text.ends_with(remedy), "{text}");
    }
}

/// A start would find the second one's address in use, by its own first one.
#[test]
fn two_sockets_on_one_address_are_refused() {
    let listen =
        |addr: &str| EndpointSpec::Listen { addr: addr.parse().unwrap(), framer: Box::new(Bytewise), backlog: 1 };
    let udp = |addr: &str| EndpointSpec::Udp(UdpSpec::receiver(addr.parse().unwrap()));
    let group = |addr: &str| {
        let spec = UdpSpec::receiver(addr.parse().unwrap());
        EndpointSpec::Udp(spec.join([239, 192, 0, 1].into(), [127, 0, 0, 1].into()))
    };
    let [one, same, any] = ["127.0.0.1:26999", "127.0.0.1:26999", "0.0.0.0:26999"];
    let cases = [
        (listen(one), listen(same), true),
        (listen(any), listen(one), true),
        (listen(one), listen("[::]:26999"), true),
        (udp(one), udp(any), true),
        (listen(one), listen("[::ffff:127.0.0.1]:26999"), true),
        (listen(any), listen("[::ffff:127.0.0.1]:26999"), true),
        (group(any), udp(any), true),
        (group(any), group(any), false),
        (listen(one), udp(one), false),
        (listen(one), listen("127.0.0.2:26999"), false),
        (listen(one), listen("127.0.0.1:26998"), false),
        (listen(any), listen("[::1]:26999"), false),
        (listen("127.0.0.1:0"), listen("127.0.0.1:0"), false),
    ];
    for (first, second, collide) in cases {
        let what = format!("{first:?}, {second:?}");
        let mut topology = Topology::new();
        let shard = here(&mut topology);
        topology.net_actor(shard, "first", vec![first], |_| Sender);
        topology.net_actor(shard, "second", vec![second], |_| Sender);
        match topology.check() {
            Ok(_) => assert!(!collide, "{what}"),
            Err(errors) => {
                assert!(collide && errors.0.len() == 1, "{what}: {errors}");
                let text = errors.to_string();
                assert!(text.contains("actor \"second\"") && text.ends_with("give each its own port"), "{text}");
            }
        }
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let mut topology = Topology::new();
    let far = shard(&mut topology, "far", 1023, Idle::Park);
    let actor = topology.actor(far, "actor", pair);
    topology.connect(actor, left, actor, EdgeSpec::backpressure(1));
    let errors = topology.check().unwrap_err();
    assert_eq!(errors.0.len(), 4, "{errors}");
    assert_eq!(errors.to_string().lines().count(), 4);
    assert_eq!(format!("{errors:?}"), errors.to_string(), "a main that returns them prints this");
    // The same from what would run it.
    let refused = topology.simulate().err().unwrap();
    assert_eq!(refused, errors);
}

/// A request and its answer between two actors, the request's edge as given.
fn round_trip(request: EdgeSpec, answer: EdgeSpec) -> Topology {
    let mut topology = Topology::new();
    let here = here(&mut topology);
    let [client, server] = ["client", "server"].map(|name| topology.actor(here, name, pair));
    topology.connect(client, left, server, request);
    topology.connect(server, left, client, answer);
    [client, server].into_iter().for_each(|actor| topology.leave_open(actor, right));
    topology
}

#[test]
fn a_cycle_is_safe_with_one_edge_that_is_never_waited_for() {
    let hold = EdgeSpec::backpressure(16);
    for (request, why) in
        [(hold.admission(), "admission"), (hold.in_flight(12), "in flight"), (EdgeSpec::drop_newest(16), "drops")]
    {
        for topology in [round_trip(request, hold), round_trip(hold, request)] {
            let checked = topology.check().unwrap_or_else(|errors| panic!("{why}: {errors}"));
            let reasons: Vec<_> = checked.edges.iter().filter_map(|edge| edge.never_waits).collect();
            assert!(matches!(reasons[..], [reason] if reason.contains(why)), "{reasons:?}");
            assert_eq!(checked.drain_order.len(), 2);
        }
    }
    let errors = round_trip(hold, hold).check().unwrap_err();
    let cycle = vec!["client.left".to_owned(), "server.left".to_owned()];
    assert_eq!(errors.0, [TopologyError::Deadlock { edges: cycle }]);
}

// R12
#[test]
fn an_edge_that_drops_needs_room_for_one_message_only() {
    for (capacity, accepted) in [(0, false), (1, true)] {
        let mut topology = Topology::new();
        let here = here(&mut topology);
        let actor = topology.actor(here, "actor", pair);
        topology.leave_open(actor, right);
        topology.external_receiver(actor, left, EdgeSpec::drop_newest(capacity));
        assert_eq!(topology.check().is_ok(), accepted, "capacity {capacity}");
    }
}

#[test]
fn a_recorded_stream_may_replace_the_sequencer() {
    let mut topology = Topology::new();
    let here = here(&mut topology);
    let actor = sequenced(&mut topology, here);
    topology.external_sender("recorded", actor, EdgeSpec::backpressure(8));
    assert!(topology.check().is_ok());
}

#[test]
fn the_drain_order_has_each_actor_after_those_it_waits_for() {
    let mut topology = Topology::new();
    let here = here(&mut topology);
    let names = ["a", "b", "c", "d"];
    let [a, b, c, d] = names.map(|name| topology.actor(here, name, pair));
    topology.connect(a, left, c, EdgeSpec::backpressure(8));
    topology.connect(c, left, b, EdgeSpec::backpressure(8));
    topology.connect(c, right, d, EdgeSpec::backpressure(8));
    topology.connect(b, left, d, EdgeSpec::backpressure(8));
    [a, b, d].into_iter().for_each(|actor| topology.leave_open(actor, right));
    topology.leave_open(d, left);
    let checked = topology.check().unwrap();
    assert_eq!(checked.drain_order, ["d", "b", "c", "a"]);
    assert_eq!(checked.shards[0].actors, names);
    assert_eq!(checked.edges.iter().map(|edge| edge.bytes()).collect::<Vec<_>>(), [8 * 64; 4]);
}

#[test]
fn shards_that_share_a_cpu_may_all_sleep() {
    let mut topology = Topology::new();
    let cpu = cpu::allowed_cpus()[0];
    shard(&mut topology, "one", cpu, Idle::Park);
    shard(&mut topology, "two", cpu, Idle::Backoff);
    assert!(topology.check().is_ok());
}

#[test]
#[should_panic(expected = "an ActorId of another topology")]
fn an_actor_of_another_topology_is_refused() {
    let (mut ours, mut other) = (Topology::new(), Topology::new());
    let shard = here(&mut other);
    let actor = other.actor(shard, "actor", pair);
    ours.leave_open(actor, left);
}

#[test]
fn an_actor_of_another_topology_is_refused_also_where_ours_has_one_of_its_number() {
    let declarations: [fn(&mut Topology, ActorId<Pair>); 2] = [
        |ours, actor| ours.leave_open(actor, right),
        |ours, actor| ours.connect(actor, right, actor, EdgeSpec::backpressure(8)),
    ];
    for declare in declarations {
        let (mut ours, mut other) = (Topology::new(), Topology::new());
        let shard = here(&mut other);
        let actor = other.actor(shard, "actor", pair);
        let shard = here(&mut ours);
        ours.actor(shard, "of one port", One::relay);
        let refused = std::panic::catch_unwind(AssertUnwindSafe(|| declare(&mut ours, actor))).unwrap_err();
        let text = refused.downcast_ref::<String>().map(String::as_str).or(refused.downcast_ref().copied());
        assert!(text.is_some_and(|text| text.starts_with("an ActorId of another topology")), "{text:?}");
    }
}

#[test]
#[should_panic(expected = "actor \"actor\": a ShardId of another topology")]
fn a_shard_of_another_topology_is_refused() {
    let (mut ours, mut other) = (Topology::new(), Topology::new());
    let shard = here(&mut other);
    ours.actor(shard, "actor", pair);
}
