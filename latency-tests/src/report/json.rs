//! `result.json`: everything that a run showed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::result::Run;

/// The result cannot be written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write {path}: {source}", path = path.display())]
#[diagnostic(help("choose another folder with --out"))]
pub struct WriteError {
    /// The file or folder.
    path: PathBuf,
    source: io::Error,
}

/// Writes `result.json` to `folder`, which is made if it is missing, and returns the file's path.
///
/// # Errors
/// [`WriteError`].
pub fn write(run: &Run, folder: &Path) -> Result<PathBuf, WriteError> {
    fs::create_dir_all(folder).map_err(|source| WriteError { path: folder.to_owned(), source })?;
    let path = folder.join("result.json");
    let text = serde_json::to_string_pretty(run).expect("the model has string keys and finite figures only");
    match fs::write(&path, text) {
        Ok(()) => Ok(path),
        Err(source) => Err(WriteError { path, source }),
    }
}
