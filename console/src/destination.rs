//! Files that a command writes at its end.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use miette::Diagnostic;
use rustix::fs::OFlags;
use thiserror::Error;

/// A file that cannot be written.
#[derive(Debug, Error, Diagnostic)]
#[error("cannot write {path}: {source}", path = path.display())]
#[diagnostic(help("choose another path, or make its folder and give this user the right to write there"))]
pub struct Unwritable {
    path: PathBuf,
    source: io::Error,
}

impl Unwritable {
    /// The file at `path`, and why it cannot be written.
    #[must_use]
    pub fn new(path: &Path, source: io::Error) -> Self {
        Self { path: path.to_owned(), source }
    }
}

/// Finds out before a long run whether its result can be written. A file that is there keeps its content.
///
/// # Errors
/// [`Unwritable`].
pub fn writable(path: &Path) -> Result<(), Unwritable> {
    let error = |source| Unwritable::new(path, source);
    // A link to a file that is not there yet stays, with an empty file behind it.
    let is_new = fs::symlink_metadata(path).is_err();
    // A pipe that nobody reads is refused; without this flag, it would be waited for.
    let nonblocking = OFlags::NONBLOCK.bits() as i32;
    OpenOptions::new().append(true).create(true).custom_flags(nonblocking).open(path).map_err(error)?;
    if is_new { fs::remove_file(path).map_err(error) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    #[test]
    fn a_destination_is_tried_without_a_trace() {
        let folder = std::env::temp_dir().join(format!("corelane-destination-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (new, old) = (folder.join("new"), folder.join("old"));
        fs::write(&old, "kept").unwrap();
        writable(&new).unwrap();
        writable(&old).unwrap();
        assert!(!new.exists() && fs::read_to_string(&old).unwrap() == "kept");
        let link = folder.join("link");
        std::os::unix::fs::symlink(&new, &link).unwrap();
        writable(&link).unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), new);
        let error = writable(&folder.join("absent/new")).unwrap_err();
        assert!(error.to_string().contains("absent/new: No such file"), "{error}");
        assert!(writable(&folder).is_err());
        let pipe = folder.join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert!(writable(&pipe).is_err(), "nobody reads it");
        fs::remove_dir_all(folder).unwrap();
    }
}
