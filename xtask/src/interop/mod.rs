//! `corelane run` against two clients that share no code with it, and its feed as Wireshark reads it.
//!
//! The clients: `venue_client.py`, written from the protocol page, and `soup_client.py` on the package `nasdaq-protocols`,
//! which is installed into `target/interop-venv`. The venue is stopped while a client is logged in. As root the same is done
//! once more as an unprivileged user with the usual 8 MiB of lockable memory, and a start with none must be refused with
//! a remedy. The feed that the venue publishes, and what it sends again when asked, is dissected by `tshark`. Every wait
//! is bounded, and no server is left behind.

mod capture;
mod child;
mod configuration;
mod dissect;
mod environment;

use capture::{Capture, Request};
use child::{Child, Limits, bounded};
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const UNPRIVILEGED: Limits = Limits { user: 65534, memlock_bytes: 8 << 20 };
const WITHOUT_MEMLOCK: Limits = Limits { user: 65534, memlock_bytes: 0 };

/// Runs everything with this binary.
///
/// # Errors
///
/// What went wrong first.
pub(crate) fn run(root: &Path, corelane: &Path) -> Result<(), String> {
    let stage = Stage::set_up(root, corelane)?;
    stage.serve(None)?;
    if rustix::process::geteuid().is_root() {
        stage.serve(Some(UNPRIVILEGED))?;
        stage.refused()?;
    }
    stage.dissected()?;
    println!("interop: ok");
    Ok(())
}

/// What all parts need: the server's binary and topology in a folder of their own, and Python.
struct Stage {
    scripts: PathBuf,
    python: PathBuf,
    folder: PathBuf,
    binary: PathBuf,
    topology: PathBuf,
    configuration: String,
}

impl Stage {
    fn set_up(root: &Path, corelane: &Path) -> Result<Self, String> {
        let scripts = root.join("server/tests/interop");
        let python = environment::python(root, &scripts)?;
        // An unprivileged user may not be allowed to enter the folders that lead to the repository, and makes its socket here.
        let folder = std::env::temp_dir().join(format!("corelane-interop-{}", std::process::id()));
        let (binary, topology) = (folder.join("corelane"), folder.join("venue.toml"));
        let venue =
            fs::read_to_string(root.join("config/venue.toml")).map_err(|e| format!("config/venue.toml: {e}"))?;
        let configuration = configuration::of_test(&venue)?;
        let copied = fs::create_dir_all(&folder)
            .and_then(|()| fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)))
            .and_then(|()| fs::copy(corelane, &binary))
            .and_then(|_| fs::write(&topology, &configuration));
        copied.map_err(|e| format!("{} to {}: {e}", corelane.display(), folder.display()))?;
        Ok(Self { scripts, python, folder, binary, topology, configuration })
    }

    fn start(&self, topology: &Path, limits: Option<Limits>) -> Result<Child, String> {
        let mut command = child::limited(&self.binary, limits);
        command.arg("run").arg(topology).env_clear().env("NO_COLOR", "1").env("PATH", environment::PATH);
        Child::start("corelane", command)
    }

    fn venue_client(&self, address: &str) -> Command {
        let mut command = Command::new("python3");
        command.arg(self.scripts.join("venue_client.py")).arg(address);
        command
    }

    /// Both clients are served, and the venue stops in order while one is logged in.
    fn serve(&self, limits: Option<Limits>) -> Result<(), String> {
        let mut server = self.start(&self.topology, limits)?;
        let address = last_word(&server.wait_for("order entry on ")?);
        let mut soup = Command::new(&self.python);
        soup.arg(self.scripts.join("soup_client.py")).arg(&address);
        soup.args([configuration::HEARTBEAT_MS, configuration::CLIENT_TIMEOUT_MS]);
        bounded("soup_client", soup)?;
        let mut venue = self.venue_client(&address);
        venue.arg("--until-stopped");
        let mut client = Child::start("venue_client", venue)?;
        client.wait_for("venue_client: every answer is right")?;
        server.signal(Signal::TERM)?;
        client.wait_for("venue_client: told of the end of the session")?;
        client.ended_with(0)?;
        server.wait_for("stopped, nothing in flight was left")?;
        server.ended_with(0)?;
        let who = limits.map_or("this user", |_| "an unprivileged user with 8 MiB of memlock");
        println!("interop: served and stopped as {who}");
        Ok(())
    }

    /// Without lockable memory the start fails at once, and says what to do.
    fn refused(&self) -> Result<(), String> {
        let mut server = self.start(&self.topology, Some(WITHOUT_MEMLOCK))?;
        server.wait_for("RLIMIT_MEMLOCK")?;
        match server.status()?.code() {
            Some(code) if code > 0 => {}
            code => return Err(format!("corelane without lockable memory ended with {code:?}, not with a failure")),
        }
        println!("interop: a start without lockable memory is refused with its remedy");
        Ok(())
    }

    /// What the venue publishes in a small trading day, its end included, and what it sends again.
    fn dissected(&self) -> Result<(), String> {
        let mut capture = Capture::start()?;
        let topology = self.folder.join("published.toml");
        let text = configuration::publishing_to(&self.configuration, capture.port())?;
        fs::write(&topology, text).map_err(|e| format!("{}: {e}", topology.display()))?;
        let mut server = self.start(&topology, None)?;
        let address = last_word(&server.wait_for("order entry on ")?);
        let retransmission = last_word(&server.wait_for("market data retransmission on ")?);
        let retransmission =
            retransmission.parse().map_err(|e| format!("corelane prints {retransmission:?} as an address: {e}"))?;
        bounded("venue_client", self.venue_client(&address))?;
        capture.wait_until(|datagrams| {
            let counts: Vec<u16> = datagrams.iter().map(|datagram| datagram.header().2).collect();
            counts.contains(&0) && counts.iter().map(|count| u32::from(*count)).sum::<u32>() >= 6
        })?;
        let session = capture.datagrams()[0].header().0;
        for count in [1, 5, 1000] {
            let answers =
                |datagrams: &[capture::Datagram]| datagrams.iter().filter(|d| d.from == retransmission).count();
            let before = answers(&capture.datagrams());
            capture.ask(retransmission, Request { session, sequence: 2, count })?;
            capture.wait_until(|datagrams| answers(datagrams) > before)?;
        }
        server.signal(Signal::TERM)?;
        server.wait_for("stopped, nothing in flight was left")?;
        server.ended_with(0)?;
        capture
            .wait_until(|datagrams| datagrams.iter().any(|datagram| datagram.header().2 == capture::END_OF_SESSION))?;
        let datagrams = capture.stop();
        let answers: Vec<(u64, u16)> =
            datagrams.iter().filter(|d| d.from == retransmission).map(|d| (d.header().1, d.header().2)).collect();
        if answers.iter().any(|(sequence, _)| *sequence != 2) || answers[0].1 != 1 || answers[1].1 != 5 {
            return Err(format!("answers (sequence number, count) are not as asked for: {answers:?}"));
        }
        let published = dissect::check(&self.folder, &datagrams)?;
        println!("interop: {published} datagrams of the feed, none malformed to tshark");
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A folder for temporary files is cleaned by the system if not by us.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn last_word(line: &str) -> String {
    line.rsplit(' ').next().unwrap_or_default().to_owned()
}
