//! `corelane admin`: asks a running venue through its Unix socket.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{fs::FileTypeExt, net::UnixStream},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use clap::ValueEnum;
use corelane_config::Config;
use corelane_console::{Exit, Output};
use miette::{Report, miette};

use crate::{
    cli::{AdminArgs, AdminCommand, ScopeArgs},
    run::admin_socket,
};

/// How long an answer may take; the venue gives the group five seconds.
const PATIENCE: Duration = Duration::from_secs(15);
/// Bytes of the longest answer that is read; a venue's has some lines.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Asks for what the command says, and prints the answer.
///
/// # Errors
/// No venue answers, or it refuses.
pub(crate) fn admin(args: &AdminArgs, out: &mut Output) -> miette::Result<Exit> {
    let socket = socket(args)?;
    let answer = ask_in_time(socket.clone(), request(&args.command)?)?;
    // The new line at its end shows that it is whole.
    match answer.strip_suffix('\n').and_then(|whole| whole.split_once('\n')) {
        Some(("ok", text)) => {
            out.say(text.trim_end())?;
            Ok(Exit::Done)
        }
        Some(("error", problem)) => Err(miette!("{}", problem.trim_end())),
        _ if answer.is_empty() => Err(miette!(
            help = "it is at the end of its stop, or has failed; look into its log whether the request was done",
            "the venue closed the connection without an answer"
        )),
        _ => Err(miette!(
            help = "it has ended meanwhile, and its log says whether the request was done; or it is no venue: name the socket \
                    that `corelane run` has printed",
            "what answers at {} gave no whole answer of a venue; it began with {:?}",
            socket.display(),
            answer.chars().take(40).collect::<String>()
        )),
    }
}

fn socket(args: &AdminArgs) -> miette::Result<PathBuf> {
    if let Some(socket) = &args.socket {
        return Ok(socket.clone());
    }
    let config = Config::load(&args.topology).map_err(|errors| {
        Report::new(errors)
            .wrap_err("the topology cannot be read, so its socket is not known; with --socket PATH, a running venue is asked without it")
    })?;
    admin_socket(&args.topology, &config).ok_or_else(|| {
        miette!(
            help = "add [admin] with a socket to the topology, or name the socket with --socket",
            "{}: this venue has no socket for its operator",
            args.topology.display()
        )
    })
}

/// The line of a request.
fn request(command: &AdminCommand) -> miette::Result<String> {
    Ok(match command {
        AdminCommand::Status => "status".to_owned(),
        AdminCommand::Stop => "stop".to_owned(),
        #[cfg(feature = "faults")]
        AdminCommand::Fault { site, kind } => {
            format!("fault {} {}", one_word("fault point", site)?, one_word("fault", kind)?)
        }
        AdminCommand::Phase { event } => format!("phase {}", word(event)),
        AdminCommand::Breaker { turn, name } => format!("breaker {} {}", word(turn), one_word("breaker", name)?),
        AdminCommand::KillSwitch { turn, scope } => format!("kill-switch {} {}", word(turn), scope_words(scope)?),
    })
}

fn word(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn scope_words(scope: &ScopeArgs) -> miette::Result<String> {
    let named = [("port", &scope.port), ("account", &scope.account), ("firm", &scope.firm)];
    let Some((level, name)) = named.into_iter().find_map(|(level, name)| Some((level, name.as_ref()?))) else {
        return Ok("everyone".to_owned());
    };
    Ok(format!("{level} {}", one_word(level, name)?))
}

fn one_word<'a>(what: &str, name: &'a str) -> miette::Result<&'a str> {
    if name.is_empty() || name.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
        return Err(miette!(help = "write it as in the topology", "{name:?} is the name of no {what}"));
    }
    Ok(name)
}

/// Asks on a thread of its own: the system has no deadline for connecting to a venue that does not accept.
fn ask_in_time(socket: PathBuf, request: String) -> miette::Result<String> {
    let (answer, answered) = mpsc::channel();
    thread::Builder::new().spawn(move || answer.send(ask(&socket, &request))).map_err(|error| {
        let help = "raise the limit of threads (ulimit -u, in systemd TasksMax=, pids.max of the cgroup)";
        miette!(help = help, "cannot wait for an answer with a deadline: the system starts no thread: {error}")
    })?;
    answered.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        let seconds = PATIENCE.as_secs();
        Err(miette!(help = "look in the venue's log", "no answer within {seconds} s; it may still be done"))
    })
}

fn ask(socket: &Path, request: &str) -> miette::Result<String> {
    let mut stream = UnixStream::connect(socket).map_err(|error| {
        if fs::metadata(socket).is_ok_and(|there| !there.file_type().is_socket()) {
            let help = "name the socket that `corelane run` has printed";
            return miette!(help = help, "{} is no socket", socket.display());
        }
        miette!(
            help = "start the venue with `corelane run`, as the same user",
            "no venue answers at {}: {error}",
            socket.display()
        )
    })?;
    let lost = |error| {
        miette!(
            help = "it has ended, or is at the end of its stop; look into its log whether the request was done",
            "the connection to the venue at {} was lost: {error}",
            socket.display()
        )
    };
    stream.write_all(format!("{request}\n").as_bytes()).map_err(lost)?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).map_err(lost)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
