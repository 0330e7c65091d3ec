//! The files of a run: `result.json`, and for each side with a distribution a `.hgrm` (percentiles, as HdrHistogram's
//! plotter reads them) and a `.hlog` (HdrHistogram's interval log, V2).

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use hdrhistogram::{
    Histogram,
    serialization::{
        V2DeflateSerializer,
        interval_log::{IntervalLogWriterBuilder, Tag},
    },
};

use crate::result::{HistogramError, Run, Scenario, Side};

/// Values are nanoseconds, and are written in microseconds: what the plotters' axes say.
const NS_PER_UNIT: f64 = 1000.0;
/// Lines of a `.hgrm` per halving of the distance to 100 %.
const TICKS_PER_HALF: u32 = 5;

/// A result file cannot be written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum WriteError {
    /// The file system refuses.
    #[error("cannot write {path}: {source}", path = path.display())]
    #[diagnostic(help("choose another folder with --out"))]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A histogram of the result is damaged.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
}

/// Writes all files of `run` to `folder`, and returns the path of the JSON file.
///
/// # Errors
/// [`WriteError`].
pub fn write(run: &Run, folder: &Path) -> Result<PathBuf, WriteError> {
    let file = |path: &Path, bytes: &[u8]| {
        fs::write(path, bytes).map_err(|source| WriteError::File { path: path.to_owned(), source })
    };
    fs::create_dir_all(folder).map_err(|source| WriteError::File { path: folder.to_owned(), source })?;
    for scenario in &run.scenarios {
        for side in &scenario.sides {
            let path = |extension| folder.join(file_name(scenario, side, extension));
            if let Some(latency) = &side.intended {
                file(&path("hgrm"), hgrm(&latency.histogram.decode()?).as_bytes())?;
            }
            if side.rounds.iter().any(|round| !round.series.is_empty()) {
                file(&path("hlog"), &interval_log(run, side)?)?;
            }
        }
    }
    let json = folder.join("result.json");
    let text = serde_json::to_string_pretty(run).expect("the model has string keys and finite figures only");
    file(&json, text.as_bytes())?;
    Ok(json)
}

/// `scenario.side.extension`, in characters that every file system takes.
fn file_name(scenario: &Scenario, side: &Side, extension: &str) -> String {
    let plain = |name: &str| -> String {
        name.chars()
            .map(|letter| if letter.is_ascii_alphanumeric() || "-@_".contains(letter) { letter } else { '-' })
            .collect()
    };
    format!("{}.{}.{extension}", plain(&scenario.name), plain(&side.name))
}

/// The percentile distribution as HdrHistogram's `outputPercentileDistribution` writes it, in microseconds.
fn hgrm(histogram: &Histogram<u64>) -> String {
    let mut text = format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    for step in histogram.iter_quantiles(TICKS_PER_HALF) {
        let value = step.value_iterated_to() as f64 / NS_PER_UNIT;
        let quantile = step.quantile_iterated_to();
        let count = histogram.count_between(0, step.value_iterated_to());
        let _ = if quantile < 1.0 {
            writeln!(text, "{value:12.3} {quantile:14.12} {count:10} {:14.2}", 1.0 / (1.0 - quantile))
        } else {
            writeln!(text, "{value:12.3} {quantile:14.12} {count:10}")
        };
    }
    let _ = writeln!(
        text,
        "#[Mean    = {:12.3}, StdDeviation   = {:12.3}]",
        histogram.mean() / NS_PER_UNIT,
        histogram.stdev() / NS_PER_UNIT
    );
    let _ = writeln!(
        text,
        "#[Max     = {:12.3}, Total count    = {:12}]",
        histogram.max() as f64 / NS_PER_UNIT,
        histogram.len()
    );
    let _ = writeln!(
        text,
        "#[Buckets = {:12}, SubBuckets     = {:12}]",
        histogram.buckets(),
        2 * 10u64.pow(u32::from(histogram.sigfig())).next_power_of_two()
    );
    text
}

/// The intervals of all rounds, one after another; a round is a tag. Times count from the start of the run.
fn interval_log(run: &Run, side: &Side) -> Result<Vec<u8>, WriteError> {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let started = UNIX_EPOCH + Duration::from_secs(run.context.started_unix_s);
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment(&format!("[corelane-latency {}]", run.context.version))
        .with_start_time(started)
        .with_base_time(started)
        .with_max_value_divisor(1_000_000.0)
        .begin_log_with(&mut bytes, &mut serializer)
        .expect("a Vec takes every byte");
    let mut before_s = 0.0;
    for (round, seen) in side.rounds.iter().enumerate() {
        let tag = format!("round-{}", round + 1);
        for interval in &seen.series {
            let histogram = interval.intended.histogram.decode()?;
            let start = Duration::from_secs_f64(before_s + interval.start_s);
            let length = Duration::from_secs_f64(interval.length_s);
            log.write_histogram(&histogram, start, length, Tag::new(&tag)).expect("a Vec takes every byte");
        }
        before_s += seen.series.last().map_or(0.0, |last| last.start_s + last.length_s);
    }
    Ok(bytes)
}
