//! The tables of a run as one Markdown page: `docs/performance/benchmarks.md`.
//!
//! Tables are those of the terminal where it has them, and one more for each scenario: every side beside ours and beside
//! the floor.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use comfy_table::{CellAlignment, Table, presets};
use miette::{IntoDiagnostic, WrapErr};

use super::{
    barred::{Barred, barred},
    ratio_lines,
    table::{self, table},
    words::{self, shown_micros, shown_rate},
};
use crate::{
    judge,
    result::{Category, Role, Run, Scenario, Side, Spread},
};

const CATEGORIES: [Category; 5] = [
    Category::ExecutionLatency,
    Category::Throughput,
    Category::ResourceEfficiency,
    Category::Scalability,
    Category::Reliability,
];

/// Writes the page.
///
/// # Errors
/// A file that cannot be written.
pub fn write(run: &Run, path: &Path) -> miette::Result<()> {
    fs::write(path, page(run)).into_diagnostic().wrap_err_with(|| format!("cannot write the tables {}", path.display()))
}

/// The page.
pub fn page(run: &Run) -> String {
    let mut page = Page(String::new());
    page.head(run);
    page.judged(run);
    for category in CATEGORIES {
        page.category(run, category);
    }
    page.differences(run);
    page.0
}

struct Page(String);

impl Page {
    fn text(&mut self, text: &str) {
        let _ = writeln!(self.0, "{text}\n");
    }

    /// With names in the first columns, and numbers, to the right, in all after these.
    fn table(&mut self, mut table: Table, names: usize) {
        if table.is_empty() {
            return;
        }
        table.load_preset(presets::ASCII_MARKDOWN);
        for column in table.column_iter_mut().take(names) {
            column.set_cell_alignment(CellAlignment::Left);
        }
        for (at, line) in table.lines().enumerate() {
            let line = line.trim_end();
            let line = if at == 1 { rule(line, names) } else { line.to_owned() };
            let _ = writeln!(self.0, "{line}");
        }
        self.0.push('\n');
    }

    fn head(&mut self, run: &Run) {
        let context = &run.context;
        let minutes = (context.took_s / 60.0).ceil();
        self.text("# Benchmarks");
        self.text("<!-- Written by the command below. Do not edit: make it again. -->");
        self.text(&format!(
            "The command that measured these tables has written them; it took {minutes:.0} minute{}:",
            if minutes > 1.0 { "s" } else { "" }
        ));
        self.text(&format!("```\n{}\n```", command(run)));
        self.text(
            "**Only ratios within one run mean something.** The sides of a scenario were measured in turns, round by round, \
             on the same CPUs; a ratio is taken within each round. Every figure is the median over the rounds, with the \
             lowest and the highest round in brackets. Times count from when a request was due, not from when it was sent. \
             *To ours* is a side's figure divided by ours, *to the floor* by what the machine gives without us: of times \
             above 1 is slower, of rates above 1 is faster. How to read it is in \
             [latency-tests/README.md](../../latency-tests/README.md).",
        );
        let mut table = table(["", ""]);
        let mut fact = |name: &str, fact: Option<String>| {
            table.add_row([name.to_owned(), escaped(&fact.unwrap_or_else(|| "not shown".to_owned()))]);
        };
        let started = UNIX_EPOCH + Duration::from_secs(context.started_unix_s);
        fact("started", Some(humantime::format_rfc3339_seconds(started).to_string()));
        fact("revision", words::revision(context.revision.as_deref(), context.modified));
        fact("processor", run.host.cpu_model.clone());
        let isolated = if run.host.isolated_cpus.is_empty() { "none" } else { &run.host.isolated_cpus };
        let [server, tester] = [0, 1].map(|at| context.cpus.get(at).map_or("?".to_owned(), usize::to_string));
        let allowed = &run.host.allowed_cpus;
        fact("CPUs", Some(format!("{allowed}, isolated {isolated}; server on {server}, tester on {tester}")));
        fact("kernel", run.host.kernel.clone());
        fact("host", Some(words::host(run.host.kind).to_owned()));
        let verdict = super::verdict(run);
        fact("verdict", Some(verdict.split_whitespace().collect::<Vec<_>>().join(" ")));
        self.table(table, 2);
        self.table(table::waits(&run.jitter), 1);
        if context.debug_build {
            self.text("**This is a debug build: its figures mean nothing.**");
        }
    }

    /// All that has a bar.
    fn judged(&mut self, run: &Run) {
        self.text("## Judged");
        self.text(&format!(
            "*Interval* is where the figure lies by its rounds, each end with 95 % confidence; *control* is the floor \
             measured twice in each round, the second to the first: its median and its interval. A tail is judged only \
             where both lie within {}: otherwise the machine's own tails are larger than what would be judged.",
            words::control_band()
        ));
        let mut table = table(["scenario", "figure", "seen", "interval", "control", "judgement"]);
        for scenario in &run.scenarios {
            for promise in &scenario.promises {
                let figure = format!("{} of {}", words::figure(&promise.figure), promise.of);
                let seen = format!("{} µs", shown_micros(promise.spread));
                let interval = words::interval_of_promise(promise);
                let control = words::control(promise.control.as_ref());
                let judged = words::of_promise(promise);
                table.add_row([&scenario.name, &figure, &seen, &interval, &control, &judged].map(|cell| escaped(cell)));
            }
            for Barred { ratio, name } in barred(scenario) {
                let seen = words::shown(ratio.spread, 2);
                let interval = words::interval_of_ratio(ratio);
                let control = words::control(ratio.control.as_ref());
                let judged = words::of_ratio(ratio);
                table.add_row([&scenario.name, &name, &seen, &interval, &control, &judged].map(|cell| escaped(cell)));
            }
        }
        self.table(table, 6);
        let lines = ratio_lines(run);
        if !lines.is_empty() {
            self.text(&format!("```\n{}\n```", lines.join("\n")));
        }
    }

