//! Opening of files, plain or gzip, with a progress bar on a terminal.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use indicatif::{ProgressBar, ProgressStyle};

/// The path that stands for standard input.
const STDIN: &str = "-";

/// The error of a file that cannot be opened.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot open {path}: {source}", path = path.display())]
#[diagnostic(help(
    "give the path of a length-prefixed ITCH 5.0 file or of a pcap or pcapng file, plain or gzip, or - for standard input"
))]
pub(crate) struct OpenError {
    path: PathBuf,
    source: io::Error,
}

/// A progress bar for [`open`].
pub(crate) fn progress(is_shown: bool) -> ProgressBar {
    if is_shown { ProgressBar::new(0).with_style(style()) } else { ProgressBar::hidden() }
}

/// Opens a file and decompresses it if it is a gzip file, with the caller's progress bar.
///
/// # Errors
/// [`OpenError`].
pub(crate) fn open(path: &Path, progress: &ProgressBar) -> Result<Box<dyn Read>, OpenError> {
    let error = |source| OpenError { path: path.to_owned(), source };
    let file: Box<dyn Read> = if is_stdin(path) {
        Box::new(io::stdin())
    } else {
        let file = File::open(path).map_err(error)?;
        progress.set_length(file.metadata().map_err(error)?.len());
        Box::new(file)
    };
    corelane_market::decompress(progress.wrap_read(file)).map_err(error)
}

/// Whether a path stands for standard input or standard output.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// The name of a file in messages.
pub(crate) fn name(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left")
        .expect("the template is a constant and valid")
}
