//! Planted bugs: changes of the venue's source, each of which `corelane sim` must find.

use crate::{command::command, workspace};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A bug: a text that its file has once, and what stands there instead.
struct Bug {
    name: &'static str,
    file: &'static str,
    text: &'static str,
    planted: &'static str,
}

const BUGS: &[Bug] = &[
    Bug {
        name: "a cancelled order stays in its port's list",
        file: "actors/src/engine/matching/book.rs",
        text: "        self.by_port.remove(slot);\n    }",
        planted: "    }",
    },
    Bug {
        name: "a price without orders is not removed",
        file: "actors/src/engine/matching/book.rs",
        text: "        if let Some(list) = self.by_level.remove(slot) {",
        planted: "        if let Some(list) = self.by_level.remove(slot).filter(|_| slot % 2 == 0) {",
    },
    Bug {
        name: "an execution is told twice",
        file: "actors/src/engine/matching/mod.rs",
        text: "        out.event(taker, executed(Liquidity::Removed));",
        planted: "        out.event(taker, executed(Liquidity::Removed));\n        out.event(taker, executed(Liquidity::Removed));",
    },
    Bug {
        name: "a cancel is not on the tape",
        file: "actors/src/engine/matching/mod.rs",
        text: "        match self.books.reduce(slot.0, quantity) {\n            Quantity::ZERO => out.feed.deleted(locate, order_ref),",
        planted: "        match self.books.reduce(slot.0, quantity) {\n            Quantity::ZERO => {}",
    },
    Bug {
        name: "a kill switch of everyone leaves out the first port",
        file: "actors/src/engine/matching/mod.rs",
        text: "=> (0, self.owners.len()),",
        planted: "=> (1, self.owners.len()),",
    },
    Bug {
        name: "a modified order keeps its open shares",
        file: "actors/src/engine/order/mod.rs",
        text: "            Outcome::Modified { quantity } => {\n                order.leaves -= quantity;",
        planted: "            Outcome::Modified { quantity: _ } => {",
    },
    Bug {
        name: "a log-in gets a number again",
        file: "actors/src/session/log_in.rs",
        text: "            number => SequenceNumber(number),",
        planted: "            number => SequenceNumber(number.saturating_sub(1).max(1)),",
    },
    Bug {
        name: "a log-in keeps the generation of the last",
        file: "actors/src/session/log_in.rs",
        text: "        state.generation += 1;",
        planted: "        state.generation += u32::from(state.generation == 0);",
    },
    Bug {
        name: "a request is lost when the edge is full",
        file: "runtime/src/shard/cell/net_cell.rs",
        text: "            return Flow::Hold;",
        planted: "            return Flow::Taken;",
    },
    Bug {
        name: "a retransmission is off by one",
        file: "actors/src/publisher/retransmission.rs",
        text: "&self.kept[self.place(SequenceNumber(sequence))]",
        planted: "&self.kept[self.place(SequenceNumber(sequence + 1))]",
    },
    Bug {
        name: "a replace on the feed in loses the ticks of its price",
        file: "actors/src/market_data/book/apply.rs",
        text: "let (price, shares) = (replace.price.get().raw(), replace.shares.get());",
        planted: "let (price, shares) = (replace.price.get().raw() / 10_000 * 10_000, replace.shares.get());",
    },
    Bug {
        name: "room for a slow reader is not used",
        file: "actors/src/session/actor.rs",
        text: "LoggedIn(port), .. }) = self.connection(conn) {\n            self.flush(ctx, port);",
        planted: "LoggedIn(port), .. }) = self.connection(conn) {\n            let _ = (&ctx, port);",
    },
    Bug {
        name: "the credit of a mass cancel does not come back",
        file: "actors/src/session/order_tracker.rs",
        text: "            self.credit_max = self.in_flight_max;\n            self.mass_cancel = 0;",
        planted: "            self.mass_cancel = 0;",
    },
    Bug {
        name: "a bulkhead lets twice as many requests be in flight",
        file: "actors/src/session/bulkhead.rs",
        text: "if self.in_flight >= self.in_flight_max {",
        planted: "if self.in_flight / 2 >= self.in_flight_max {",
    },
    Bug {
        name: "a bulkhead takes no tokens",
        file: "actors/src/session/bulkhead.rs",
        text: "                tokens.take(rate);",
        planted: "                let _ = (&tokens, rate);",
    },
    Bug {
        name: "account and firm get no credit back",
        file: "actors/src/session/bulkhead.rs",
        text: "        for &id in compartments {\n            let in_flight",
        planted: "        for &id in compartments.iter().take(if after < before { 1 } else { usize::MAX }) {\n            let in_flight",
    },
    Bug {
        name: "a half-open breaker lets every order through",
        file: "venue/src/operator/breakers.rs",
        text: "BreakerState::Open | BreakerState::HalfOpen | BreakerState::ForcedOpen",
        planted: "BreakerState::Open | BreakerState::ForcedOpen",
    },
    Bug {
        name: "a breaker that is open lets orders through",
        file: "actors/src/session/admission.rs",
        text: "match gate.is_shut() {",
        planted: "match gate.is_shut() && compartments.len() > 2 {",
    },
    Bug {
        name: "no request is repeated when its answer is overdue",
        file: "actors/src/market_data/actor.rs",
        text: "        arbiter.on_time(now_ns, &mut building);\n        self.follow_up(ctx);\n",
        planted: "        arbiter.on_time(now_ns, &mut building);\n",
    },
    Bug {
        name: "the number of a match is used twice",
        file: "actors/src/engine/matching/mod.rs",
        text: "        self.last_match_number += 1;",
        planted: "        self.last_match_number += u64::from(!quantity.0.is_multiple_of(16));",
    },
];

