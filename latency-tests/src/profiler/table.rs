//! A profile on a terminal.

use std::fmt::Write;

use corelane_tester::report::grouped;

use super::{
    allocations::Calls,
    difference::Change,
    folded::{Folded, KERNEL_MARK, Share, Tally},
    model::{Profile, Site, Thread},
    stages::Stage,
};
use crate::report::table;

/// Rows of a table of functions.
const FUNCTIONS_MAX: usize = 25;
/// Rows of a table of modules.
const MODULES_MAX: usize = 12;
/// Rows of a table of lines.
const LINES_MAX: usize = 20;
/// Call sites shown, and frames of each.
const SITES_MAX: usize = 5;
const FRAMES_MAX: usize = 6;
/// A name is cut to so many characters, in its middle.
const NAME_MAX: usize = 72;

/// Who had how many samples when.
pub fn samples(profile: &Profile) -> String {
    let mut table = table(["samples", "side"].into_iter().chain(Stage::ALL.map(Stage::name)));
    for thread in &profile.threads {
        let samples = Stage::ALL.map(|stage| thread.samples.get(&stage).copied().map_or(String::new(), grouped));
        table.add_row([thread.name.clone(), side(thread).to_owned()].into_iter().chain(samples));
    }
    table.to_string()
}

/// Where a thread's time went.
pub fn functions(profile: &Profile, thread: &str, tally: &Tally) -> String {
    let share = |samples: u64| percent(samples as f64 / tally.samples.max(1) as f64);
    let cost = |samples: u64| profile.ns_per_request(samples).map_or(String::new(), |ns| format!("{ns:.0}"));
    let stage = profile.sampling.stage.name();
    let mut text = format!("{thread}, stage `{stage}`, {} samples\n", grouped(tally.samples));
    let mut modules = table(["module", "self", "ns /req"]);
    for (name, samples) in tally.modules.iter().take(MODULES_MAX) {
        modules.add_row([cut(name), share(*samples), cost(*samples)]);
    }
    let _ = writeln!(text, "{modules}");
    let mut lines = table(["lines by self", "self", "ns /req"]);
    for line in profile.lines.iter().filter(|line| line.thread == thread).take(LINES_MAX) {
        lines.add_row([cut(&line.line), share(line.samples), cost(line.samples)]);
    }
    let row = |function: &Share| {
        [
            cut(&function.name),
            share(function.own),
            share(function.inclusive),
            cost(function.own),
            cost(function.inclusive),
        ]
    };
    let header = |title| [title, "self", "inclusive", "self ns /req", "incl. ns /req"];
    let is_kernels = |function: &&Share| function.name.ends_with(KERNEL_MARK);
    let mut by_self = table(header("functions by self, without the kernel's"));
    for function in tally.functions.iter().filter(|one| !is_kernels(one)).take(FUNCTIONS_MAX) {
        by_self.add_row(row(function));
    }
    let _ = writeln!(text, "{by_self}\n{lines}");
    let mut widest: Vec<&Share> = tally.functions.iter().collect();
    widest.sort_by(|one, other| other.inclusive.cmp(&one.inclusive).then_with(|| one.name.cmp(&other.name)));
    // What everything is below says nothing.
    widest.retain(|function| function.inclusive < tally.samples);
    for (title, of_kernel) in [("functions by inclusive", false), ("the kernel's by inclusive", true)] {
        let mut by_inclusive = table(header(title));
        for function in widest.iter().filter(|one| is_kernels(one) == of_kernel).take(FUNCTIONS_MAX) {
            by_inclusive.add_row(row(function));
        }
        if by_inclusive.is_empty() {
            // The kernel's, to a user who may not see them.
            continue;
        }
        let _ = writeln!(text, "{by_inclusive}");
    }
    text.truncate(text.trim_end().len());
    text
}

/// Who asked for memory when, and whether the server's threads did after their start.
pub fn allocations(profile: &Profile) -> String {
    let mut table =
        table(["allocator calls", "side", "start", "bytes", "load", "bytes", "load, calls /req", "stop", "other"]);
    for thread in profile.threads.iter().filter(|thread| !thread.allocations.is_empty()) {
        let of = |stage| thread.allocations.get(&stage).copied().unwrap_or_default();
        let calls = |stage| grouped(of(stage).all());
        let load = of(Stage::Load);
        let per_request =
            profile.requests().map_or(String::new(), |requests| format!("{:.3}", load.all() as f64 / requests as f64));
        table.add_row([
            thread.name.clone(),
            side(thread).to_owned(),
            calls(Stage::Start),
            grouped(of(Stage::Start).bytes),
            calls(Stage::Load),
            grouped(load.bytes),
            per_request,
            calls(Stage::Stop),
            calls(Stage::Other),
        ]);
    }
    let mut text = table.to_string();
    for thread in profile.server() {
        let _ = write!(text, "\n{}", verdict(profile, thread));
    }
    text
}

/// What a thread of the server did after its start.
fn verdict(profile: &Profile, thread: &Thread) -> String {
    let name = &thread.name;
    if profile.sampling.stage != Stage::Load {
        return format!("{name}: this kind of scenario does not tell start and load apart");
    }
    let of = |stage| thread.allocations.get(&stage).copied().unwrap_or_default();
    match (of(Stage::Start), of(Stage::Load)) {
        (start, load) if load == Calls::default() => {
            format!("{name}: no call of the allocator after start; {} until then", grouped(start.all()))
        }
        (_, load) => {
            let mut text = format!("{name}: {} CALLS OF THE ALLOCATOR AFTER START, from", grouped(load.all()));
            let here = |site: &&Site| site.thread == *name && site.stage == Stage::Load;
            for site in profile.allocation_sites.iter().filter(here).take(SITES_MAX) {
                let way: Vec<String> = site.functions.iter().take(FRAMES_MAX).map(|name| cut(name)).collect();
                let _ = write!(text, "\n  {} × {}", grouped(site.calls), way.join(" < "));
            }
            text
        }
    }
}

/// What changed in a thread by more than sampling explains.
pub fn changes(thread: &str, changes: &[Change]) -> String {
    if changes.is_empty() {
        return format!("{thread}: nothing changed by more than sampling explains");
    }
    let mut table = table([thread, "self before", "after", "change", "inclusive before", "after"]);
    let (grew, shrank): (Vec<&Change>, Vec<&Change>) = changes.iter().partition(|change| change.growth() > 0.0);
    let shrank = shrank.iter().rev().take(FUNCTIONS_MAX).rev();
    for change in grew.iter().take(FUNCTIONS_MAX).chain(shrank) {
        let points = format!("{:+.2}", change.growth() * 100.0);
        let [own_before, own_after] = change.own.map(percent);
        let [before, after] = change.inclusive.map(percent);
        table.add_row([cut(&change.name), own_before, own_after, points, before, after]);
    }
    table.to_string()
}

/// Each thread of the server, by its samples.
pub fn server<'a>(profile: &'a Profile, folded: &'a Folded) -> impl Iterator<Item = (&'a str, Tally)> {
    profile.server().map(|thread| (thread.name.as_str(), folded.tally(&thread.name)))
}

fn side(thread: &Thread) -> &'static str {
    if thread.is_server { "server" } else { "" }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// The beginning and the end of a long name.
fn cut(name: &str) -> String {
    let characters = name.chars().count();
    if characters <= NAME_MAX {
        return name.to_owned();
    }
    let tail: String = name.chars().skip(characters - NAME_MAX * 2 / 3).collect();
    let head: String = name.chars().take(NAME_MAX / 3 - 1).collect();
    format!("{head}…{tail}")
}
