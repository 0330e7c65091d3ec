//! A binary's `main`: the command line, the command, the exit code.

use std::{
    io::{self, Write, stdout},
    process::ExitCode,
    sync::Arc,
};

use clap::Parser;
use miette::Report;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::{consts::SIGXFSZ, flag};

use crate::{
    exit::Exit,
    message::{Wait, report, warn},
    output::{LostOutput, Output},
    stop_signals::end_first_process_by_signals,
};

/// The exit codes, as every `--help` shows them.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  done, with damage that is listed
  2  not done: wrong arguments, an error, or output that could not be written";

/// The code of a command that could not do what it should.
const NOT_DONE: u8 = 2;

/// Bytes of the main thread's stack with which every command runs, in any build.
const STACK_BYTES: u64 = 1 << 20;

/// Runs a binary: parses its command line, runs `command`, reports its error on standard error, and returns the exit
/// code.
pub fn main<C: Parser>(command: impl FnOnce(C, &mut Output) -> miette::Result<Exit>) -> ExitCode {
    match provide_stack() {
        Ok(()) => with_stack(command),
        // Little of a stack is left for words.
        Err(limit) => {
            warn(format_args!(
                "Error: the stack of this process may have {} KiB (RLIMIT_STACK); raise the limit to {} KiB or more \
                 (`ulimit -s`, in systemd LimitSTACK=)",
                limit / 1024,
                STACK_BYTES / 1024
            ));
            ExitCode::from(NOT_DONE)
        }
    }
}

/// Raises the soft limit of the stack if it is too low: the kernel lets the stack grow to the limit that holds when it grows.
/// Otherwise the process would be aborted somewhere. The error is the hard limit, in bytes.
fn provide_stack() -> Result<(), u64> {
    let limit = getrlimit(Resource::Stack);
    match limit.current.filter(|soft| *soft < STACK_BYTES) {
        Some(soft) => setrlimit(Resource::Stack, Rlimit { current: Some(STACK_BYTES), ..limit })
            .map_err(|_| limit.maximum.unwrap_or(soft)),
        None => Ok(()),
    }
}

// What is inlined into `main` would need its stack before the limit is looked at.
#[inline(never)]
fn with_stack<C: Parser>(command: impl FnOnce(C, &mut Output) -> miette::Result<Exit>) -> ExitCode {
    // A file that has reached its limit (RLIMIT_FSIZE) is an error of the write, and not the end of a venue whose log it is.
    let _ = flag::register(SIGXFSZ, Arc::default());
    // Whoever cannot be told to stop can still be killed.
    let _ = end_first_process_by_signals();
    match parse() {
        Ok(cli) => run(cli, command),
        // Help and version are output like any other.
        Err(said) if !said.use_stderr() => match said.print().and_then(|()| stdout().flush()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => lost(&LostOutput::from(error), Wait::ForReader),
        },
        Err(wrong) => {
            let _ = wrong.print();
            ExitCode::from(NOT_DONE)
        }
    }
}

/// Parses the command line. Every help ends with the exit codes.
fn parse<C: Parser>() -> Result<C, clap::Error> {
    let mut command = with_exit_codes(C::command());
    let matches = command.try_get_matches_from_mut(std::env::args_os())?;
    C::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

fn with_exit_codes(command: clap::Command) -> clap::Command {
    let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let command = command.after_help(EXIT_CODES);
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, with_exit_codes))
}

fn run<C>(cli: C, command: impl FnOnce(C, &mut Output) -> miette::Result<Exit>) -> ExitCode {
    let mut out = Output::stdout();
    let ended = command(cli, &mut out);
    let wait = out.wait();
    let flushed = out.finish();
    match (ended, flushed) {
        (Err(error), _) => match error.downcast_ref::<LostOutput>() {
            Some(output) => lost(output, wait),
            None => {
                report(&error, wait);
                ExitCode::from(NOT_DONE)
            }
        },
        (Ok(_), Err(output)) => lost(&output, wait),
        (Ok(Exit::Done), Ok(())) => ExitCode::SUCCESS,
        (Ok(Exit::Damaged), Ok(())) => ExitCode::from(1),
        (Ok(Exit::NotDone), Ok(())) => ExitCode::from(NOT_DONE),
    }
}

fn lost(output: &LostOutput, wait: Wait) -> ExitCode {
    if output.kind() != io::ErrorKind::BrokenPipe {
        report(&Report::new(output.clone()), wait);
    }
    ExitCode::from(NOT_DONE)
}
