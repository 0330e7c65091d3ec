//! What a start says when it is refused; and that what had come up by then has ended.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::Command,
};

use crate::support::{Note, Play, options, out, shard, two_cpus};
use corelane_runtime::{
    actor::{Actor, Context, NetActor, Step},
    edge::port::Port,
    lifecycle::StartError,
    net::{EndpointSpec, FrameError, Framer},
    topology::check::TopologyError,
    topology::{Idle, ShardId, Topology},
};
use rustix::process::{Resource, Rlimit, setrlimit};

type One = Play<Port<Note>, 1>;

struct Listener;

impl Actor for Listener {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut Context<'_, ()>, _: &Note) -> Step {
        Step::Done
    }
}

impl NetActor for Listener {}

struct NoFrames;

impl Framer for NoFrames {
    fn frame_len(&self, _: &[u8]) -> Result<Option<usize>, FrameError> {
        Err(FrameError::Malformed)
    }
}

/// A port that nobody has, on a host of the test's own: tests beside this one ask for free ports too, and one of
/// them could be given a port that was let go here.
fn bound(host: u8) -> TcpListener {
    TcpListener::bind((Ipv4Addr::new(127, 0, 0, host), 0)).unwrap()
}

fn listener(topology: &mut Topology, shard: ShardId, addr: SocketAddr) {
    let listen = EndpointSpec::Listen { addr, framer: Box::new(NoFrames), backlog: 1 };
    topology.net_actor(shard, format!("listener of {addr}"), vec![listen], |_| Listener);
}

/// Two shards: the first comes up with an address of its own on `host`.
fn two_shards(host: u8) -> (Topology, ShardId, SocketAddr) {
    let mut topology = Topology::new();
    let [one, two] = two_cpus();
    let first = shard(&mut topology, "first", one, Idle::Park);
    let second = shard(&mut topology, "second", two, Idle::Park);
    let free = bound(host).local_addr().unwrap();
    listener(&mut topology, first, free);
    (topology, second, free)
}

/// The first shard has let go of its address.
fn ended(addr: SocketAddr) {
    TcpListener::bind(addr).unwrap_or_else(|error| panic!("{addr} is still held: {error}"));
}

#[test]
fn an_address_in_use_is_named_and_the_other_shards_end() {
    let taken = bound(1);
    let (mut topology, second, free) = two_shards(2);
    let addr = taken.local_addr().unwrap();
    listener(&mut topology, second, addr);
    let error = topology.start(options()).err().unwrap();
    assert!(matches!(&error, StartError::Net { shard, .. } if shard == "second"), "{error:?}");
    assert!(error.to_string().contains(&addr.to_string()), "{error}");
    ended(free);
}

#[test]
fn a_factory_that_panics_is_named_with_its_place_and_the_other_shards_end() {
    let (mut topology, second, free) = two_shards(3);
    let actor = topology.actor(second, "actor", || -> One { panic!("as the test wants") });
    topology.leave_open(actor, out);
    let error = topology.start(options()).err().unwrap();
    let StartError::Factory { shard, place, message } = &error else { panic!("{error:?}") };
    assert_eq!(shard, "second");
    assert!(place.to_string().contains("topology/start.rs:"), "{place}");
    assert_eq!(message.as_str(), "as the test wants");
    assert_eq!(format!("{error:?}"), error.to_string(), "a main that returns it prints this");
    ended(free);
}

/// An actor, and a framer, whose drop panics.
struct DropsBadly;

impl Actor for DropsBadly {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    fn on_message(&mut self, _: &mut Context<'_, ()>, _: &Note) -> Step {
        Step::Done
    }
}

impl NetActor for DropsBadly {}

impl Framer for DropsBadly {
    fn frame_len(&self, _: &[u8]) -> Result<Option<usize>, FrameError> {
        Err(FrameError::Malformed)
    }
}

impl Drop for DropsBadly {
    fn drop(&mut self) {
        panic!("a fault in a drop");
    }
}

/// Two of them panic together, beside the factory.
#[test]
fn a_factory_that_panics_is_named_whatever_the_drops_of_the_others_do() {
    let (mut topology, second, free) = two_shards(4);
    let addr = (Ipv4Addr::LOCALHOST, 0).into();
    let listen = || EndpointSpec::Listen { addr, framer: Box::new(DropsBadly), backlog: 1 };
    topology.net_actor(second, "bad", vec![listen(), listen()], |_| DropsBadly);
    topology.actor(second, "also bad", || DropsBadly);
    topology.actor(second, "unlucky", || -> DropsBadly { panic!("as the test wants") });
    let kept = DropsBadly;
    topology.actor(second, "not built", move || kept);
    let also_kept = DropsBadly;
    topology.actor(second, "not built either", move || also_kept);
    let error = topology.start(options()).err().unwrap();
    let StartError::Factory { shard, place, message } = &error else { panic!("{error:?}") };
    assert_eq!((shard.as_str(), message.as_str()), ("second", "as the test wants"));
    assert!(place.to_string().contains("topology/start.rs:"), "{place}");
    ended(free);
}

#[test]
fn a_cpu_that_is_not_allowed_is_named() {
    let mut topology = Topology::new();
    shard(&mut topology, "far", 1023, Idle::Park);
    let error = topology.start(options()).err().unwrap();
    let StartError::Topology(errors) = &error else { panic!("{error:?}") };
    assert!(matches!(&errors.0[..], [TopologyError::CpuNotAllowed { cpu: 1023, .. }]), "{error}");
}

#[test]
fn a_memlock_limit_is_named_with_its_remedy() {
    const CHILD: &str = "CORELANE_TEST_MEMLOCK";
    if std::env::var_os(CHILD).is_some() {
        match start_one() {
            Ok(()) => println!("started"),
            Err(error) => println!("refused: {error}"),
        }
        return;
    }
    let exe = std::env::current_exe().unwrap();
    // A copy that another user can read; root is exempt from the limit.
    let copy = std::env::temp_dir().join(format!("corelane-memlock-{}", std::process::id()));
    fs::copy(&exe, &copy).unwrap();
    let mut child = if rustix::process::geteuid().is_root() {
        let mut child = Command::new("setpriv");
        child.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy);
        child
    } else {
        Command::new(&copy)
    };
    child.args(["--exact", "start::a_memlock_limit_is_named_with_its_remedy", "--nocapture"]);
    let output = child.env(CHILD, "1").env("RUST_BACKTRACE", "0").current_dir("/").output();
    fs::remove_file(&copy).unwrap();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    // A kernel that charges rings to the memory cgroup lets it start.
    let named = said.contains("refused") && said.to_lowercase().contains("memlock") && said.contains("raise");
    assert!(named || said.contains("started"), "{said}");
    println!("{said}");
}

fn start_one() -> Result<(), StartError> {
    let limit = Rlimit { current: Some(64 << 10), maximum: Some(64 << 10) };
    setrlimit(Resource::Memlock, limit).expect("lowering a limit is always allowed");
    let mut topology = Topology::new();
    let only = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let actor = topology.actor(only, "actor", One::relay);
    topology.leave_open(actor, out);
    topology.start(options()).map(|running| assert!(running.stop().drained))
}
