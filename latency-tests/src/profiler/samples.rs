//! What `perf script` prints, made ready for folding: samples of one process, threads by the names that they had last,
//! addresses of our program as functions.

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, BufRead, Read},
    rc::Rc,
};

use super::{
    image::Image,
    stages::{self, Span, Stage, Thread},
    symbols::{Place, Symbols},
};

/// What of the samples is wanted.
pub struct Wanted<'a> {
    /// Of this process.
    pub pid: i32,
    /// Names of its threads.
    pub threads: &'a [Thread],
    /// When it was where.
    pub spans: &'a [Span],
    /// In this stage.
    pub stage: Stage,
}

/// The wanted samples, as text in `perf script`'s format.
pub struct Samples<'a, R> {
    script: R,
    wanted: Wanted<'a>,
    names: HashMap<i32, &'a str>,
    program: Program<'a>,
    /// Samples of the process by stage and thread, wanted or not.
    counts: BTreeMap<(Stage, String), u64>,
    /// Wanted samples of the program by thread and line of its source.
    lines: BTreeMap<(String, String), u64>,
    /// The last name that perf knows of each thread of the process.
    comms: HashMap<i32, String>,
    line: Vec<u8>,
    /// The first line of the stack that is read.
    innermost: Vec<u8>,
    block: Vec<u8>,
    taken: usize,
}

/// The profiled program.
pub struct Program<'a> {
    /// Its file, as perf prints it.
    pub path: &'a str,
    /// How it is mapped.
    pub image: &'a Image,
    /// Its functions.
    pub symbols: &'a mut Symbols,
}

/// The first line of a sample.
struct Head {
    pid: i32,
    tid: i32,
    time_ns: u64,
    comm: String,
    event: String,
}

impl<'a, R: BufRead> Samples<'a, R> {
    /// Of a script with the fields `comm,pid,tid,time,event,ip,sym,dso`.
    pub fn new(script: R, wanted: Wanted<'a>, program: Program<'a>) -> Self {
        let names = wanted.threads.iter().map(|thread| (thread.tid, thread.name.as_str())).collect();
        Samples {
            script,
            wanted,
            names,
            program,
            counts: BTreeMap::new(),
            lines: BTreeMap::new(),
            comms: HashMap::new(),
            line: Vec::new(),
            innermost: Vec::new(),
            block: Vec::new(),
            taken: 0,
        }
    }

    /// Samples by stage and thread, after all was read.
    pub fn counts(&self) -> &BTreeMap<(Stage, String), u64> {
        &self.counts
    }

    /// Wanted samples by thread and line of the program's source, after all was read. Those elsewhere are in none.
    pub fn lines(&self) -> &BTreeMap<(String, String), u64> {
        &self.lines
    }

    /// What perf calls the process's threads, after all was read.
    pub fn comms(&self) -> &HashMap<i32, String> {
        &self.comms
    }

    /// Reads until there is a wanted sample in the block, or the end.
    fn fill(&mut self) -> io::Result<()> {
        self.block.clear();
        self.taken = 0;
        while self.block.is_empty() && self.next_line()? {
            let Some(head) = Head::parse(&String::from_utf8_lossy(&self.line)) else { continue };
            let wanted_of = self.begin(&head);
            self.innermost.clear();
            while self.next_line()? && !self.line.trim_ascii().is_empty() {
                // Unwinding sometimes begins with the sampled place itself, which is there already.
                let is_again = self.line == self.innermost;
                let is_innermost = self.innermost.is_empty();
                if is_innermost {
                    self.innermost.clone_from(&self.line);
                }
                if let Some(thread) = wanted_of.as_ref().filter(|_| !is_again)
                    && let Some(line) = self.frame().filter(|_| is_innermost)
                {
                    *self.lines.entry((thread.clone(), line)).or_default() += 1;
                }
            }
            if wanted_of.is_some() {
                self.block.push(b'\n');
            }
        }
        Ok(())
    }

