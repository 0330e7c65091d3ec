//! Growth of figures with sessions, instruments, message size and shards.

use corelane_runtime::cpu;

use super::{
    bench::{Bench, MeasureError},
    contender::Turn,
    load::{Target, Turned},
    relay,
};
use crate::{
    profile::Sizes,
    result::{Scaling, ScalingPoint, growth_exponent, median},
    scenario::Scenario,
};

/// Settings that all sizes share; each sweep changes one thing.
const BASE: &str =
    "summary = \"one of a sweep\"\nkind = \"order_ack\"\ncategory = \"scalability\"\nrates_per_s = [1]\n";

/// Sweeps all sizes, and returns the fits and why some round did not count.
///
/// # Errors
/// [`MeasureError`] if a size could not be run at all.
pub fn run(sizes: &Sizes, bench: &Bench<'_>) -> Result<(Vec<Scaling>, Vec<String>), MeasureError> {
    let base = Scenario::parse("base", BASE).unwrap_or_else(|errors| panic!("{}", errors.plain()));
    let mut sweeps = Sweeps { sizes, bench, fits: Vec::new(), problems: Vec::new() };
    sweeps.sweep("sessions", "venue", &sizes.sessions, |sweep, &sessions, seed| {
        sweep.load(&Scenario { sessions, ..base.clone() }, Target::Venue, seed)
    })?;
    sweeps.sweep("sessions", "echo", &sizes.sessions, |sweep, &sessions, seed| {
        sweep.load(&Scenario { sessions, ..base.clone() }, Target::Echo, seed)
    })?;
    sweeps.sweep("instruments", "venue", &sizes.instruments, |sweep, &instruments, seed| {
        sweep.load(&Scenario { instruments: Some(instruments), ..base.clone() }, Target::Venue, seed)
    })?;
    sweeps.sweep("message bytes", "echo", &sizes.message_bytes, |sweep, &bytes, seed| {
        sweep.load(&base, Target::EchoOf { frame_bytes: bytes }, seed)
    })?;
    let cpus = cpu::allowed_cpus();
    let shards: Vec<usize> = sizes.shards.iter().copied().filter(|&shards| shards <= cpus.len()).collect();
    sweeps.sweep("shards", "actors", &shards, |sweep, &shards, _| {
        let histogram = relay::round_trips(&cpus[..shards], sweep.bench.round);
        Ok((histogram.value_at_quantile(0.5) as f64, Vec::new()))
    })?;
    Ok((sweeps.fits, sweeps.problems))
}

struct Sweeps<'a> {
    sizes: &'a Sizes,
    bench: &'a Bench<'a>,
    fits: Vec<Scaling>,
    problems: Vec<String>,
}

/// A median latency in nanoseconds, and why it does not count.
type Point = (f64, Vec<String>);

impl Sweeps<'_> {
    /// All sizes of one sweep in turns, round by round.
    fn sweep(
        &mut self,
        over: &str,
        of: &str,
        sizes: &[usize],
        mut measure: impl FnMut(&Self, &usize, u64) -> Result<Point, MeasureError>,
    ) -> Result<(), MeasureError> {
        if sizes.is_empty() {
            return Ok(());
        }
        let mut figures = vec![Vec::new(); sizes.len()];
        for round in 0..self.bench.rounds {
            for (size, figures) in sizes.iter().zip(&mut figures) {
                self.bench.progress.at(&format!("{of} at {size} {over}"), round, self.bench.rounds);
                let (figure, problems) = measure(self, size, self.bench.seed + round as u64)?;
                figures.push(figure);
                let place = format!("growth over {over}, {of} at {size}, round {}", round + 1);
                self.problems.extend(problems.iter().map(|problem| format!("{place}: {problem}")));
            }
        }
        let point = |(&size, rounds): (&usize, Vec<f64>)| {
            Some(ScalingPoint { size: size as f64, figure: median(&rounds)?, rounds })
        };
        let points: Vec<ScalingPoint> = sizes.iter().zip(figures).filter_map(point).collect();
        let pairs: Vec<(f64, f64)> = points.iter().map(|point| (point.size, point.figure)).collect();
        self.fits.push(Scaling {
            over: over.to_owned(),
            of: of.to_owned(),
            figure: "p50_ns".to_owned(),
            points,
            exponent: growth_exponent(&pairs),
        });
        Ok(())
    }

    fn load(&self, scenario: &Scenario, target: Target, seed: u64) -> Result<Point, MeasureError> {
        let Turn { round, .. } =
            Turned { scenario, bench: self.bench, rate_per_s: self.sizes.rate_per_s, seed }.run(target)?;
        Ok((round.intended.map_or(0.0, |intended| intended.p50_ns as f64), round.problems))
    }
}
