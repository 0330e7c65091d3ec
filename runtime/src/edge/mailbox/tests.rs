use std::{cell::Cell, collections::VecDeque, rc::Rc};

use corelane_test_support::random::Random;

use super::*;
use crate::{
    edge::inlet::Inlet,
    message::{Header, SequenceNumber},
};

#[derive(Clone, Copy, Debug, PartialEq)]
struct Job {
    priority: Priority,
    number: u64,
}

impl Message for Job {}

impl Prioritized for Job {
    fn priority(&self) -> Priority {
        self.priority
    }
}

fn job(priority: Priority, number: u64) -> Envelope<Job> {
    let header = Header { sequence: SequenceNumber(number), ..Header::default() };
    Envelope { header, body: Job { priority, number } }
}

/// Both ends, and the time of both.
struct Mailbox {
    writer: Box<dyn PutMessage<Job>>,
    reader: Box<dyn TakeMessage<Job>>,
    ticks: Rc<Cell<u64>>,
}

impl Mailbox {
    /// The next message that has not expired.
    fn take(&mut self) -> Option<Envelope<Job>> {
        loop {
            if let Taken::Message(envelope) = self.reader.take()? {
                return Some(envelope);
            }
        }
    }
}

fn mailbox(length: usize, time_to_live_ticks: u64) -> Mailbox {
    let ticks = Rc::<Cell<u64>>::default();
    let (producers, consumers) = mailbox_rings(length);
    let (sent, now) = (ticks.clone(), ticks.clone());
    let writer = MailboxWriter { producers, ticks: move || sent.get() };
    let reader = MailboxReader::new(consumers, move || now.get(), time_to_live_ticks);
    Mailbox { writer: Box::new(writer), reader: Box::new(reader), ticks }
}

/// The same, slow and plain: five lists, and a round as 25 tickets, the most urgent first.
struct Model {
    waiting: [VecDeque<(u64, Envelope<Job>)>; PRIORITIES],
    tickets: Vec<usize>,
    length: usize,
    time_to_live: u64,
    expired: u64,
}

fn round() -> Vec<usize> {
    [9, 7, 5, 3, 1].into_iter().enumerate().flat_map(|(priority, weight)| vec![priority; weight]).collect()
}

impl Model {
    fn put(&mut self, now: u64, job: Envelope<Job>) -> bool {
        let waiting = &mut self.waiting[job.body.priority as usize];
        let has_room = waiting.len() < self.length;
        waiting.extend(has_room.then_some((now, job)));
        has_room
    }

    fn take(&mut self, now: u64) -> Option<Envelope<Job>> {
        loop {
            if self.waiting.iter().all(VecDeque::is_empty) {
                return None;
            }
            if !self.tickets.iter().any(|&ticket| !self.waiting[ticket].is_empty()) {
                self.tickets = round();
            }
            let at = self.tickets.iter().position(|&ticket| !self.waiting[ticket].is_empty()).unwrap();
            let (sent, job) = self.waiting[self.tickets[at]].pop_front().unwrap();
            if now - sent <= self.time_to_live {
                self.tickets.remove(at);
                return Some(job);
            }
            self.expired += 1;
        }
    }

    fn len(&self) -> usize {
        self.waiting.iter().map(VecDeque::len).sum()
    }
}

#[test]
fn it_does_what_five_lists_and_a_round_of_tickets_do() {
    let (mut dropped, mut expired) = (0, 0);
    for seed in 1..=16 {
        let mut random = Random::new(seed);
        let (length, time_to_live) = ([1, 2, 7, 30][seed as usize % 4], [0, 3, 40, u64::MAX][seed as usize / 4 % 4]);
        let mut mailbox = mailbox(length, time_to_live);
        let mut model = Model { waiting: Default::default(), tickets: round(), length, time_to_live, expired: 0 };
        let mut taken = 0;
        for number in 0..20_000 {
            let bits = random.bits();
            // Phases in which it fills up, and others in which it runs dry.
            let sends = if number / 500 % 2 == 0 { 11 } else { 5 };
            let now = mailbox.ticks.get();
            match bits % 16 {
                choice if choice < sends => {
                    let job = job(Priority::ALL[(bits >> 8) as usize % PRIORITIES], number);
                    let is_put = mailbox.writer.put(&job);
                    assert_eq!(is_put, model.put(now, job), "seed {seed}, message {number}");
                    dropped += u64::from(!is_put);
                }
                15 => mailbox.ticks.set(now + (bits >> 8) % 4),
                _ => {
                    let found = mailbox.take().map(|envelope| (envelope.header, envelope.body));
                    taken += u64::from(found.is_some());
                    assert_eq!(found, model.take(now).map(|job| (job.header, job.body)), "seed {seed}, {number}");
                }
            }
            assert_eq!((mailbox.reader.len(), mailbox.reader.expired()), (model.len(), model.expired), "seed {seed}");
        }
        assert!(taken > 100, "seed {seed}: {taken} taken");
        expired += model.expired;
    }
    assert!(dropped > 0 && expired > 0);
}

/// What is taken before a message of `priority` that has `ahead` of its own before it, while every other priority is always
/// full, if `before` messages of its own came earlier in the round.
fn others_taken(priority: Priority, ahead: usize, before: usize) -> usize {
    const LENGTH: usize = 16;
    let mut mailbox = mailbox(LENGTH, u64::MAX);
    let put = |mailbox: &mut Mailbox, priority, number| mailbox.writer.put(&job(priority, number));
    (0..before).for_each(|_| {
        put(&mut mailbox, priority, 0);
        assert_eq!(mailbox.take().map(|job| job.body.priority), Some(priority), "alone, it is taken");
    });
    (0..ahead).for_each(|_| assert!(put(&mut mailbox, priority, 0)));
    assert!(put(&mut mailbox, priority, 1));
    for others in 0.. {
        for other in Priority::ALL.into_iter().filter(|other| *other != priority) {
            while put(&mut mailbox, other, 2) {}
        }
        let mut taken = mailbox.take().unwrap();
        while taken.body.number == 0 {
            taken = mailbox.take().unwrap();
        }
        if taken.body.number == 1 {
            return others;
        }
    }
    unreachable!()
}