    fn next_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        Ok(self.script.read_until(b'\n', &mut self.line)? > 0)
    }

    /// Counts a sample; its thread's name if it is wanted.
    fn begin(&mut self, head: &Head) -> Option<String> {
        if head.pid != self.wanted.pid {
            return None;
        }
        if self.comms.get(&head.tid).is_none_or(|known| *known != head.comm) {
            self.comms.insert(head.tid, head.comm.clone());
        }
        let name = self.names.get(&head.tid).map_or(head.comm.as_str(), |name| name);
        let stage = stages::at(self.wanted.spans, head.time_ns);
        *self.counts.entry((stage, name.to_owned())).or_default() += 1;
        if stage != self.wanted.stage {
            return None;
        }
        let Head { pid, tid, time_ns, event, .. } = head;
        let (s, ns) = (time_ns / 1_000_000_000, time_ns % 1_000_000_000);
        let line = format!("{name} {pid}/{tid} {s}.{ns:09}: {event}:\n");
        self.block.extend_from_slice(line.as_bytes());
        Some(name.to_owned())
    }

    /// One line of a stack: `offset function (file)`. Returns the line of the source, if it is of our program.
    fn frame(&mut self) -> Option<String> {
        let line = String::from_utf8_lossy(&self.line);
        let line = line.trim();
        // Where unwinding went beyond the thread's first frame.
        if line.starts_with("ffffffffffffffff ") {
            return None;
        }
        let place = self.program.place(line).unwrap_or_default();
        if place.functions.is_empty() {
            self.block.extend_from_slice(format!("\t{line}\n").as_bytes());
        }
        for function in &place.functions {
            self.block.extend_from_slice(format!("\t0 {function} ({})\n", self.program.path).as_bytes());
        }
        place.line.clone()
    }
}

impl Program<'_> {
    /// That of a line of a stack; `None` for what is not of our program.
    fn place(&mut self, line: &str) -> Option<Rc<Place>> {
        let (offset, rest) = line.split_once(' ')?;
        let file = rest.strip_suffix(')')?.rsplit_once(" (")?.1;
        if file != self.path {
            return None;
        }
        let offset = u64::from_str_radix(offset, 16).ok()?;
        Some(self.symbols.place(self.image.address_of_offset(offset)?))
    }
}

impl<R: BufRead> Read for Samples<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.block.len() {
            self.fill()?;
        }
        let read = (&self.block[self.taken..]).read(out)?;
        self.taken += read;
        Ok(read)
    }
}

