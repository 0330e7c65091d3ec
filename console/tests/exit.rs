//! What a command has written is on standard output when its process has ended, whatever the exit code.
//!
//! The binary is both the test and the command, because only a `main` has an exit code.

use std::{
    io::Write,
    process::{Command, ExitCode},
};

use clap::{Parser, ValueEnum};
use corelane_console::Exit;

/// Set for the command.
const MARK: &str = "CORELANE_CONSOLE_TEST";
/// Less than the buffer of standard output holds.
const TEXT: &str = "written, not flushed\n";

#[derive(Debug, Parser)]
struct Cli {
    end: End,
    /// Let another thread write.
    #[arg(long)]
    aside: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum End {
    Done,
    Damaged,
    NotDone,
    Error,
}

fn main() -> ExitCode {
    if std::env::var_os(MARK).is_none() {
        test();
        return ExitCode::SUCCESS;
    }
    corelane_console::main(|Cli { end, aside }, out| {
        if aside {
            out.write_aside()?;
        }
        out.write_all(TEXT.as_bytes()).expect("it is buffered");
        match end {
            End::Done => Ok(Exit::Done),
            End::Damaged => Ok(Exit::Damaged),
            End::NotDone => Ok(Exit::NotDone),
            End::Error => Err(miette::miette!("it failed")),
        }
    })
}

fn test() {
    let this = std::env::current_exe().unwrap();
    // A stack that may not grow to what a command needs is an error with a remedy; a soft limit is raised.
    for (limit, code, error) in
        [("-s", 2, "raise the limit to 1024 KiB or more (`ulimit -s`"), ("-S -s", 2, "it failed")]
    {
        let script = format!("ulimit {limit} 64; exec \"$0\" error");
        let output = Command::new("sh").env(MARK, "1").args(["-c", &script]).arg(&this).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(code) && said.contains(error), "{limit}: {:?}: {said}", output.status);
    }
    for (end, code, error) in [("done", 0, ""), ("damaged", 1, ""), ("not-done", 2, ""), ("error", 2, "it failed")] {
        for options in [&[][..], &["--aside"]] {
            let output = Command::new(&this).env(MARK, "1").arg(end).args(options).output().unwrap();
            let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!((output.status.code(), stdout.as_str()), (Some(code), TEXT), "{end} {options:?}: {stderr}");
            assert!(stderr.contains(error) && stderr.is_empty() == error.is_empty(), "{end} {options:?}: {stderr}");
        }
    }
}