#[test]
fn the_starvation_bound_holds_and_is_reached() {
    for priority in Priority::ALL {
        for ahead in [0, 1, 2, 8, 9, 10] {
            let found: Vec<usize> =
                (0..=priority.weight()).map(|before| others_taken(priority, ahead, before)).collect();
            let bound = priority.others_max(ahead);
            assert!(found.iter().all(|&others| others <= bound), "{priority:?} behind {ahead}: {found:?}, {bound}");
            // With nothing left in its round.
            assert_eq!(found[priority.weight()], bound, "{priority:?} behind {ahead}");
        }
    }
}

#[test]
fn no_message_waits_for_more_others_than_the_bound_whatever_comes() {
    for seed in 1..=20 {
        let mut random = Random::new(seed);
        let mut mailbox = mailbox(8, if seed % 2 == 0 { u64::MAX } else { 20 });
        // By message: its priority, those of its own that waited before it, and the others taken since.
        let mut waiting: VecDeque<(u64, Priority, usize, usize)> = VecDeque::new();
        let mut longest = [0; PRIORITIES];
        for number in 0..30_000 {
            let bits = random.bits();
            if bits % 8 < 5 {
                // Mostly urgent ones.
                let priority = Priority::ALL[((bits >> 8) as usize % 8).saturating_sub(3)];
                if mailbox.writer.put(&job(priority, number)) {
                    let ahead = waiting.iter().filter(|entry| entry.1 == priority).count();
                    waiting.push_back((number, priority, ahead, 0));
                }
                continue;
            }
            mailbox.ticks.set(number / 10);
            let Some(taken) = mailbox.take() else { continue };
            // Those of its own before it that are gone have expired, and so have some that others are ahead of still.
            let taken = taken.body;
            waiting.retain(|&(number, priority, ..)| priority != taken.priority || number > taken.number);
            for (_, priority, ahead, others) in waiting.iter_mut().filter(|entry| entry.1 != taken.priority) {
                *others += 1;
                assert!(*others <= priority.others_max(*ahead), "seed {seed}: {priority:?} behind {ahead}");
                longest[*priority as usize] = longest[*priority as usize].max(*others);
            }
        }
        assert!(longest.iter().all(|&others| others > 0), "seed {seed}: {longest:?}");
    }
}

#[test]
fn a_message_lives_for_its_time_and_not_longer_and_uses_no_turn_then() {
    for (age, lives) in [(0, true), (99, true), (100, true), (101, false)] {
        let mut mailbox = mailbox(4, 100);
        mailbox.ticks.set(5);
        assert!(mailbox.writer.put(&job(Priority::Batch, 1)));
        mailbox.ticks.set(5 + age);
        assert!(mailbox.writer.put(&job(Priority::Batch, 2)));
        let first = mailbox.take().map(|job| job.body.number);
        assert_eq!((first, mailbox.reader.expired()), (Some(if lives { 1 } else { 2 }), u64::from(!lives)), "{age}");
    }
    // The turn that sent may have begun after the one that takes.
    let mut early = mailbox(1, 100);
    early.ticks.set(1000);
    assert!(early.writer.put(&job(Priority::Low, 1)));
    early.ticks.set(900);
    assert!(early.take().is_some());
}

#[test]
fn a_full_priority_takes_nothing_from_the_others() {
    let mut mailbox = mailbox(3, u64::MAX);
    for number in 0..5 {
        assert_eq!(mailbox.writer.put(&job(Priority::Batch, number)), number < 3);
    }
    assert!(mailbox.writer.put(&job(Priority::Critical, 9)));
    let taken: Vec<_> = std::iter::from_fn(|| mailbox.take()).map(|job| job.body.number).collect();
    assert_eq!(taken, [9, 0, 1, 2]);
}

#[test]
fn a_poll_drops_expired_messages_within_its_budget_and_visits_none() {
    let mut mailbox = mailbox(100, 0);
    (0..100).for_each(|number| assert!(mailbox.writer.put(&job(Priority::Low, number))));
    mailbox.ticks.set(1);
    assert!(mailbox.writer.put(&job(Priority::Batch, 7)));
    let mut inlet = Inlet::Other(mailbox.reader);
    let mut visited = Vec::new();
    let mut poll = |inlet: &mut Inlet<Job>| {
        inlet.drain(64, |run, count| {
            visited.extend(run[..count].iter().map(|job| job.body.number));
            (count, true)
        })
    };
    assert_eq!((poll(&mut inlet), inlet.len(), inlet.expired()), (64, 37, 64));
    assert_eq!((poll(&mut inlet), inlet.len(), inlet.expired()), (37, 0, 100));
    assert_eq!(visited, [7]);
}

#[test]
fn what_is_discarded_does_not_expire() {
    let mut mailbox = mailbox(10, 0);
    Priority::ALL.into_iter().for_each(|priority| assert!(mailbox.writer.put(&job(priority, 1))));
    mailbox.ticks.set(1);
    assert_eq!((mailbox.reader.clear(4), mailbox.reader.len()), (4, 1), "in turns, however many wait");
    assert_eq!((mailbox.reader.clear(4), mailbox.reader.len(), mailbox.reader.expired()), (1, 0, 0));
}
