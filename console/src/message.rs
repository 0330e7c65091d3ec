//! Words on standard error.

use std::{
    fmt::{self, Display},
    io::{Write, stderr},
    time::Instant,
};

use miette::{Diagnostic, LabeledSpan, MietteHandlerOpts, Report, ReportHandler, Severity, SourceCode};
use thiserror::Error;

use crate::aside::Aside;

/// Who waits for the reader of standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The command, as long as it takes.
    ForReader,
    /// Nobody longer than that: a reader that stands still loses what it does not read.
    Until(Instant),
}

/// Writes an error with its causes and remedy to standard error.
pub(crate) fn report(error: &Report, wait: Wait) {
    let text = format!("Error: {}", Shown(error));
    match wait {
        Wait::ForReader => warn(text),
        Wait::Until(deadline) => match Aside::start(stderr()) {
            // If that fails, nobody is left to tell.
            Ok(mut aside) => {
                drop(aside.write_all(format!("{text}\n").as_bytes()).and_then(|()| aside.finish(deadline)))
            }
            // At the limit of threads it is better to wait than to end without a word.
            Err(_) => warn(text),
        },
    }
}

/// An error as it is shown: without the causes that the message before them has named already.
struct Shown<'a>(&'a Report);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown(error) = self;
        let all: Vec<String> = error.chain().map(ToString::to_string).collect();
        let new = all.windows(2).filter(|pair| !pair[0].contains(&pair[1])).map(|pair| pair[1].clone());
        let new: Vec<String> = new.collect();
        if new.len() + 1 == all.len() {
            return write!(f, "{error:?}");
        }
        let behind = |next, message| Some(Box::new(Cause { message, next }));
        let shown = WithCauses { error: error.as_ref(), cause: new.into_iter().rev().fold(None, behind) };
        MietteHandlerOpts::new().build().debug(&shown, f)
    }
}

#[derive(Debug, Error)]
#[error("{message}")]
struct Cause {
    message: String,
    #[source]
    next: Option<Box<Cause>>,
}

/// An error with other causes.
#[derive(Debug, Error)]
#[error("{error}")]
struct WithCauses<'a> {
    error: &'a dyn Diagnostic,
    #[source]
    cause: Option<Box<Cause>>,
}

impl Diagnostic for WithCauses<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.error.code()
    }

    fn severity(&self) -> Option<Severity> {
        self.error.severity()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.error.help()
    }

    fn url<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.error.url()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.error.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.error.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        self.error.related()
    }
}

/// Writes a line to standard error. If that fails, nobody is left to tell.
pub fn warn(line: impl Display) {
    // One write, so that lines of several threads do not mix.
    let _ = stderr().write_all(format!("{line}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind};

    use miette::{IntoDiagnostic, WrapErr};

    use super::*;

    #[derive(Debug, Error, Diagnostic)]
    #[error("cannot open day.itch: {source}")]
    #[diagnostic(help("give another path"))]
    struct Unopened {
        source: io::Error,
    }

    #[test]
    fn each_cause_is_shown_once() {
        let source = || io::Error::new(ErrorKind::NotFound, "no such file");
        let unopened = || Unopened { source: source() };
        let other = Err::<(), _>(source()).into_diagnostic().wrap_err("cannot open day.itch").unwrap_err();
        for (error, helps) in
            [(Report::from(unopened()), 1), (Report::from(unopened()).wrap_err("there is no market"), 1), (other, 0)]
        {
            let shown = Shown(&error).to_string();
            for text in ["no such file", "cannot open day.itch"] {
                assert_eq!(shown.matches(text).count(), 1, "{shown}");
            }
            assert_eq!(shown.matches("help: give another path").count(), helps, "{shown}");
        }
    }
}
