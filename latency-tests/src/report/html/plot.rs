//! Plots of a scenario as SVG, drawn by plotters. They have no background, and their texts take the page's colour.

use std::error::Error;

use corelane_tester::report::{
    grouped,
    scale::{duration, floor_decade, percent, points},
};
use plotters::{
    coord::ranged1d::{AsRangedCoord, ValueFormatter},
    prelude::*,
};

use crate::result::{Contender, HistogramError, Role, Scenario};

/// Wide enough for a column of the page, narrow enough that its texts can be read on a telephone.
const SIZE: (u32, u32) = (540, 360);
const FONT: (&str, i32) = ("sans-serif", 20);
const GRID: RGBAColor = RGBAColor(128, 128, 128, 0.28);
const AXIS: RGBAColor = RGBAColor(128, 128, 128, 0.7);
/// The scale reaches at least to 99.9 % and at most to 99.99999 %.
const NINES: std::ops::RangeInclusive<f64> = 3.0..=7.0;
/// Ours first; then the others in their order, again and again. All can be told apart on white and on black.
const COLORS: [RGBColor; 9] = [
    RGBColor(37, 117, 235),
    RGBColor(224, 122, 16),
    RGBColor(22, 155, 98),
    RGBColor(153, 95, 220),
    RGBColor(214, 72, 125),
    RGBColor(20, 155, 178),
    RGBColor(150, 135, 40),
    RGBColor(195, 75, 60),
    RGBColor(125, 130, 142),
];

/// A plot that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// A histogram of the result is damaged.
    #[error(transparent)]
    Histogram(#[from] HistogramError),
    /// The drawing failed.
    #[error("cannot draw a plot: {0}")]
    Draw(String),
}

/// A drawing, and what its lines are.
pub(super) struct Plot {
    /// The drawing.
    pub svg: String,
    /// Name of each line, and how it looks, in CSS.
    pub legend: Vec<(String, String)>,
}

struct Curve {
    name: String,
    color: RGBColor,
    width: u32,
    /// Parts with gaps between them.
    parts: Vec<Vec<(f64, f64)>>,
}

/// The distributions of all contenders; `None` without any.
pub(super) fn percentiles(scenario: &Scenario) -> Result<Option<Plot>, PlotError> {
    let mut lines = Vec::new();
    for (contender, color) in colored(scenario) {
        let is_ours = contender.role == Role::Ours;
        let named = [(contender.intended.as_ref(), contender.name.clone(), if is_ours { 3 } else { 2 })];
        let send = contender.send.as_ref().filter(|_| is_ours);
        for (latency, name, width) in
            named.into_iter().chain([(send, format!("{}, from send time", contender.name), 1)])
        {
            let Some(latency) = latency else { continue };
            let points = points(&latency.histogram.decode()?);
            lines.push(Curve { name, color, width, parts: vec![points] });
        }
    }
    let answers =
        scenario.contenders.iter().filter_map(|contender| Some(contender.intended.as_ref()?.percentiles.count)).max();
    let nines = (answers.unwrap_or(1).max(1) as f64).log10().clamp(*NINES.start(), *NINES.end());
    lines.iter_mut().flat_map(|line| &mut line.parts).for_each(|part| part.retain(|(x, _)| *x <= nines));
    draw(lines, 0.0..nines, "share answered within", "latency", &|nines| percent(*nines))
}

/// Latency of ours over time: p50, p99 and the greatest of each interval, with a gap between rounds.
pub(super) fn series(scenario: &Scenario) -> Result<Option<Plot>, PlotError> {
    let Some(contender) = scenario.contenders.iter().find(|contender| contender.role == Role::Ours) else {
        return Ok(None);
    };
    let mut lines = ["p50", "p99", "max"].into_iter().zip(COLORS).map(|(name, color)| Curve {
        name: format!("{name} of {}", contender.name),
        color,
        width: 2,
        parts: Vec::new(),
    });
    let mut lines: [Curve; 3] = std::array::from_fn(|_| lines.next().expect("there are three"));
    let mut before_s = 0.0;
    for round in contender.rounds.iter().filter(|round| !round.series.is_empty()) {
        for line in &mut lines {
            line.parts.push(Vec::new());
        }
        for interval in &round.series {
            let seen = &interval.intended.percentiles;
            if seen.count > 0 {
                let middle_s = before_s + interval.start_s + interval.length_s / 2.0;
                for (line, value_ns) in lines.iter_mut().zip([seen.p50_ns, seen.p99_ns, seen.max_ns]) {
                    line.parts.last_mut().expect("one was pushed").push((middle_s, value_ns as f64 / 1000.0));
                }
            }
        }
        before_s += round.series.last().map_or(0.0, |last| last.start_s + last.length_s);
    }
    let name = "measured time, all rounds one after another";
    draw(lines.into(), 0.0..before_s, name, "latency", &|seconds| format!("{} s", trimmed(*seconds)))
}