/// How long a run with a bug may take until it is found.
const RUN_MAX: Duration = Duration::from_secs(300);
/// What must find each bug.
const RUNS: [&str; 5] = ["sim", "--seeds", "5", "--requests", "20000"];

/// Plants each bug whose name contains `filter` in a copy of the sources, and demands that the simulator finds it.
///
/// # Errors
///
/// If the copy does not build, or a bug is not found.
pub(crate) fn run(root: &Path, filter: &str) -> Result<(), String> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("planted");
    let copy = target.join("sources");
    copy_tree(root, &copy)?;
    let mut missed = 0;
    for bug in BUGS.iter().filter(|bug| bug.name.contains(filter)) {
        let (found, seconds) = try_bug(bug, &copy, &target)?;
        missed += usize::from(found.is_none());
        println!("{:<58} {seconds:>4} s  {}", bug.name, found.as_deref().unwrap_or("NOT FOUND"));
    }
    match missed {
        0 => Ok(()),
        _ => Err(format!("{missed} planted bugs were not found: give the simulator's oracle a rule that they break")),
    }
}

/// Builds and runs the copy with a bug in it; returns the rule that the run found broken, and how long both took.
fn try_bug(bug: &Bug, copy: &Path, target: &Path) -> Result<(Option<String>, u64), String> {
    let began = Instant::now();
    let file = copy.join(bug.file);
    let sound = read(&file)?;
    write(&file, &with_bug(bug, &sound)?)?;
    let built = command(copy, "cargo", ["build", "--quiet", "--package", "corelane", "--bin", "corelane"])
        .env("CARGO_TARGET_DIR", target)
        .status();
    write(&file, &sound)?;
    if !built.map_err(|e| format!("cannot run cargo: {e}"))?.success() {
        return Err(format!("{}: the sources with the bug {:?} do not build", bug.file, bug.name));
    }
    let binary = target.join("debug/corelane");
    let mut child = command(copy, &binary.to_string_lossy(), RUNS)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("{}: {e}", binary.display()))?;
    while child.try_wait().map_err(|e| e.to_string())?.is_none() {
        if began.elapsed() > RUN_MAX {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // The exit code of a run that breaks a rule.
    let found = (output.status.code() == Some(1)).then(|| said.lines().find(|line| line.contains("seed")));
    let found = found.map(|line| {
        line.unwrap_or("found, and no seed is named").trim_start_matches([' ', '│']).chars().take(100).collect()
    });
    Ok((found, began.elapsed().as_secs()))
}

/// The text of a bug's file with the bug in it.
fn with_bug(bug: &Bug, sound: &str) -> Result<String, String> {
    match sound.matches(bug.text).count() {
        1 => Ok(sound.replace(bug.text, bug.planted)),
        count => Err(format!("{}: the text of the bug {:?} is there {count} times, and not once", bug.file, bug.name)),
    }
}

/// Copies the repository's files; leaves alone what is the same, so that cargo builds only what has changed.
fn copy_tree(root: &Path, copy: &Path) -> Result<(), String> {
    for path in workspace::tree(root)? {
        let (from, to) = (root.join(&path), copy.join(&path));
        if from.is_dir() {
            fs::create_dir_all(&to).map_err(|e| format!("{}: {e}", to.display()))?;
        } else if fs::read(&to).ok() != Some(fs::read(&from).map_err(|e| format!("{}: {e}", from.display()))?) {
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
            }
            fs::copy(&from, &to).map_err(|e| format!("{}: {e}", from.display()))?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bug_can_be_planted() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for bug in BUGS {
            let sound = read(&root.join(bug.file)).unwrap();
            assert_ne!(with_bug(bug, &sound).unwrap(), sound, "{}", bug.name);
        }
    }
}
