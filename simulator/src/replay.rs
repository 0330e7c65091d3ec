//! A run as a text that repeats it: one fact per line, such as `seed 5` or `fault link.late 281474976710657`.

use std::{fmt::Write, path::PathBuf};

use corelane_runtime::simulation::FaultName;

use crate::{Kind, Profile, Spec};

/// A run to be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The topology, if it is not the built-in one.
    pub topology: Option<PathBuf>,
    /// What decides every choice.
    pub seed: u64,
    /// Requests that clients send before the end.
    pub requests: u64,
    /// The faults that could happen.
    pub profile: Profile,
    /// If given, only these of the faults happen.
    pub only: Option<Vec<FaultName>>,
    /// Clients that are left out, by their places in the configuration from 0.
    pub without_clients: Vec<usize>,
    /// Kinds of request that are left out.
    pub without_kinds: Vec<Kind>,
}

impl Replay {
    /// The replay of a run.
    #[must_use]
    pub fn of(spec: &Spec, topology: Option<PathBuf>) -> Replay {
        Replay {
            topology,
            seed: spec.seed,
            requests: spec.requests,
            profile: spec.profile,
            only: spec.only.clone(),
            without_clients: spec.without_clients.clone(),
            without_kinds: spec.without_kinds.clone(),
        }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |word: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(text, "{word} {value}");
        };
        if let Some(topology) = &self.topology {
            line("topology", &topology.display());
        }
        line("seed", &self.seed);
        line("requests", &self.requests);
        line("faults", &self.profile);
        self.without_clients.iter().for_each(|client| line("without-client", client));
        self.without_kinds.iter().for_each(|kind| line("without-kind", kind));
        if let Some(only) = &self.only {
            line("only", &only.len());
            only.iter().for_each(|(source, key)| line("fault", &format_args!("{source} {key}")));
        }
        text
    }

    /// Reads the text.
    ///
    /// # Errors
    /// The line that cannot be read.
    pub fn parse(text: &str) -> Result<Replay, String> {
        let mut replay = Replay {
            topology: None,
            seed: 1,
            requests: 0,
            profile: Profile::None,
            only: None,
            without_clients: Vec::new(),
            without_kinds: Vec::new(),
        };
        for (number, line) in (1..).zip(text.lines()) {
            let (word, value) = line.split_once(' ').unwrap_or((line, ""));
            let done = replay.read(word, value);
            done.map_err(|why| format!("line {number}, {line:?}: {why}"))?;
        }
        // Such as an empty file, which would pass for a run without a broken rule.
        if replay.requests == 0 {
            return Err("it has no line `requests N` of 1 or more".to_owned());
        }
        Ok(replay)
    }

    fn read(&mut self, word: &str, value: &str) -> Result<(), String> {
        let number = || value.parse().map_err(|_| "not a number".to_owned());
        match word {
            "topology" => self.topology = Some(value.into()),
            "seed" => self.seed = number()?,
            "requests" => self.requests = number()?,
            "faults" => self.profile = value.parse()?,
            "without-client" => self.without_clients.push(number()? as usize),
            "without-kind" => self.without_kinds.push(value.parse()?),
            "only" => self.only = Some(Vec::new()),
            "fault" => {
                let (source, key) = value.split_once(' ').ok_or("a fault has a source and a key")?;
                let key = key.parse().map_err(|_| "the key is no number")?;
                self.only.get_or_insert_default().push((source.to_owned(), key));
            }
            _ => return Err("no such word".to_owned()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_is_read_as_it_was_written() {
        let replay = Replay {
            topology: Some("config/a venue.toml".into()),
            seed: u64::MAX,
            requests: 12,
            profile: Profile::All,
            only: Some(vec![("link.late".to_owned(), 7), ("line.lost".to_owned(), u64::MAX)]),
            without_clients: vec![3, 1],
            without_kinds: vec![Kind::MassCancel],
        };
        assert_eq!(Replay::parse(&replay.text()), Ok(replay.clone()));
        // No fault at all is not the same as all of them.
        let without = Replay { only: Some(Vec::new()), ..replay };
        assert_eq!(Replay::parse(&without.text()), Ok(without));
        assert!(["", "seed 1\nfaults all", "requests 0"].iter().all(|text| Replay::parse(text).is_err()));
        let wrong = ["seed x", "fault link.late", "faults some", "nothing 1"];
        assert!(wrong.iter().all(|line| Replay::parse(line).unwrap_err().contains("line 1")));
    }
}