/// The median at each rate that was tried in a search for saturation, where the rate was kept.
pub(super) fn sweep(scenario: &Scenario) -> Result<Option<Plot>, PlotError> {
    let mut most: f64 = 0.0;
    let lines = colored(scenario).map(|(contender, color)| {
        let tried = contender.rounds.iter().map(|round| {
            let mut points: Vec<(f64, f64)> =
                round.sweep.iter().map(|point| (point.rate.achieved_per_s, point.p50_ns as f64 / 1000.0)).collect();
            points.sort_by(|(one, _), (other, _)| one.total_cmp(other));
            most = points.last().map_or(most, |(rate, _)| most.max(*rate));
            points
        });
        Curve { name: contender.name.clone(), color, width: 2, parts: tried.collect() }
    });
    let lines = lines.collect();
    let label = |rate: &f64| match *rate {
        1_000_000.0.. => format!("{} M/s", trimmed(rate / 1_000_000.0)),
        _ => format!("{}/s", grouped(rate.round() as u64)),
    };
    draw(lines, 0.0..most, "achieved rate", "median latency", &label)
}

/// Ours in the first colour, then the others.
fn colored(scenario: &Scenario) -> impl Iterator<Item = (&Contender, RGBColor)> {
    let mut others = COLORS[1..].iter().cycle();
    scenario.contenders.iter().map(move |contender| match contender.role {
        Role::Ours => (contender, COLORS[0]),
        Role::Baseline | Role::Control | Role::Peer => (contender, *others.next().expect("it goes round")),
    })
}

fn draw(
    mut lines: Vec<Curve>,
    x_range: std::ops::Range<f64>,
    x_name: &str,
    y_name: &str,
    x_label: &dyn Fn(&f64) -> String,
) -> Result<Option<Plot>, PlotError> {
    lines.iter_mut().for_each(|line| line.parts.retain(|part| !part.is_empty()));
    lines.retain(|line| !line.parts.is_empty());
    let values = || lines.iter().flat_map(|line| line.parts.iter().flatten()).map(|(_, value)| *value);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    if lines.is_empty() || x_range.is_empty() || high <= 0.0 {
        return Ok(None);
    }
    let y_range = floor_decade(low.max(0.001))..high * 1.3;
    let mut svg = String::new();
    chart(&mut svg, &lines, x_range, y_range.log_scale(), [x_name, y_name], x_label)
        .map_err(|error| PlotError::Draw(error.to_string()))?;
    let style = |line: &Curve| {
        let RGBColor(red, green, blue) = line.color;
        format!("background:rgb({red},{green},{blue});height:{}px", line.width + 1)
    };
    let legend = lines.into_iter().map(|line| (line.name.clone(), style(&line))).collect();
    Ok(Some(Plot { svg, legend }))
}

fn chart<Y>(
    svg: &mut String,
    lines: &[Curve],
    x_range: std::ops::Range<f64>,
    y_range: Y,
    names: [&str; 2],
    x_label: &dyn Fn(&f64) -> String,
) -> Result<(), Box<dyn Error + Send + Sync>>
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    // Six nines and more are long labels.
    let x_labels = if x_label(&x_range.end).len() > "99.999%".len() { 4 } else { 7 };
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin_top(10)
        .margin_right(40)
        .margin_left(4)
        .x_label_area_size(58)
        .y_label_area_size(92)
        .build_cartesian_2d(x_range, y_range)
        .map_err(|error| error.to_string())?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(AXIS)
        .label_style(FONT)
        .axis_desc_style(FONT)
        .x_labels(x_labels)
        .y_labels(8)
        .x_label_formatter(x_label)
        .x_desc(names[0])
        .y_label_formatter(&|micros| duration(*micros))
        .y_desc(names[1])
        .draw()
        .map_err(|error| error.to_string())?;
    for line in lines {
        for part in &line.parts {
            let style = line.color.stroke_width(line.width);
            chart.draw_series(LineSeries::new(part.iter().copied(), style)).map_err(|error| error.to_string())?;
        }
    }
    drop(chart);
    root.present().map_err(|error| error.to_string())?;
    Ok(())
}

fn trimmed(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
