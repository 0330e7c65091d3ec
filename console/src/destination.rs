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

/// Two of a command's files are the same one.
#[derive(Debug, Error, Diagnostic)]
#[error("{one} and {other} are the same file, and the command would overwrite one by the other", one = one.display(), other = other.display())]
#[diagnostic(help("give each a path of its own"))]
pub struct SameFile {
    one: PathBuf,
    other: PathBuf,
}

/// Refuses files that a command reads or writes at its end if two of them are the same one, however their paths are written.
/// Devices and pipes may be.
///
/// # Errors
/// [`SameFile`].
pub fn distinct<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<(), SameFile> {
    let mut known: Vec<(PathBuf, &Path)> = Vec::new();
    let is_file = |path: &&Path| fs::metadata(path).map_or(true, |found| found.is_file());
    for path in paths.into_iter().filter(is_file) {
        let place = place(path);
        if let Some((_, other)) = known.iter().find(|(known, _)| *known == place) {
            return Err(SameFile { one: (*other).to_owned(), other: path.to_owned() });
        }
        known.push((place, path));
    }
    Ok(())
}

/// The one path of a file: without links and dots.
fn place(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let of_new = || Ok::<_, io::Error>(folder.canonicalize()?.join(path.file_name().unwrap_or_default()));
    path.canonicalize().or_else(|_| of_new()).unwrap_or_else(|_| path.to_owned())
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
        let (again, other) = (folder.join("../").join(folder.file_name().unwrap()).join("old"), folder.join("other"));
        std::os::unix::fs::symlink(&old, &other).unwrap();
        let null = Path::new("/dev/null");
        distinct([old.as_path(), &new, null, null]).unwrap();
        for same in [[&new, &new], [&old, &again], [&other, &old], [&folder.join("./new"), &new]] {
            let error = distinct(same.map(PathBuf::as_path)).unwrap_err().to_string();
            assert!(error.contains("are the same file"), "{error}");
        }
        let pipe = folder.join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert!(writable(&pipe).is_err(), "nobody reads it");
        fs::remove_dir_all(folder).unwrap();
    }
}
