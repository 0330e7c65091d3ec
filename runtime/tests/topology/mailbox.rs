//! Mailboxes: edges that take messages by their priority, and drop what has waited for too long.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use crate::support::{
    AsIs, Log, Note, Play, Replayable, counter, note, options, out, send_all, shard, two_cpus, until,
};
use corelane_runtime::{
    actor::{Actor, Context, Step},
    edge::port::Port,
    message::Priority,
    sequencer::Sequencer,
    supervision::{Strategy, SupervisorSpec},
    telemetry::ShardCount,
    topology::check::TopologyError,
    topology::{ActorId, EdgeSpec, ExternalSender, Idle, MailboxSpec, ShardId, Topology},
};

const LONG: Duration = Duration::from_secs(3600);
const POISON: u64 = 666;

/// Does jobs, and writes down their numbers.
#[derive(Clone)]
struct Worker {
    done: Log<u64>,
    /// While set, a job takes on.
    is_busy: Arc<AtomicBool>,
    /// Whether it stays in a callback for as long, and how often it has begun to.
    blocks: bool,
    blocked: Arc<AtomicU64>,
}

impl Worker {
    fn new() -> Worker {
        Worker { done: Log::new(), is_busy: Arc::default(), blocks: false, blocked: Arc::default() }
    }
}

impl Actor for Worker {
    type In = Note;
    type Out = ();
    const OUTPUTS_MAX: usize = 0;
    const TIMERS_MAX: usize = 1;

    fn on_start(&mut self, ctx: &mut Context<'_, ()>) {
        if self.blocks {
            ctx.set_timer(1, 0).unwrap();
        }
    }

    fn on_timer(&mut self, _: &mut Context<'_, ()>, _: u64) {
        self.blocked.fetch_add(1, SeqCst);
        until("the end of the block", || !self.is_busy.load(SeqCst));
    }

    fn on_message(&mut self, ctx: &mut Context<'_, ()>, job: &Note) -> Step {
        assert_eq!(ctx.header().kind, 7, "the header travels with the message");
        assert!(job.number != POISON, "poison");
        self.done.push(job.number);
        if self.is_busy.load(SeqCst) { Step::More } else { Step::Done }
    }

    fn on_more(&mut self, _: &mut Context<'_, ()>) -> Step {
        if self.is_busy.load(SeqCst) { Step::Wait } else { Step::Done }
    }
}

fn job(priority: Priority, number: u64) -> Note {
    Note { from: priority as u64, ..note(number) }
}

fn near_and_far(topology: &mut Topology) -> [ShardId; 2] {
    let [first, second] = two_cpus();
    [shard(topology, "near", first, Idle::Park), shard(topology, "far", second, Idle::Park)]
}

/// A desk on `far` that passes jobs on to a worker on `near` by a mailbox.
fn desk_and_worker(
    topology: &mut Topology,
    [near, far]: [ShardId; 2],
    spec: MailboxSpec,
    worker: &Worker,
) -> (ActorId<Worker>, ExternalSender<Note>) {
    let worker = worker.clone();
    let worker = topology.actor(near, "worker", move || worker);
    let desk = topology.actor(far, "desk", Play::<Port<Note>, 1>::relay);
    let jobs = topology.external_sender("jobs", desk, EdgeSpec::backpressure(1024));
    topology.mailbox(desk, out, worker, spec);
    (worker, jobs)
}

#[test]
fn who_sends_what_has_no_priority_fails_alone() {
    let mut topology = Topology::new();
    let shards = near_and_far(&mut topology);
    let (_, mut jobs) = desk_and_worker(&mut topology, shards, MailboxSpec::new(64, LONG), &Worker::new());
    let other = topology.actor(shards[1], "other", Play::<Port<Note>, 1>::relay);
    topology.leave_open(other, out);
    let mut simulation = topology.simulate().unwrap();
    jobs.send(Note { from: u64::MAX, ..note(1) }).unwrap();
    simulation.run_until_idle();
    assert_eq!(simulation.down().collect::<Vec<_>>(), ["desk"]);
}

