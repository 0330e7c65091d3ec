//! Flame graphs, by the library `inferno`.

use std::io;

use inferno::{
    differential,
    flamegraph::{self, Options, Palette, color::MultiPalette},
};

/// The flame graph of folded stacks, a column for each thread.
///
/// # Errors
/// What the library says, for example that there are no samples.
pub fn flame_graph(folded: &str, title: &str, subtitle: &str) -> io::Result<Vec<u8>> {
    let mut options = options(title, subtitle);
    options.colors = Palette::Multi(MultiPalette::Rust);
    let mut svg = Vec::new();
    flamegraph::from_lines(&mut options, folded.lines(), &mut svg)?;
    Ok(svg)
}

/// What changed from one to the other: as wide as it is after, red what grew, blue what shrank. The older one is scaled
/// to as many samples as the newer has, so that shares are compared.
///
/// # Errors
/// As [`flame_graph()`].
pub fn difference(before: &str, after: &str, title: &str, subtitle: &str) -> io::Result<Vec<u8>> {
    let mut both = Vec::new();
    let normalize = differential::Options { normalize: true, ..Default::default() };
    differential::from_readers(normalize, before.as_bytes(), after.as_bytes(), &mut both)?;
    let mut svg = Vec::new();
    flamegraph::from_reader(&mut options(title, subtitle), &both[..], &mut svg)?;
    Ok(svg)
}

fn options(title: &str, subtitle: &str) -> Options<'static> {
    let mut options = Options::default();
    options.title = title.to_owned();
    options.subtitle = Some(subtitle.to_owned());
    options.deterministic = true;
    options
}
