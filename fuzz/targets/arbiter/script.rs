//! The script of a feed: each step takes an operation and its arguments from the input.

use corelane_actors::market_data::{
    Arbiter, ArbitrationConfig, DueRequest, FeedCount, FeedCounters, FeedLine, GapFillConfig,
};
use corelane_codecs::mold::{Content, Packet, SessionName};
use corelane_runtime::resilience::{Permits, RetryPolicy};

use crate::wire::{FORGED, Run, empty, messages, packet, session};
use crate::witness::Witness;

const MS: u64 = 1_000_000;
const SILENT_AFTER_NS: u64 = 3000 * MS;
const BEHIND_AFTER_NS: u64 = 10 * MS;
/// Messages that can wait for those before them.
const WINDOW: u64 = 64;
/// Times by which the clock is advanced.
const STEPS_NS: [u64; 8] = [MS / 2, MS, 4 * MS, 12 * MS, 25 * MS, 120 * MS, 1000 * MS, 4000 * MS];
/// Runs of a script, at most.
const RUNS_MAX: usize = 100;

/// False answers of a script, at most.
const LIES_MAX: u32 = 500;

/// What the servers do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Servers {
    Answer,
    AnswerInParts,
    Silent,
    Lie,
}

pub struct Script<'a> {
    input: std::iter::Copied<std::slice::Iter<'a, u8>>,
    arbiter: Arbiter,
    witness: Witness,
    counters: FeedCounters,
    servers: usize,
    server_fate: Servers,
    /// A server that makes up all messages up to a forged number would never end.
    lies_left: u32,
    now_ns: u64,
    /// Time of the last packet that may show that the feed goes on.
    last_shown_ns: u64,
    /// All runs, the last one is current.
    runs: Vec<Run>,
    /// Session of the packet that began the run which is followed, if a packet did.
    following: Option<SessionName>,
    only: Option<SessionName>,
    /// Whether something may have come that no run has sent.
    is_forged: bool,
    /// Whether two runs have the same name.
    is_repeated: bool,
    /// In a calm feed, line A brings every message in order and at once. One forged packet may come between two of its
    /// packets, or before the feed has passed the last one, and none has a known number. Nothing may be lost, unless a forged
    /// message was taken for the feed's and a silence follows: then the true one may begin another run.
    is_calm: bool,
    /// Time of the last packet of line A.
    last_on_a_ns: u64,
    /// Whether line A was silent.
    was_silent: bool,
    /// Line A has to pass this number before the next forged packet comes, if the feed is calm.
    forged_end: Option<u64>,
}