#[test]
fn messages_are_taken_by_priority_and_weight_within_a_shard_and_across() {
    for crosses in [false, true] {
        let mut topology = Topology::new();
        let [near, far] = near_and_far(&mut topology);
        let (shards, worker) = (if crosses { [near, far] } else { [near, near] }, Worker::new());
        let (_, mut jobs) = desk_and_worker(&mut topology, shards, MailboxSpec::new(64, LONG), &worker);
        let mut simulation = topology.simulate().unwrap();
        let sent = [(Priority::Batch, 0..4), (Priority::Critical, 100..120), (Priority::Normal, 200..206)];
        for (priority, numbers) in sent {
            numbers.for_each(|number| jobs.send(job(priority, number)).unwrap());
        }
        simulation.run_until_idle();
        let rounds = [100..109, 200..205, 0..1, 109..118, 205..206, 1..2, 118..120, 2..3, 3..4];
        assert_eq!(worker.done.entries(), rounds.into_iter().flatten().collect::<Vec<_>>(), "crosses: {crosses}");
        assert!(simulation.failures().is_empty());
    }
}

#[test]
fn what_has_waited_for_longer_than_it_lives_is_not_delivered() {
    const START_NS: u64 = 1_000_000;
    let (mut topology, worker) = (Topology::new(), Worker::new());
    let shards = near_and_far(&mut topology);
    let spec = MailboxSpec::new(64, Duration::from_nanos(5_000));
    let (_, mut jobs) = desk_and_worker(&mut topology, shards, spec, &worker);
    worker.is_busy.store(true, SeqCst);
    let mut simulation = topology.simulate().unwrap();
    for number in 0..=8 {
        simulation.set_time_ns(START_NS + 1_000 * number);
        jobs.send(job(Priority::ALL[number as usize % 5], number)).unwrap();
        simulation.run_until_idle();
    }
    assert_eq!(worker.done.entries(), [0], "it is busy with the first");
    worker.is_busy.store(false, SeqCst);
    simulation.run_until_idle();
    let mut done = worker.done.entries();
    done.sort_unstable();
    assert_eq!(done, [0, 3, 4, 5, 6, 7, 8], "1 and 2 are 7 and 6 us old");
}

#[test]
fn what_finds_no_room_or_expires_is_counted_where_that_happens() {
    let (mut topology, worker) = (Topology::new(), Worker::new());
    worker.is_busy.store(true, SeqCst);
    let shards = near_and_far(&mut topology);
    let spec = MailboxSpec::new(4, MailboxSpec::TIME_TO_LIVE_MIN);
    let (_, mut jobs) = desk_and_worker(&mut topology, shards, spec, &worker);
    // Polled behind the worker, which looks again in the next turn: a turn has one time.
    let blocker = Worker { blocks: true, ..worker.clone() };
    topology.actor(shards[0], "blocker", move || blocker);
    let running = topology.start(options()).unwrap();
    until("the block", || worker.blocked.load(SeqCst) > 0);
    send_all(&mut jobs, (0..10).map(|number| job(Priority::Low, number)));
    until("six without room", || counter(&running, 1, ShardCount::Dropped) == 6);
    let sent = Instant::now();
    until("a time to live", || sent.elapsed() > Duration::from_millis(1));
    worker.is_busy.store(false, SeqCst);
    until("four that expired", || counter(&running, 0, ShardCount::Expired) == 4);
    let status = running.stop().status;
    let near = |count| status.shards[0].count(count);
    assert_eq!((near(ShardCount::Messages), near(ShardCount::Dropped), worker.done.len()), (0, 0, 0));
}

#[test]
fn a_sleeping_worker_is_woken_for_each_job() {
    let (mut topology, worker) = (Topology::new(), Worker::new());
    let shards = near_and_far(&mut topology);
    let (_, mut jobs) = desk_and_worker(&mut topology, shards, MailboxSpec::new(64, LONG), &worker);
    let running = topology.start(options()).unwrap();
    for number in 0..10 {
        until("it sleeps", || counter(&running, 0, ShardCount::Parks) > number);
        jobs.send(job(Priority::Batch, number)).unwrap();
        until("the job", || worker.done.len() as u64 == number + 1);
    }
    let outcome = running.stop();
    assert!(outcome.is_clean(), "{:?}", outcome.problems());
    assert_eq!(worker.done.entries(), (0..10).collect::<Vec<_>>());
}

