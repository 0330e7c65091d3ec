//! A run as Markdown: one page (`docs/performance/benchmarks.md`), and the parts that `run` prints as it goes.

use std::{fmt::Write as _, fs, path::Path};

use corelane_console::Unwritable;

use super::{ratio_lines, table::Table, tables, words};
use crate::result::{Category, Contender, Context, Host, Jitter, Run, Scaling, Scenario, Verdict};

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
pub fn write(run: &Run, path: &Path) -> Result<(), Unwritable> {
    fs::write(path, page(run)).map_err(|error| Unwritable::new(path, error))
}

/// The page.
pub fn page(run: &Run) -> String {
    let mut page = Text::default();
    let minutes = (run.context.took_s / 60.0).ceil();
    page.say("# Benchmarks");
    page.say("<!-- Written by the command below. Do not edit: run it again. -->");
    page.say(&format!(
        "This command measured the tables and wrote this page; it took {minutes:.0} minute{}:",
        if minutes > 1.0 { "s" } else { "" }
    ));
    page.say(&format!("```\n{}\n```", command(run)));
    page.say(
        "**Compare only ratios, and only within one run.** The contenders of a scenario were measured in turns, round by \
         round, on the same CPUs, and each ratio was taken within a round. A figure is the median over the rounds, with \
         the lowest and the highest round in brackets. Latency counts from when a request was due, not from when it was \
         sent. *To ours* is a contender's figure divided by ours; *to the baseline* is divided by what the machine gives \
         without us. Above 1 means slower for times, faster for rates. [latency-tests/README.md](../../latency-tests/README.md) \
         explains the method.",
    );
    page.0 += &head(&run.context, &run.host, &run.jitter);
    page.say(&verdict(run).split_whitespace().collect::<Vec<_>>().join(" "));
    page.say("## Judged");
    page.say(&format!("{}.", words::how_judged()));
    page.table(&tables::headline_judgements(&run.scenarios));
    let lines = ratio_lines(run);
    if !lines.is_empty() {
        page.say(&format!("```\n{}\n```", lines.join("\n")));
    }
    for category in CATEGORIES {
        page.category(run, category);
    }
    page.0.truncate(page.0.trim_end().len());
    page.0 + "\n"
}

/// Place and circumstances of a run, and the machine's own stalls.
pub fn head(context: &Context, host: &Host, jitter: &[Jitter]) -> String {
    let mut text = Text::default();
    text.table(&tables::facts(context, host));
    text.table(&tables::stalls_of_machine(jitter));
    if context.debug_build {
        text.say("**This is a debug build: its figures mean nothing. Build with --release.**");
    }
    text.0
}

/// Everything about one scenario.
pub fn scenario(scenario: &Scenario) -> String {
    let mut text = Text::default();
    text.scenario(scenario);
    text.table(&tables::costs(scenario.contenders.iter().map(|contender| (contender.name.clone(), contender))));
    text.table(&tables::all_judgements(scenario));
    text.0
}

/// Growth of figures with sizes.
pub fn growth(scaling: &[Scaling]) -> String {
    let mut text = Text::default();
    text.growth(scaling);
    text.0
}

/// Whether the figures count, and why not.
pub fn verdict(run: &Run) -> String {
    let Verdict { valid, problems } = &run.verdict;
    if *valid {
        "VALID: every rate was kept, nothing was lost, every answer was right".to_owned()
    } else {
        format!("INVALID:\n  {}", problems.join("\n  "))
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn say(&mut self, text: &str) {
        let _ = writeln!(self.0, "{text}\n");
    }

    fn table(&mut self, table: &Table) {
        if !table.is_empty() {
            let _ = writeln!(self.0, "{table}");
        }
    }

    fn scenario(&mut self, scenario: &Scenario) {
        self.say(&format!("### {}", scenario.name));
        self.say(&format!("{} Load: {}.", scenario.summary, scenario.load));
        self.table(&tables::contenders(scenario));
        self.differences(&scenario.contenders);
        self.table(&tables::stretches(&scenario.contenders));
        self.table(&tables::availability(&scenario.contenders));
        self.table(&tables::recovery(&scenario.contenders));
    }

    /// Differences of peers from ours: work that they leave out or do otherwise, peers of one kind together.
    fn differences(&mut self, contenders: &[Contender]) {
        let mut all: Vec<(&str, Vec<&str>)> = Vec::new();
        for contender in contenders {
            let Some(how) = &contender.differs else { continue };
            match all.iter_mut().find(|(known, _)| known == how) {
                Some((_, names)) => names.push(&contender.name),
                None => all.push((how, vec![&contender.name])),
            }
        }
        for (how, names) in &all {
            let _ = writeln!(self.0, "- **{}**: {how}.", names.join("; "));
        }
        if !all.is_empty() {
            self.0.push('\n');
        }
    }

    fn growth(&mut self, scaling: &[Scaling]) {
        self.say("### growth");
        self.say(words::HOW_GROWTH);
        self.table(&tables::growth(scaling));
    }

    fn category(&mut self, run: &Run, category: Category) {
        let mut text = Text::default();
        run.scenarios.iter().filter(|scenario| scenario.category == category).for_each(|one| text.scenario(one));
        if category == Category::ResourceEfficiency {
            let all = run.scenarios.iter().flat_map(|one| one.contenders.iter().map(move |contender| (one, contender)));
            let used = all.filter(|(_, contender)| contender.rounds.iter().any(|round| round.resources.is_some()));
            text.table(&tables::costs(used.map(|(of, seen)| (format!("{}: {}", of.name, seen.name), seen))));
        }
        if category == Category::Scalability && !run.scaling.is_empty() {
            text.growth(&run.scaling);
        }
        if !text.0.is_empty() {
            self.say(&format!("## {}", words::category(category)));
            self.0 += &text.0;
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

#[cfg(test)]
mod tests;