impl<'a> Script<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut input = bytes.iter().copied();
        let options = input.next().unwrap_or(0);
        let servers = usize::from(options % 3);
        let is_calm = options & 0x80 != 0;
        let only = (options & 0x70 == 0x70).then(|| session(1));
        let config = ArbitrationConfig {
            session: only,
            silent_after_ns: SILENT_AFTER_NS,
            reorder_messages_max: WINDOW as usize,
            wait_ns: MS,
            gap_messages_max: if options & 0x08 == 0 { 100_000 } else { 100 },
            behind_after_ns: BEHIND_AFTER_NS,
            gap_fill: GapFillConfig {
                servers,
                retry: RetryPolicy::constant(3, 20 * MS),
                messages_max: 8,
                requests_max: 4,
            },
            permits: Permits::new(50),
        };
        let counters = FeedCounters::default();
        let first = session(u8::from(only.is_some()));
        Script {
            input,
            arbiter: Arbiter::new(config, counters.clone()),
            witness: Witness::new(counters.clone()),
            counters,
            servers,
            server_fate: Servers::Answer,
            lies_left: LIES_MAX,
            now_ns: MS,
            last_shown_ns: 0,
            runs: vec![Run { session: first, id: 0, head: 0, has_ended: false }],
            following: None,
            only,
            is_forged: false,
            is_repeated: false,
            is_calm,
            last_on_a_ns: 0,
            was_silent: false,
            forged_end: None,
        }
    }

    /// Takes a step; false at the end of the input.
    pub fn step(&mut self) -> bool {
        let Some(operation) = self.input.next() else { return false };
        let (one, two) = (self.argument(), self.argument());
        match operation % 12 {
            0 | 1 => self.publish(one, two),
            2 => self.deliver(one, two, self.runs.len() - 1),
            3 => self.deliver(one, two, usize::from(one ^ two) % self.runs.len()),
            4 => self.mark(one, two & 3 == 3),
            5 | 6 => self.advance(STEPS_NS[usize::from(one) % STEPS_NS.len()]),
            7 => {
                self.server_fate =
                    [Servers::Answer, Servers::AnswerInParts, Servers::Silent, Servers::Lie][usize::from(one & 3)]
            }
            8 => self.begin(one),
            9 => self.forge(one, two),
            10 => self.any_bytes(one),
            _ => self.replay(),
        }
        true
    }

    /// At the end of the input: the current run goes on long enough for all that must happen.
    pub fn finish(&mut self) {
        if self.is_calm {
            self.publish(1, 3);
            while self.forged_end.is_some() {
                self.publish(11, 1);
            }
            if self.witness.has_taken_forged && self.was_silent {
                // Behind a silence, true messages that differ from what was taken may be another run's.
                return;
            }
            let head = self.current().head;
            assert_eq!(self.arbiter.expected().0, head + 1, "nothing is missing");
            assert_eq!(self.counters.feed.get(FeedCount::Lost), 0, "no forged packet loses a message");
            assert_eq!((self.witness.begun, self.arbiter.is_stale()), (1, false));
            return;
        }
        let run = self.current();
        // What follows an end may be the end of another session for ever: prices stay stale.
        let is_excluded = self.only.is_some_and(|only| only != run.session) || run.has_ended;
        if self.is_forged || self.is_repeated || is_excluded || self.servers == 0 || run.head == 0 {
            return;
        }
        self.server_fate = Servers::Answer;
        for _ in 0..12 {
            self.line(FeedLine::A, &empty(run.session, run.head + 1, false));
            self.advance(1000 * MS);
        }
        if self.witness.skipped(&self.arbiter) == 0 {
            assert_eq!(self.arbiter.expected().0, run.head + 1, "all that the last run has sent is there");
            assert!(self.witness.may_follow(run.session));
            assert!(!self.arbiter.is_stale(), "prices are fresh again");
        }
    }

    fn argument(&mut self) -> u8 {
        self.input.next().unwrap_or(0)
    }

    fn current(&self) -> Run {
        self.runs[self.runs.len() - 1]
    }

    /// The current run sends messages, in one packet on no line, one or both.
    fn publish(&mut self, count: u8, lines: u8) {
        let at = self.runs.len() - 1;
        let run = &mut self.runs[at];
        if run.has_ended {
            return;
        }
        let first = run.head + 1;
        run.head += 1 + u64::from(count % 12);
        let bytes = packet(run, first, run.head + 1);
        let (on_a, on_b) = (lines & 1 != 0 || self.is_calm, lines & 2 != 0);
        FeedLine::BOTH
            .into_iter()
            .zip([on_a, on_b])
            .filter(|(_, is_on)| *is_on)
            .for_each(|(line, _)| self.line(line, &bytes));
        if self.forged_end.is_some_and(|end| end <= self.current().head + 1) {
            self.forged_end = None;
        }
    }

    /// A line brings a packet that a run has sent.
    fn deliver(&mut self, back: u8, count: u8, run: usize) {
        let run = self.runs[run];
        let line = FeedLine::BOTH[usize::from(count & 1)];
        if run.head > 0 && !(self.is_calm && line == FeedLine::A) {
            let first = run.head.saturating_sub(u64::from(back % 100)).max(1);
            self.line(line, &packet(&run, first, first + 1 + u64::from(count / 2 % 16)));
        }
    }

    /// A heartbeat or the end of the current run.
    fn mark(&mut self, line: u8, is_end: bool) {
        let at = self.runs.len() - 1;
        let run = &mut self.runs[at];
        let is_end = (is_end || run.has_ended) && !self.is_calm;
        run.has_ended |= is_end;
        let bytes = empty(run.session, run.head + 1, is_end);
        self.line(FeedLine::BOTH[usize::from(line & 1)], &bytes);
    }

    /// Another run begins.
    fn begin(&mut self, name: u8) {
        if self.is_calm || self.runs.len() >= RUNS_MAX {
            return;
        }
        let session = session(name);
        self.is_repeated |= self.runs.iter().any(|run| run.session == session);
        let id = self.runs.len() as u8;
        self.runs.push(Run { session, id, head: 0, has_ended: false });
    }

    /// A forged packet on a line or as an answer.
    fn forge(&mut self, kind: u8, number: u8) {
        let head = self.current().head;
        // Near and far, ahead and, in a feed that is not calm, behind.
        let number = match (number & 0x80 != 0, self.is_calm) {
            (true, _) => head.saturating_add(1 + (1 << (number & 0x3f))),
            (false, true) => head + 2 + u64::from(number),
            (false, false) => (head + 10).saturating_sub(number.into()),
        };
        let name = if self.is_calm { self.current().session } else { session(kind / 4) };
        let count = u64::from(kind / 16 % 8);
        let end = number.saturating_add(1 + count).min(u64::MAX - 1);
        let bytes = match kind % 4 {
            0 => empty(name, number, false),
            1 => empty(name, number, true),
            _ => messages(name, FORGED, number.min(end), end),
        };
        if self.is_calm {
            if self.forged_end.is_some() || head == 0 {
                return;
            }
            // Messages that are kept have to be passed; all others are forgotten with the next packet.
            let is_kept = kind % 4 > 1 && number < self.arbiter.expected().0 + WINDOW;
            self.forged_end = Some(if is_kept { end } else { head + 2 });
        }
        self.is_forged = true;
        match kind % 5 {
            0 if !self.is_calm => self.answer(usize::from(kind & 1), &bytes),
            place => self.line(FeedLine::BOTH[usize::from(place & 1)], &bytes),
        }
    }

    /// A line brings bytes of the input.
    fn any_bytes(&mut self, length: u8) {
        let bytes: Vec<u8> = self.input.by_ref().take(length.into()).collect();
        if !self.is_calm {
            self.is_forged = true;
            self.line(FeedLine::BOTH[usize::from(length & 1)], &bytes);
        }
    }

    fn replay(&mut self) {
        self.arbiter.begin_replay();
        self.request();
    }

    fn line(&mut self, line: FeedLine, bytes: &[u8]) {
        let Ok(packet) = Packet::decode(bytes) else { return };
        if line == FeedLine::A {
            self.last_on_a_ns = self.now_ns;
        }
        self.witness.arrives(&packet);
        let begun = self.witness.begun;
        let goes_on = packet.next_sequence() >= self.arbiter.expected().0;
        self.arbiter.on_line(line, &packet, self.now_ns, &mut self.witness);
        let has_begun = self.witness.begun != begun;
        if has_begun {
            self.following = Some(packet.session);
        }
        if has_begun || goes_on {
            self.last_shown_ns = self.now_ns;
        }
        let expected = self.arbiter.expected().0;
        if self.following == Some(packet.session) && !self.is_forged && !self.is_repeated {
            // What can be kept is not forgotten, whatever follows.
            if packet.count() > 0 && packet.sequence < expected + WINDOW {
                self.witness.knows(packet.next_sequence().min(expected + WINDOW), self.now_ns);
            }
            let has_ended = packet.content == Content::EndOfSession && packet.sequence == expected;
            assert!(!has_ended || self.arbiter.is_stale(), "the session has ended");
        }
        self.request();
    }

    fn answer(&mut self, server: usize, bytes: &[u8]) {
        let Ok(packet) = Packet::decode(bytes) else { return };
        if server < self.servers {
            self.witness.arrives(&packet);
            self.witness.expected = self.arbiter.expected().0;
            self.arbiter.on_answer(server, &packet, self.now_ns, &mut self.witness);
            self.check();
        }
    }

    fn advance(&mut self, by_ns: u64) {
        let until_ns = self.now_ns + by_ns;
        for _ in 0..100_000 {
            self.request();
            match self.arbiter.deadline_ns() {
                Some(deadline_ns) if deadline_ns <= until_ns => {
                    self.now_ns = self.now_ns.max(deadline_ns);
                    let begun = self.witness.begun;
                    self.arbiter.on_time(self.now_ns, &mut self.witness);
                    if self.witness.begun != begun {
                        self.following = None;
                        self.last_shown_ns = self.now_ns;
                    }
                    self.check();
                }
                _ => {
                    self.now_ns = until_ns;
                    return self.check();
                }
            }
        }
        panic!("the arbiter is never idle");
    }

    /// Passes all requests that are due to the servers.
    fn request(&mut self) {
        for _ in 0..10_000 {
            let Some(asked) = self.arbiter.next_request(self.now_ns) else { return self.check() };
            assert!(asked.server < self.servers && (1..=8).contains(&asked.request.count), "{asked:?}");
            if let Some(bytes) = self.answer_to(&asked) {
                self.answer(asked.server, &bytes);
            }
        }
        panic!("requests have no end");
    }

    fn answer_to(&mut self, asked: &DueRequest) -> Option<Vec<u8>> {
        let (first, count) = (asked.request.sequence, u64::from(asked.request.count));
        let run = self.runs.iter().rev().find(|run| run.session == asked.request.session)?;
        let has = first <= run.head;
        match self.server_fate {
            Servers::Answer => has.then(|| packet(run, first, first + count)),
            Servers::AnswerInParts => has.then(|| packet(run, first, first + count.min(2))),
            Servers::Silent => None,
            Servers::Lie if self.is_calm || self.lies_left == 0 => None,
            Servers::Lie => {
                self.is_forged = true;
                self.lies_left -= 1;
                Some(messages(asked.request.session, FORGED, first, first + count))
            }
        }
    }

    fn check(&mut self) {
        self.witness.check(&self.arbiter);
        self.was_silent |= self.now_ns - self.last_on_a_ns >= SILENT_AFTER_NS;
        let is_silent = self.witness.begun > 0 && self.now_ns - self.last_shown_ns >= SILENT_AFTER_NS;
        assert!(!is_silent || self.arbiter.is_stale(), "the feed is silent");
        if !self.is_forged && !self.is_repeated {
            // A gap that is seen while an older one is open has its own age from when that one is closed.
            self.witness.check_age(&self.arbiter, self.now_ns, 2 * BEHIND_AFTER_NS);
        }
    }
}