    fn category(&mut self, run: &Run, category: Category) {
        let mut page = Page(String::new());
        for scenario in run.scenarios.iter().filter(|scenario| scenario.category == category) {
            page.text(&format!("### {}", scenario.name));
            page.text(&format!("{} Load: {}.", scenario.summary, scenario.load));
            page.table(beside(scenario), 2);
            page.table(table::availability(&scenario.sides), 1);
            page.table(table::recovery(&scenario.sides), 1);
        }
        match category {
            Category::ResourceEfficiency => {
                let all =
                    run.scenarios.iter().flat_map(|scenario| scenario.sides.iter().map(move |side| (scenario, side)));
                let used = all.filter(|(_, side)| side.rounds.iter().any(|round| round.resources.is_some()));
                page.table(table::costs(used.map(|(of, side)| (format!("{}: {}", of.name, side.name), side))), 1);
            }
            Category::Scalability if !run.scaling.is_empty() => {
                page.text("### growth");
                page.text(
                    "A figure grows with size to the power of the exponent: 0 is flat, 1 is proportional. At sizes \
                     (size: figure).",
                );
                page.table(table::growth(&run.scaling), 4);
            }
            _ => {}
        }
        if !page.0.is_empty() {
            self.text(&format!("## {}", words::category(category)));
            self.0 += &page.0;
        }
    }

    /// What peers do not do, those of one kind together.
    fn differences(&mut self, run: &Run) {
        let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
        for side in run.scenarios.iter().flat_map(|scenario| &scenario.sides) {
            let Some(how) = &side.differs else { continue };
            match all.iter_mut().find(|(known, _)| known == how) {
                Some((_, names)) if names.contains(&side.name.as_str()) => {}
                Some((_, names)) => names.push(&side.name),
                None => all.push((how, vec![&side.name])),
            }
        }
        if all.is_empty() {
            return;
        }
        self.text("## What the others leave out");
        for (how, names) in all {
            let _ = writeln!(self.0, "- **{}**: {}.", names.join("; "), how);
        }
    }
}

/// The command line as a reader types it.
fn command(run: &Run) -> String {
    let arguments = run.context.command.iter().skip(1).map(String::as_str).collect::<Vec<_>>().join(" ");
    let release = if run.context.debug_build { "" } else { " --release" };
    let features = match (run.context.aeron, run.context.peers) {
        (true, _) => " --features aeron",
        (false, true) => " --features peers",
        (false, false) => "",
    };
    format!("cargo run{release} -p corelane-latency-tests{features} -- {arguments}")
}

/// Every side of a scenario, beside ours and beside the floor.
fn beside(scenario: &Scenario) -> Table {
    let sides = &scenario.sides;
    let ours = sides.iter().find(|side| side.role == Role::Subject).map(|side| side.name.as_str());
    let floor = scenario.floor().map(|side| side.name.as_str());
    let control = sides.iter().find(|side| side.role == Role::Control).map(|side| side.name.as_str());
    let spread = |side: &Side, figure: &str| Spread::of(&judge::rounds(sides, &side.name, figure)?);
    let compared = |side: &Side, figure: &str, to: Option<&str>| {
        // The control stands for the floor only; a side to itself says nothing.
        let control = control.filter(|_| to == floor);
        let to = to.filter(|to| *to != side.name)?;
        Some(format!("{:.2}", Spread::of(&judge::compared(sides, figure, &side.name, to, control)?)?.median))
    };
    let kept = |side: &Side| {
        let rates = side.rounds.iter().map(|round| Some(round.rate?.achieved_per_s)).collect::<Option<Vec<f64>>>()?;
        Some(shown_rate(Spread::of(&rates)?))
    };
    let header = [
        "side",
        "is",
        "p50, µs",
        "to ours",
        "to the floor",
        "p99, µs",
        "p99.9, µs",
        "rate kept, /s",
        "throughput, /s",
        "to ours",
        "to the floor",
    ];
    let row = |side: &Side| {
        let name = if side.role == Role::Subject { format!("**{}**", side.name) } else { side.name.clone() };
        [
            Some(escaped(&name)),
            Some(words::role(side.role).to_owned()),
            spread(side, "p50").map(shown_micros),
            compared(side, "p50", ours),
            compared(side, "p50", floor),
            spread(side, "p99").map(shown_micros),
            spread(side, "p99_9").map(shown_micros),
            kept(side),
            spread(side, "throughput").map(shown_rate),
            compared(side, "throughput", ours),
            compared(side, "throughput", floor),
        ]
    };
    let rows: Vec<_> = sides.iter().map(row).collect();
    let is_seen = |column: &usize| rows.iter().any(|cells| cells[*column].is_some());
    let columns: Vec<usize> = (0..header.len()).filter(is_seen).collect();
    let mut table = table(columns.iter().map(|&column| header[column]));
    for cells in &rows {
        table.add_row(columns.iter().map(|&column| cells[column].clone().unwrap_or_default()));
    }
    table
}

/// The line below a header: columns of numbers are to the right.
fn rule(line: &str, names: usize) -> String {
    let columns: Vec<&str> = line.trim_matches('|').split('|').collect();
    let ruled = columns.iter().enumerate().map(|(at, dashes)| match at < names {
        true => (*dashes).to_owned(),
        false => format!("{}:", &dashes[1..]),
    });
    format!("|{}|", ruled.collect::<Vec<_>>().join("|"))
}

/// In a cell a bar would end it.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests;