impl Head {
    /// `name pid/tid seconds.fraction: event:`; the name may hold spaces.
    fn parse(line: &str) -> Option<Head> {
        let (rest, event) = line.trim().strip_suffix(':')?.rsplit_once(": ")?;
        let (rest, time) = rest.trim().rsplit_once(' ')?;
        let (comm, ids) = rest.trim().rsplit_once(' ').unwrap_or(("", rest.trim()));
        let (pid, tid) = ids.split_once('/')?;
        let (s, fraction) = time.split_once('.')?;
        let ns: u64 = format!("{fraction:0<9}").parse().ok()?;
        Some(Head {
            pid: pid.parse().ok()?,
            tid: tid.parse().ok()?,
            time_ns: s.parse::<u64>().ok()? * 1_000_000_000 + ns,
            comm: comm.trim().to_owned(),
            event: event.trim().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiler::{draw, fold, folded::Folded};

    /// What `perf script` printed of the venue at 20,000 requests/s, sampled 31 times a second.
    const RECORDED: &str = include_str!("../../tests/recorded/perf-script.txt");
    const PID: i32 = 17787;
    const LOAD_NS: u64 = 24838106925158;

    /// Folded, and the counts by stage and thread.
    fn recorded(text: &str, stage: Stage) -> (String, BTreeMap<(Stage, String), u64>) {
        let spans = [(Stage::Start, 24838037565263), (Stage::Load, LOAD_NS)];
        let spans = spans.map(|(stage, from_ns)| Span { stage, from_ns });
        let threads = [Thread { tid: 17789, name: "the shard".to_owned() }];
        let wanted = Wanted { pid: PID, threads: &threads, spans: &spans, stage };
        let image = Image::of_this_process().unwrap();
        let mut symbols = Symbols::of(&std::env::current_exe().unwrap()).unwrap();
        // The recorded program is another one: its functions are those that perf found.
        let program = Program { path: "/bin/another", image: &image, symbols: &mut symbols };
        let mut samples = Samples::new(text.as_bytes(), wanted, program);
        let folded = fold(&mut samples).unwrap();
        assert!(samples.lines().is_empty(), "nothing of it is of this program");
        (folded, samples.counts().clone())
    }

    #[test]
    fn a_recording_is_folded_by_thread_and_stage() {
        let (folded, counts) = recorded(RECORDED, Stage::Load);
        let count = |stage, thread: &str| counts.get(&(stage, thread.to_owned())).copied();
        assert_eq!(count(Stage::Load, "the shard"), Some(20));
        assert_eq!(count(Stage::Load, "tester"), Some(19));
        assert_eq!(count(Stage::Start, "tester"), Some(1));
        assert_eq!(counts.len(), 3);
        let folded = Folded::parse(&folded).unwrap();
        assert_eq!(folded.threads(), BTreeMap::from([("the_shard", 20), ("tester", 19)]));
        let shard = folded.tally("the_shard");
        let of =
            |name: &str| shard.functions.iter().find(|share| share.name == name).map(|one| (one.own, one.inclusive));
        assert_eq!(of("tcp_recvmsg_locked_[k]"), Some((1, 1)));
        assert_eq!(of("corelane_runtime::shard::Shard::run_units").map(|(own, _)| own), Some(3));
        // All of it is below the thread's first function.
        assert_eq!(of("std::sys::backtrace::__rust_begin_short_backtrace"), Some((0, 20)));
        assert!(shard.functions.iter().all(|share| share.name != "[unknown]"));

        let (folded, _) = recorded(RECORDED, Stage::Start);
        assert_eq!(Folded::parse(&folded).unwrap().threads(), BTreeMap::from([("tester", 1)]));
        let (folded, counts) = recorded(&RECORDED.replace("17787/", "99/"), Stage::Load);
        assert!(folded.is_empty() && counts.is_empty(), "of another process");
    }

    #[test]
    fn a_sampled_place_is_not_its_own_caller() {
        let twice = "<corelane_runtime::shard::cell::NetCell<A> as corelane_runtime::shard::cell::Hosted>::poll";
        assert!(RECORDED.contains(&format!("246059 {twice} (")));
        let (folded, _) = recorded(RECORDED, Stage::Load);
        assert!(folded.contains(twice) && !folded.contains(&format!("{twice};{twice}")), "{folded}");
    }

    #[test]
    fn both_graphs_are_drawn_of_a_recording() {
        let (all, _) = recorded(RECORDED, Stage::Load);
        let graph = String::from_utf8(draw::flame_graph(&all, "all of it", "below").unwrap()).unwrap();
        for shown in ["all of it", "below", "the_shard", "tester", "tcp_poll ("] {
            assert!(graph.contains(shown), "no {shown}");
        }
        // Without the kernel's receiving, and the rest as it was.
        let less: String =
            all.lines().filter(|line| !line.contains("tcp_recvmsg")).map(|line| format!("{line}\n")).collect();
        let graph = String::from_utf8(draw::difference(&less, &all, "grew", "").unwrap()).unwrap();
        let box_of = |name: &str| graph.split("<g>").find(|one| one.starts_with(&format!("<title>{name} ("))).unwrap();
        let colour = |name: &str| {
            let fill = box_of(name).split("fill=\"rgb(").nth(1).unwrap().split(')').next().unwrap();
            fill.split(',').map(|part| part.parse().unwrap()).collect::<Vec<u8>>()
        };
        // One of 39 samples: the colour is of a function's own time.
        assert!(box_of("tcp_recvmsg_locked").contains("; +2.56%"), "{}", box_of("tcp_recvmsg_locked"));
        assert_eq!(colour("tcp_recvmsg_locked"), [255, 100, 100]);
        assert_eq!(colour("sock_poll"), [250, 250, 250]);
        assert!(draw::flame_graph("", "nothing", "").is_err());
    }

    #[test]
    fn heads_are_read_with_spaces_in_names() {
        let head = Head::parse("raw echo 12/345 678.000000901: cpu-clock:u: \n").unwrap();
        assert_eq!((head.pid, head.tid, head.time_ns), (12, 345, 678_000_000_901));
        assert_eq!((head.comm.as_str(), head.event.as_str()), ("raw echo", "cpu-clock:u"));
        assert!(Head::parse("\tffffffff8168e071 a_function ([kernel.kallsyms])").is_none());
    }
}
