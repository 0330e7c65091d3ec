//! Opening of files, plain or gzip, with a progress bar on a terminal.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use indicatif::{ProgressBar, ProgressStyle};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

/// The path that stands for standard input.
const STDIN: &str = "-";
/// How often a reader of a silent pipe looks whether it should stop.
const LOOK_AGAIN_MS: u8 = 20;

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

/// Opens a file and decompresses it if it is a gzip file, with the caller's progress bar. Reading it fails once `stop` is set.
///
/// # Errors
/// [`OpenError`].
pub(crate) fn open(path: &Path, progress: &ProgressBar, stop: &Arc<AtomicBool>) -> Result<Box<dyn Read>, OpenError> {
    let error = |source| OpenError { path: path.to_owned(), source };
    let file = if is_stdin(path) {
        // All that is buffered is buffered here.
        File::from(io::stdin().as_fd().try_clone_to_owned().map_err(error)?)
    } else {
        let file = File::open(path).map_err(error)?;
        progress.set_length(file.metadata().map_err(error)?.len());
        file
    };
    let file = UntilStopped { file, stop: stop.clone() };
    corelane_market::decompress(progress.wrap_read(file)).map_err(error)
}

/// A file that may be a pipe whose writer is silent: reading it ends when the flag is set.
struct UntilStopped {
    file: File,
    stop: Arc<AtomicBool>,
}

impl Read for UntilStopped {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(io::Error::other("a signal has ended the reading"));
            }
            let mut readable = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
            match poll(&mut readable, PollTimeout::from(LOOK_AGAIN_MS)) {
                Ok(0) | Err(Errno::EINTR) => {}
                // What cannot be waited for says so when it is read.
                Ok(_) | Err(_) => return self.file.read(bytes),
            }
        }
    }
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
