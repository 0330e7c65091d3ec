//! `corelane itch generate`: writes a synthetic day.

use std::{
    fs::File,
    io::{self, BufWriter, ErrorKind, IsTerminal, Read, Write},
    path::Path,
};

use corelane_console::{Exit, Output, warn};
use corelane_market::{Day, DaySpec};
use flate2::{Compression, write::GzEncoder};
use indicatif::{ProgressBar, ProgressStyle};
use miette::{IntoDiagnostic, miette};

use super::source;
use crate::cli::GenerateArgs;

/// The number of bytes generated at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// The error of a file that cannot be written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write {path}: {source}")]
struct WriteError {
    path: String,
    source: io::Error,
    #[help]
    help: &'static str,
}

impl WriteError {
    fn new(path: &Path, source: io::Error) -> Self {
        let help = match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                "the file is incomplete; give a path on a disk with more room"
            }
            _ => "choose another path, or make its folder and give this user the right to write there",
        };
        Self { path: path.display().to_string(), source, help }
    }
}

pub(super) fn generate(args: &GenerateArgs, out: &mut Output) -> miette::Result<Exit> {
    let mut spec = DaySpec::made_up(args.seed, args.instruments.into(), args.messages);
    spec.opening_orders = args.opening_orders.unwrap_or(spec.opening_orders);
    let mut day = Day::new(spec).into_diagnostic()?;
    let is_stdout = source::is_stdin(&args.out);
    if is_stdout && io::stdout().is_terminal() {
        return Err(miette!(help = "give a file, or pipe it to another command", "a day is no text for a terminal"));
    }
    let bytes = if is_stdout {
        match copy(&mut day, out, &ProgressBar::hidden()) {
            Ok(bytes) => bytes,
            // The output is lost.
            Err(_) => return Ok(Exit::NotDone),
        }
    } else {
        write(&mut day, &args.out, args.messages).map_err(|source| WriteError::new(&args.out, source))?
    };
    let written = format!(
        "{} messages in {} instruments, {bytes} bytes of ITCH, {} orders rest at the end",
        day.messages(),
        args.instruments,
        day.resting_orders()
    );
    if is_stdout {
        warn(written)
    } else {
        out.say(written)?
    }
    Ok(Exit::Done)
}

/// Writes the day, compressed if the file name ends in `.gz`, and returns the number of bytes before compression.
fn write(day: &mut Day, path: &Path, messages: u64) -> io::Result<u64> {
    let progress =
        if io::stderr().is_terminal() { ProgressBar::new(messages).with_style(style()) } else { ProgressBar::hidden() };
    let file = BufWriter::with_capacity(CHUNK_BYTES, File::create(path)?);
    let bytes = if path.extension().is_some_and(|extension| extension == "gz") {
        let mut out = GzEncoder::new(file, Compression::fast());
        let bytes = copy(day, &mut out, &progress)?;
        out.finish()?.flush()?;
        bytes
    } else {
        let mut out = file;
        let bytes = copy(day, &mut out, &progress)?;
        out.flush()?;
        bytes
    };
    progress.finish_and_clear();
    Ok(bytes)
}

fn copy(day: &mut Day, out: &mut impl Write, progress: &ProgressBar) -> io::Result<u64> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut bytes = 0;
    loop {
        let read = day.read(&mut chunk)?;
        if read == 0 {
            return Ok(bytes);
        }
        out.write_all(&chunk[..read])?;
        bytes += read as u64;
        progress.set_position(day.messages());
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} messages {per_sec}, {eta} left")
        .expect("the template is a constant and valid")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::itch::source;

    #[test]
    fn a_day_is_written_plain_and_compressed() {
        let folder = std::env::temp_dir().join(format!("corelane-generate-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let read = |name: &str| {
            let out = folder.join(name);
            let spec = DaySpec { opening_orders: 100, ..DaySpec::made_up(9, 3, 5_000) };
            write(&mut Day::new(spec).unwrap(), &out, 5_000).unwrap();
            let mut bytes = Vec::new();
            source::open(&out, &source::progress(false), &std::sync::Arc::default())
                .unwrap()
                .read_to_end(&mut bytes)
                .unwrap();
            (std::fs::metadata(out).unwrap().len(), bytes)
        };
        let (plain_bytes, plain) = read("day.itch");
        let (compressed_bytes, compressed) = read("day.itch.gz");
        assert_eq!(plain_bytes, plain.len() as u64);
        assert!(compressed_bytes < plain_bytes && plain == compressed);
        std::fs::remove_dir_all(&folder).unwrap();
        let error = write(&mut Day::new(DaySpec::made_up(1, 1, 100)).unwrap(), &folder.join("gone"), 100).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(WriteError::new(&folder, error).help.starts_with("choose another path"));
        assert!(WriteError::new(&folder, ErrorKind::StorageFull.into()).help.contains("incomplete"));
    }
}
