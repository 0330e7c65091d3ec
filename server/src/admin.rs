//! `corelane admin`: asks a running venue through its Unix socket.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::ValueEnum;
use corelane_config::Config;
use corelane_console::{Exit, Output};
use miette::{IntoDiagnostic, WrapErr, miette};

use crate::{
    cli::{AdminArgs, AdminCommand, ScopeArgs},
    run::admin_socket,
};

/// How long an answer may take; the venue gives the group five seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// Asks for what the command says, and prints the answer.
///
/// # Errors
/// No venue answers, or it refuses.
pub(crate) fn admin(args: &AdminArgs, out: &mut Output) -> miette::Result<Exit> {
    let answer = ask(&socket(args)?, &request(&args.command))?;
    match answer.split_once('\n') {
        Some(("ok", text)) => {
            out.say(text.trim_end())?;
            Ok(Exit::Done)
        }
        Some(("error", problem)) => Err(miette!("{}", problem.trim_end())),
        _ => Err(miette!(help = "look into its log", "the venue closed the connection without an answer")),
    }
}

fn socket(args: &AdminArgs) -> miette::Result<PathBuf> {
    if let Some(socket) = &args.socket {
        return Ok(socket.clone());
    }
    let config = Config::load(&args.topology)?;
    admin_socket(&args.topology, &config).ok_or_else(|| {
        miette!(
            help = "add [admin] with a socket to the topology, or name the socket with --socket",
            "{}: this venue has no socket for its operator",
            args.topology.display()
        )
    })
}

/// The line of a request.
fn request(command: &AdminCommand) -> String {
    match command {
        AdminCommand::Status => "status".to_owned(),
        AdminCommand::Stop => "stop".to_owned(),
        AdminCommand::Phase { event } => format!("phase {}", word(event)),
        AdminCommand::KillSwitch { turn, scope } => format!("kill-switch {} {}", word(turn), scope_words(scope)),
    }
}

fn word(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn scope_words(scope: &ScopeArgs) -> String {
    let named = [("port", &scope.port), ("account", &scope.account), ("firm", &scope.firm)];
    let named = named.into_iter().find_map(|(level, name)| Some(format!("{level} {}", name.as_ref()?)));
    named.unwrap_or_else(|| "everyone".to_owned())
}

fn ask(socket: &Path, request: &str) -> miette::Result<String> {
    let mut stream = UnixStream::connect(socket).map_err(|error| {
        miette!(
            help = "start the venue with `corelane run`, as the same user",
            "no venue answers at {}: {error}",
            socket.display()
        )
    })?;
    let lost = || "the connection to the venue was lost".to_owned();
    stream.set_read_timeout(Some(PATIENCE)).into_diagnostic()?;
    stream.write_all(format!("{request}\n").as_bytes()).into_diagnostic().wrap_err_with(lost)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).into_diagnostic().wrap_err_with(lost)?;
    Ok(answer)
}
