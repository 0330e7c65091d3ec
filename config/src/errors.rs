//! The errors of a bad file: all at once, each with its place and its remedy.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

use crate::shown::{hidden, shown, shown_behind};

/// All errors found in one file, in the order of the file.
///
/// Print it through miette (`miette::Report::new(errors)` with `{:?}`) for the annotated source, or with
/// [`Self::plain`] for one line per error.
#[derive(Clone, Debug)]
pub struct ConfigErrors {
    file: String,
    errors: Vec<ConfigError>,
    omitted: usize,
}

impl ConfigErrors {
    /// The most errors that are kept. A file that is not a topology at all would otherwise report one error per line.
    pub const KEPT_MAX: usize = 50;

    pub(crate) fn new(source: &Source, mut found: Vec<Found>) -> Self {
        found.sort_by_key(|error| (error.span.start, error.span.end));
        let omitted = found.len().saturating_sub(Self::KEPT_MAX);
        let errors = found.into_iter().take(Self::KEPT_MAX).map(|error| ConfigError::new(source, error)).collect();
        Self { file: source.name.clone(), errors, omitted }
    }

    /// The error of a file that cannot be read at all.
    pub(crate) fn unreadable(file: String, error: &std::io::Error) -> Self {
        let help = match error.kind() {
            std::io::ErrorKind::InvalidData => "save it as UTF-8, or give the path of a topology file",
            _ => "give the path of a topology file that this user may read, such as config/venue.toml",
        };
        let error = ConfigError {
            kind: ErrorKind::Unreadable,
            file: file.clone(),
            line: 0,
            column: 0,
            message: format!("cannot read the file: {error}"),
            label: None,
            help: help.into(),
            source: None,
        };
        Self { file, errors: vec![error], omitted: 0 }
    }

    /// The errors, in the order of the file; never empty.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &ConfigError> {
        self.errors.iter()
    }

    /// One line per error, `file:line:column: message; remedy`, for logs and editors.
    #[must_use]
    pub fn plain(&self) -> String {
        self.errors.iter().map(|error| error.plain() + "\n").collect()
    }

    /// The number of errors found beyond [`Self::KEPT_MAX`].
    #[must_use]
    pub fn omitted(&self) -> usize {
        self.omitted
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.errors.len() + self.omitted;
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "{}: {count} error{plural}", self.file)?;
        match self.omitted {
            0 => Ok(()),
            _ => write!(f, ", of which the first {} follow", self.errors.len()),
        }
    }
}

impl std::error::Error for ConfigErrors {}

impl Diagnostic for ConfigErrors {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new("corelane::config"))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.errors.iter().map(|error| error as &dyn Diagnostic)))
    }
}

/// What kind of mistake an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The file could not be read.
    Unreadable,
    /// The text is not TOML.
    Syntax,
    /// A key that the schema does not have.
    UnknownKey,
    /// A key that the schema requires is absent.
    MissingKey,
    /// A value of another type than the schema's.
    WrongType,
    /// A value of the right type that the schema excludes.
    InvalidValue,
    /// Values that are each valid but contradict each other.
    Conflict,
}

impl ErrorKind {
    /// The code that a report shows, stable across versions.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            ErrorKind::Unreadable => "corelane::config::unreadable",
            ErrorKind::Syntax => "corelane::config::syntax",
            ErrorKind::UnknownKey => "corelane::config::unknown_key",
            ErrorKind::MissingKey => "corelane::config::missing_key",
            ErrorKind::WrongType => "corelane::config::wrong_type",
            ErrorKind::InvalidValue => "corelane::config::invalid_value",
            ErrorKind::Conflict => "corelane::config::conflict",
        }
    }
}

/// One mistake in a file.
#[derive(Clone, Debug)]
pub struct ConfigError {
    /// What kind of mistake it is.
    pub kind: ErrorKind,
    /// The file's name as it was given.
    pub file: String,
    /// The line, from 1; 0 if the file could not be read.
    pub line: usize,
    /// The column in characters, from 1; 0 if the file could not be read.
    pub column: usize,
    /// What is wrong, naming the key.
    pub message: String,
    /// What to do about it.
    pub help: String,
    label: Option<LabeledSpan>,
    source: Option<NamedSource<Arc<str>>>,
}

impl ConfigError {
    fn new(source: &Source, found: Found) -> Self {
        let (line, column) = source.lines.locate(found.span.start);
        // A label needs a character to point at; an empty place, such as the end of the file, has none.
        let label = (!found.span.is_empty()).then(|| LabeledSpan::new_with_span(Some(found.label), found.span.clone()));
        Self {
            kind: found.kind,
            file: source.name.clone(),
            line,
            column,
            message: found.message,
            help: found.help,
            source: label.is_some().then(|| NamedSource::new(&source.name, Arc::clone(&source.lines.text))),
            label,
        }
    }

    /// The error on one line, `file:line:column: message; remedy`.
    #[must_use]
    pub fn plain(&self) -> String {
        let Self { file, line, column, message, help, .. } = self;
        match line {
            0 => format!("{file}: {message}; {help}"),
            _ => format!("{file}:{line}:{column}: {message}; {help}"),
        }
    }
}

impl fmt::Display for ConfigError {
    /// The message alone: the annotated source next to it shows the place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}

impl Diagnostic for ConfigError {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.kind.code()))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = self.label.clone()?;
        Some(Box::new(std::iter::once(label)))
    }
}

/// An error while the file is still being checked.
#[derive(Debug)]
pub(crate) struct Found {
    pub kind: ErrorKind,
    pub span: Range<usize>,
    pub message: String,
    pub label: String,
    pub help: String,
}

/// A file's name and text.
#[derive(Debug)]
pub(crate) struct Source {
    pub name: String,
    pub lines: Lines,
}

/// A text as it is shown, and the offset at which each of its lines starts.
#[derive(Debug)]
pub(crate) struct Lines {
    pub text: Arc<str>,
    starts: Vec<usize>,
}

impl Lines {
    pub(crate) fn new(text: &str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text: shown(text).into(), starts }
    }

    /// Shows a part of the text no more, such as a password that was found by its place.
    pub(crate) fn hide(&mut self, span: &Range<usize>) {
        if let Some((before, rest)) = self.text.split_at_checked(span.start)
            && let Some((secret, behind)) = rest.split_at_checked(span.len())
        {
            self.text = [before, &hidden(secret), behind].concat().into();
        }
    }

    /// Shows no value but those behind keys of `known`.
    pub(crate) fn show_behind(&mut self, known: impl Fn(&str) -> bool) {
        self.text = shown_behind(&self.text, known).into();
    }

    /// The line and column, both from 1, of a byte offset; columns count characters.
    pub(crate) fn locate(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|&start| start <= offset);
        let start = self.starts[line - 1];
        let before = self.text.get(start..offset).unwrap_or(&self.text[start..]);
        (line, before.chars().count() + 1)
    }
}
