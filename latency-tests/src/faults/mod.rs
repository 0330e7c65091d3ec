//! `corelane-latency faults`: lets parts of the running server fail under load, one after the other, and says what followed.
//!
//! The server is the real binary, built with fault points, in a process of its own. Each row starts one, puts an open-loop load on
//! it whose every answer is checked, lets one thing go wrong, and compares what followed with what must follow. A subscriber
//! reads the feed beside it.
//!
//! | module | holds |
//! |---|---|
//! | `rows` | what goes wrong, and what must follow |
//! | `trial` | one row: server, load, fault, findings |
//! | `ending` | the answers when a venue stops |
//! | `server` | the process, its log and its socket |
//! | `peers` | clients that misbehave |
//! | `feed` | the other venue's feed |
//! | `tape` | the subscriber |
//! | `records` | the records of failures that a server leaves |

mod ending;
mod feed;
mod peers;
mod records;
mod rows;
mod server;
mod tape;
mod trial;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use corelane_console::{Exit, Output, Unwritable, clean_up_before_stop_signals_end, writable};
use hdrhistogram::Histogram;
use miette::{IntoDiagnostic, WrapErr, miette};
use rustix::fs::{Access, access};

use self::{
    rows::{Cause, ROWS, Row},
    trial::{Findings, Trial},
};
use crate::{cli::FaultsArgs, report::table::Table, run::two_cpus};

/// Runs the matrix.
///
/// # Errors
/// If the server could not be built. A row that went wrong ends with [`Exit::Damaged`].
pub fn run(args: &FaultsArgs, out: &mut Output) -> miette::Result<Exit> {
    let chosen = chosen(&args.row)?;
    if let Some(tables) = &args.tables {
        writable(tables)?;
    }
    let cpus = two_cpus()?;
    let binary = match &args.server {
        Some(binary) => program(binary)?,
        None => build(out)?,
    };
    let folder = env::temp_dir().join(format!("corelane-faults-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|error| Unwritable::new(&folder, error))?;
    let left = folder.clone();
    clean_up_before_stop_signals_end(move || server::end_at_once(&left)).into_diagnostic()?;
    let mut matrix = Matrix::default();
    for (number, row) in chosen.iter().enumerate() {
        if let Cause::Missing(why) = row.cause {
            matrix.missing.push(format!("{}: {why}", row.name));
            continue;
        }
        out.say(format_args!("{:>3} of {}: {}", number + 1, chosen.len(), row.name))?;
        let trial = Trial { row, binary: &binary, folder: &folder, cpus, seed: args.seed };
        let findings = trial.run().unwrap_or_else(Findings::failed);
        server::go_on();
        for problem in &findings.problems {
            out.say(format_args!("    {problem}"))?;
        }
        matrix.rows.push((**row, findings));
    }
    // Left over files do no harm.
    let _ = fs::remove_dir_all(&folder);
    out.say(format_args!("\n{}", matrix.text()))?;
    if let Some(tables) = &args.tables {
        fs::write(tables, format!("{PAGE}{}", matrix.text())).map_err(|error| Unwritable::new(tables, error))?;
    }
    let wrong = matrix.rows.iter().filter(|(_, findings)| !findings.problems.is_empty()).count();
    out.say(matrix.last_line())?;
    match wrong {
        0 => Ok(Exit::Done),
        _ => Ok(out.damaged(&miette!(
            help = "run one row alone with --row, and read what is listed below its name",
            "{wrong} rows did not end as they must"
        ))),
    }
}

/// The rows of these names, or all.
fn chosen(names: &[String]) -> miette::Result<Vec<&'static Row>> {
    if names.is_empty() {
        return Ok(ROWS.iter().collect());
    }
    let find = |name: &String| {
        ROWS.iter().find(|row| row.name == name).ok_or_else(|| {
            let known: Vec<_> = ROWS.iter().map(|row| row.name).collect();
            miette!(help = format!("the rows are: {}", known.join("; ")), "no row is named {name:?}")
        })
    };
    names.iter().map(find).collect()
}

/// The whole path of a program, so that no row fails for want of one.
fn program(path: &Path) -> miette::Result<PathBuf> {
    let whole = path.canonicalize().and_then(|whole| match whole.is_file() {
        true => Ok(access(&whole, Access::EXEC_OK).map(|()| whole)?),
        false => Err(io::Error::other("it is no file")),
    });
    whole.map_err(|error| {
        let help = "name a server that is built with --features faults, or leave out --server to build one";
        miette!(help = help, "cannot run {}: {error}", path.display())
    })
}

/// Builds the server with fault points, into a folder of its own so that it replaces no other build.
fn build(out: &mut Output) -> miette::Result<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the harness lies in the workspace");
    let target = workspace.join("target/faults");
    out.say("building the server with fault points (some minutes the first time)")?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(workspace)
        .args(["build", "--release", "--quiet", "-p", "corelane", "--features", "faults", "--target-dir"])
        .arg(&target)
        .status()
        .into_diagnostic()
        .wrap_err("cannot run cargo; name a server that is built with --features faults by --server")?;
    match status.success() {
        true => Ok(target.join("release/corelane")),
        false => Err(miette!(help = "cargo's words are above", "the server with fault points does not build")),
    }
}

