//! The percentile plot, on a scale where every "nine" has the same width.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{
    QUANTILES, Report, ReportError,
    scale::{duration, floor_decade, percent, points},
};
use crate::jitter::latency_histogram;

const SIZE: (u32, u32) = (1000, 560);
const FONT: &str = "Helvetica, Arial, sans-serif";
const INK: RGBColor = RGBColor(38, 42, 51);
const SOFT_INK: RGBColor = RGBColor(105, 112, 125);
const GRID: RGBColor = RGBColor(226, 229, 234);
const INTENDED: RGBColor = RGBColor(0, 94, 184);
const SEND: RGBColor = RGBColor(222, 110, 20);
const MACHINE: RGBColor = RGBColor(140, 146, 158);
/// The scale reaches at least to 99.9 % and at most to 99.99999 %.
const NINES: std::ops::RangeInclusive<f64> = 3.0..=7.0;

impl Report<'_> {
    /// Draws the percentile plot, and returns it as SVG text.
    ///
    /// # Errors
    /// [`ReportError::Draw`] if drawing fails.
    pub fn plot(&self) -> Result<String, ReportError> {
        let mut svg = String::new();
        draw_into(&mut svg, self).map_err(|error| ReportError::Draw(error.to_string()))?;
        Ok(svg)
    }

    /// Writes the percentile plot to a file.
    ///
    /// # Errors
    /// [`ReportError`] if drawing or writing fails.
    pub fn write_plot(&self, path: &Path) -> Result<(), ReportError> {
        std::fs::write(path, self.plot()?).map_err(|source| ReportError::Write { path: path.to_owned(), source })
    }
}

type Error<'a> = DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>;

fn draw_into<'a>(svg: &'a mut String, report: &Report<'_>) -> Result<(), Error<'a>> {
    let measured = &report.load.measured;
    let mut machine = latency_histogram();
    for one in report.jitter {
        machine += one.gaps.waits();
    }
    let curves = [
        ("machine jitter", &machine, MACHINE, 2),
        ("from send time", &measured.send, SEND, 2),
        ("from intended time", &measured.intended, INTENDED, 3),
    ]
    .map(|(name, histogram, color, width)| (name, points(histogram), color, width));
    let all = || curves.iter().flat_map(|(_, points, ..)| points.iter());
    // The scale covers the number of answers; the machine's probes are more numerous.
    let nines = (measured.intended.len().max(1) as f64).log10();
    let nines = nines.clamp(*NINES.start(), *NINES.end());
    let low = all().map(|point| point.1).fold(f64::INFINITY, f64::min).clamp(0.01, 1.0);
    let high = all().map(|point| point.1).fold(10.0, f64::max);

    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    heading(&root, report)?;
    let mut chart = ChartBuilder::on(&root)
        .margin_top(74)
        .margin_right(36)
        .margin_bottom(14)
        .margin_left(10)
        .x_label_area_size(48)
        .y_label_area_size(72)
        .build_cartesian_2d(0.0..nines, (floor_decade(low)..high * 1.6).log_scale())?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(WHITE)
        .axis_style(SOFT_INK)
        .label_style((FONT, 14).into_font().color(&SOFT_INK))
        .axis_desc_style((FONT, 14).into_font().color(&INK))
        .x_labels(nines as usize + 1)
        .x_label_formatter(&|nines| percent(*nines))
        .x_desc("share of requests answered within")
        .y_label_formatter(&|micros| duration(*micros))
        .y_desc("latency")
        .draw()?;
    for (name, points, color, width) in curves {
        if points.is_empty() {
            continue;
        }
        chart
            .draw_series(LineSeries::new(points.into_iter().filter(|(x, _)| *x <= nines), color.stroke_width(width)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], color.stroke_width(width)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .margin(14)
        .legend_area_size(34)
        .background_style(WHITE.mix(0.9))
        .border_style(GRID)
        .label_font((FONT, 14).into_font().color(&INK))
        .draw()?;
    root.present()
}

fn heading<'a>(
    root: &DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
    report: &Report<'_>,
) -> Result<(), Error<'a>> {
    let measured = &report.load.measured;
    let figures = QUANTILES.map(|(name, quantile)| {
        let micros = measured.intended.value_at_quantile(quantile) as f64 / 1000.0;
        format!("{name} {}", duration(micros))
    });
    let verdict = if report.problems().is_empty() { "" } else { " — INVALID" };
    let line = format!(
        "{:.0} requests/s asked, {:.0}/s achieved; answers {}{verdict}",
        measured.asked_per_s,
        measured.achieved_per_s,
        figures.join(" · "),
    );
    let at_left = Pos::new(HPos::Left, VPos::Center);
    let style = |size: i32, color: RGBColor| (FONT, size).into_font().color(&color).pos(at_left);
    root.draw(&Text::new(report.title.to_owned(), (24, 28), style(20, INK)))?;
    root.draw(&Text::new(line, (24, 54), style(14, SOFT_INK)))
}
