//! Opening of ITCH files, plain or gzip, with a progress bar on a terminal.

use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
};

use indicatif::{ProgressBar, ProgressStyle};

/// The error of a file that cannot be opened.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot open {path}: {source}", path = path.display())]
#[diagnostic(help(
    "give the path of a length-prefixed ITCH 5.0 file (for decode, also of a pcap or pcapng file), plain or gzip"
))]
pub(crate) struct OpenError {
    path: PathBuf,
    source: io::Error,
}

/// Opens a file and decompresses it if it is a gzip file, with a progress bar on a terminal.
///
/// # Errors
/// [`OpenError`].
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read>, OpenError> {
    open_with(path, &progress(io::stderr().is_terminal()))
}

/// A progress bar for [`open_with`].
pub(crate) fn progress(is_shown: bool) -> ProgressBar {
    if is_shown { ProgressBar::new(0).with_style(style()) } else { ProgressBar::hidden() }
}

/// Opens a file like [`open`], with the caller's progress bar.
///
/// # Errors
/// [`OpenError`].
pub(crate) fn open_with(path: &Path, progress: &ProgressBar) -> Result<Box<dyn Read>, OpenError> {
    let error = |source| OpenError { path: path.to_owned(), source };
    let file = File::open(path).map_err(error)?;
    let length = file.metadata().map_err(error)?.len();
    progress.set_length(length);
    corelane_market::decompress(progress.wrap_read(file)).map_err(error)
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec}, {eta} left")
        .expect("the template is a constant and valid")
}