/// What stands above the table in a file.
const PAGE: &str = "# The fault matrix

Written by `cargo run --release -p corelane-latency-tests -- faults --tables docs/performance/faults.md`;
[latency-tests/README.md](../../latency-tests/README.md#the-fault-matrix) says what the columns mean. Do not edit.

";

const HEADER: [&str; 12] = [
    "fault",
    "then trading",
    "detected",
    "recovered or ended",
    "lost",
    "doubled",
    "unanswered",
    "p50 before",
    "p50 during",
    "p99.9 before",
    "p99.9 during",
    "as it must",
];

fn cells(row: &Row, findings: &Findings) -> [String; HEADER.len()] {
    let time = |time: Option<Duration>| match time.map(|time| time.as_micros()) {
        None => "-".to_owned(),
        Some(us) if us < 10_000 => format!("{us} µs"),
        Some(us) => format!("{} ms", us / 1000),
    };
    let quantile = |histogram: &Histogram<u64>, quantile| match histogram.is_empty() {
        true => "-".to_owned(),
        false => format!("{:.0} µs", histogram.value_at_quantile(quantile) as f64 / 1000.0),
    };
    let Findings { before, during, .. } = findings;
    [
        row.name.to_owned(),
        row.outcome.words().to_owned(),
        time(findings.detected),
        time(findings.recovered),
        findings.lost.to_string(),
        findings.doubled.to_string(),
        findings.unanswered.to_string(),
        quantile(before, 0.5),
        quantile(during, 0.5),
        quantile(before, 0.999),
        quantile(during, 0.999),
        if findings.problems.is_empty() { "yes" } else { "NO" }.to_owned(),
    ]
}

/// All that was found.
#[derive(Default)]
struct Matrix {
    rows: Vec<(Row, Findings)>,
    missing: Vec<String>,
}

impl Matrix {
    /// The table, and what else there is to say, as Markdown.
    fn text(&self) -> String {
        let mut table = Table::new(HEADER, 2);
        self.rows.iter().for_each(|(row, findings)| table.add(cells(row, findings)));
        let remarks = self.remarks().into_iter().map(|remark| format!("- {remark}\n"));
        format!("{table}\n{}", remarks.collect::<String>())
    }

    fn remarks(&self) -> Vec<String> {
        let (answered, sent) = self
            .survived()
            .fold((0, 0), |(answered, sent), findings| (answered + findings.answered_in_time, sent + findings.sent));
        let share = 100.0 * answered as f64 / sent.max(1) as f64;
        let availability = format!(
            "availability {share:.3} %: of {sent} requests in rows that trading survives, {answered} were answered within \
             100 ms"
        );
        let availability = (sent > 0).then_some(availability);
        let records: u64 = self.rows.iter().map(|(_, findings)| findings.records).sum();
        let due: usize = self.rows.iter().map(|(row, _)| row.cause.records().len()).sum();
        let records = format!(
            "{records} records of {due} failures and what followed from them, one bounded file each, and as `corelane incidents` lists them"
        );
        availability
            .into_iter()
            .chain([records])
            .chain(self.missing.iter().map(|missing| format!("not run: {missing}")))
            .collect()
    }

    fn survived(&self) -> impl Iterator<Item = &Findings> {
        self.rows.iter().filter(|(row, _)| row.outcome.is_survived()).map(|(_, findings)| findings)
    }

    fn last_line(&self) -> String {
        let sum = |of: fn(&Findings) -> u64| self.survived().map(of).sum::<u64>();
        // Of what unwinds: everything else is noticed by a time that the configuration sets.
        let panics = self.rows.iter().filter(|(row, _)| row.cause.is_panic());
        let mut detected: Vec<_> = panics.filter_map(|(_, findings)| findings.detected).collect();
        detected.sort();
        let p99 = detected.get((detected.len() * 99).div_ceil(100).saturating_sub(1));
        format!(
            "faults rows={} lost={} doubled={} unanswered={} detected_us_p99={}",
            self.rows.len(),
            sum(|findings| findings.lost),
            sum(|findings| findings.doubled),
            sum(|findings| findings.unanswered),
            p99.map_or(0, Duration::as_micros),
        )
    }
}