#[test]
fn a_mailbox_waits_for_the_next_generation_of_its_worker() {
    let (mut topology, worker) = (Topology::new(), Worker::new());
    let shards = near_and_far(&mut topology);
    let (id, mut jobs) = desk_and_worker(&mut topology, shards, MailboxSpec::new(64, LONG), &worker);
    let supervisor = topology.supervisor(SupervisorSpec::new("workers", Strategy::OneForOne));
    let next = worker.clone();
    topology.supervise(supervisor, id, move |_| next.clone());
    let mut simulation = topology.simulate().unwrap();
    let sent = [(Priority::Low, 1), (Priority::Normal, POISON), (Priority::Normal, 2), (Priority::Critical, 3)];
    sent.into_iter().for_each(|(priority, number)| jobs.send(job(priority, number)).unwrap());
    simulation.run_until_idle();
    assert_eq!(worker.done.entries(), [3, 2, 1]);
    assert_eq!(simulation.failures().len(), 1);
}

#[test]
fn the_mailbox_of_a_worker_that_was_given_up_is_emptied_and_counted() {
    let (mut topology, worker) = (Topology::new(), Worker::new());
    let shards = near_and_far(&mut topology);
    let (_, mut jobs) = desk_and_worker(&mut topology, shards, MailboxSpec::new(64, LONG), &worker);
    let running = topology.start(options()).unwrap();
    jobs.send(job(Priority::Critical, POISON)).unwrap();
    until("the failure", || counter(&running, 0, ShardCount::ActorPanics) == 1);
    send_all(&mut jobs, (0..5).map(|number| job(Priority::ALL[number as usize], number)));
    until("five discarded", || counter(&running, 0, ShardCount::Dropped) == 5);
    let outcome = running.stop();
    assert!(outcome.drained && worker.done.len() == 0);
}

#[test]
fn a_mailbox_beyond_its_bounds_is_refused() {
    let (least, most) = (MailboxSpec::TIME_TO_LIVE_MIN, MailboxSpec::TIME_TO_LIVE_MAX);
    let tick = Duration::from_nanos(1);
    let cases = [
        (1, least, true),
        (0, least, false),
        (MailboxSpec::LENGTH_MAX, least, true),
        (MailboxSpec::LENGTH_MAX + 1, least, false),
        (usize::MAX, least, false),
        (1, least - tick, false),
        (1, most, true),
        (1, most + tick, false),
    ];
    for (length, time_to_live, is_accepted) in cases {
        let mut topology = Topology::new();
        let shards = near_and_far(&mut topology);
        let (_, _jobs) = desk_and_worker(&mut topology, shards, MailboxSpec::new(length, time_to_live), &Worker::new());
        let edge = "desk.out".to_owned();
        let refused = (!is_accepted).then(|| vec![TopologyError::MailboxBounds { edge, length, time_to_live }]);
        assert_eq!(topology.check().err().map(|errors| errors.0), refused, "{length}, {time_to_live:?}");
    }
}

#[test]
fn a_mailbox_leads_to_no_sequencer_and_no_sequenced_actor() {
    let mut topology = Topology::new();
    let shard = shard(&mut topology, "only", two_cpus()[0], Idle::Park);
    let desk = topology.actor(shard, "desk", Play::<Port<Note>, 1>::relay);
    let _requests = topology.external_sender("in", desk, EdgeSpec::backpressure(64));
    let sequencer = topology.actor(shard, "sequencer", || Sequencer::new(AsIs));
    let group = topology.sequenced(shard, "group", || Replayable::<(), 0>::new(|_, _| Step::Done));
    topology.mailbox(desk, out, sequencer, MailboxSpec::new(64, LONG));
    topology.leave_open(sequencer, |out| &mut out.record);
    topology.mailbox(sequencer, |out| &mut out.group, group, MailboxSpec::new(64, LONG));
    let errors = topology.check().unwrap_err().0;
    let refused = [
        TopologyError::MailboxSequenced { sequencer: "sequencer".to_owned(), edge: "desk.out".to_owned() },
        TopologyError::SequencedLossy { actor: "group".to_owned(), edge: "sequencer.group".to_owned() },
    ];
    assert_eq!(errors, refused);
}
