//! Commands in texts: their subcommands, flags, packages and targets exist.

use super::command_line::CommandLine;
use crate::tasks::TASKS;
use crate::workspace::{self, Package};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use syn::{Expr, ExprLit, ExprReference, Item, Lit};

/// Our programs, and where their command lines are defined.
const PROGRAMS: [(&str, &str, &str); 2] =
    [("corelane", "corelane", "server/src"), ("corelane-latency", "corelane-latency-tests", "latency-tests/src")];

/// The subcommands of cargo that texts may name.
const CARGO: [&str; 13] =
    ["add", "bench", "build", "check", "clippy", "deny", "doc", "fmt", "fuzz", "install", "metadata", "run", "test"];

/// Flags of other programs, of cargo above all, that texts name by themselves.
const FLAGS_OF_OTHERS: [&str; 13] = [
    "release",
    "workspace",
    "features",
    "locked",
    "package",
    "example",
    "bench",
    "test",
    "profile",
    "all-targets",
    "cfg",
    "no-inline",
    "output-format",
];

/// Commands, packages and targets that texts may name.
pub(super) struct Commands {
    programs: BTreeMap<String, CommandLine>,
    packages: Vec<Package>,
    /// Names of shipped scenarios and profiles, by flag.
    shipped: BTreeMap<String, BTreeSet<String>>,
    /// The steps of `cargo xtask ci` and the rules of `cargo xtask tidy`, by task.
    parts: BTreeMap<String, BTreeSet<String>>,
}

impl Commands {
    /// Reads manifests, command lines, and the folders of what is shipped.
    ///
    /// # Errors
    ///
    /// If one of them cannot be read.
    pub(super) fn read(root: &Path) -> Result<Self, String> {
        let packages = [workspace::packages(root)?, workspace::fuzz_packages(root)?].concat();
        let files = workspace::tree(root)?;
        let mut programs = BTreeMap::new();
        for (program, _, folder) in PROGRAMS {
            let sources =
                files.iter().filter(|file| file.starts_with(folder) && file.extension().is_some_and(|e| e == "rs"));
            let sources = sources.map(|file| fs::read_to_string(root.join(file)).unwrap_or_default());
            let sources: Vec<String> = sources.filter(|source| source.contains("clap")).collect();
            programs.insert(program.to_owned(), CommandLine::read(&sources).map_err(|e| format!("{folder}: {e}"))?);
        }
        let shipped = [("scenario", "latency-tests/scenarios"), ("profile", "latency-tests/profiles")];
        let shipped = shipped.map(|(flag, folder)| {
            let names = files.iter().filter(|file| file.parent() == Some(Path::new(folder)));
            let names = names.filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned()));
            (flag.to_owned(), names.collect())
        });
        let mut parts = BTreeMap::new();
        for (task, file, table) in [("ci", "xtask/src/ci.rs", "STEPS"), ("tidy", "xtask/src/tidy/mod.rs", "RULES")] {
            let source = fs::read_to_string(root.join(file)).map_err(|e| format!("{file}: {e}"))?;
            parts.insert(task.to_owned(), first_cells(&source, table).ok_or_else(|| format!("{file}: no {table}"))?);
        }
        Ok(Self { programs, packages, shipped: shipped.into(), parts })
    }

    /// What is wrong with the commands in a line, if there are any.
    pub(super) fn check(&self, line: &str) -> Vec<String> {
        let words = line.split_whitespace().take_while(|word| !word.starts_with('#'));
        let words: Vec<&str> = words.map(|word| word.trim_matches(['[', ']', '"', '\'', '(', ')'])).collect();
        let commands = words.split(|word| ["|", ";", "&&", "||", ">"].contains(word) || word.starts_with('>'));
        commands.flat_map(|command| self.check_command(command)).collect()
    }

    fn check_command(&self, words: &[&str]) -> Vec<String> {
        let Some(start) = words.iter().position(|word| !word.contains('=') || word.starts_with('-')) else {
            return Vec::new();
        };
        let (program, rest) = (words[start], &words[start + 1..]);
        match program.rsplit('/').next().unwrap_or_default() {
            "cargo" => self.check_cargo(rest),
            name if self.programs.contains_key(name) => self.check_program(name, rest),
            name => match name.strip_prefix("--") {
                Some(flag) if words.len() <= 2 && !flag.is_empty() => self.check_flag_alone(flag),
                _ => Vec::new(),
            },
        }
    }

    fn check_program(&self, program: &str, words: &[&str]) -> Vec<String> {
        let mut line = &self.programs[program];
        let mut command = program.to_owned();
        let mut wrong = Vec::new();
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            if let Some(flag) = word.strip_prefix("--") {
                let flag = flag.split('=').next().unwrap_or_default();
                if !line.flags.contains(flag) {
                    wrong.push(format!("`{command}` has no flag --{flag}: see `{command} --help`"));
                }
                let value = words.peek().filter(|value| is_plain(value));
                if let (Some(names), Some(value)) = (self.shipped.get(flag), value)
                    && !names.contains(**value)
                {
                    wrong.push(format!("no {flag} {value} is shipped: see `corelane-latency scenarios`"));
                }
            } else if !line.subcommands.is_empty() {
                match line.subcommands.get(*word) {
                    Some(subcommand) => line = subcommand,
                    None if is_plain(word) => {
                        wrong.push(format!("`{command}` has no subcommand {word}: see `{command} --help`"));
                        return wrong;
                    }
                    None => return wrong,
                }
                command = format!("{command} {word}");
            }
        }
        wrong
    }

    fn check_cargo(&self, words: &[&str]) -> Vec<String> {
        let words = match words {
            [toolchain, rest @ ..] if toolchain.starts_with('+') => rest,
            _ => words,
        };
        if let ["xtask", rest @ ..] = words {
            return self.check_task(rest);
        }
        if let Some(unknown) = words.first().filter(|word| is_plain(word) && !CARGO.contains(word)) {
            return vec![format!("cargo has no {unknown}, as far as tidy knows: correct it, or add it to CARGO")];
        }
        let split = words.iter().position(|word| *word == "--").unwrap_or(words.len());
        let (cargo, program) = (&words[..split], words.get(split + 1..).unwrap_or_default());
        let mut wrong = Vec::new();
        let mut packages: Vec<&Package> = self.packages.iter().collect();
        for name in values_of(cargo, &["-p", "--package"]) {
            packages = self.packages.iter().filter(|package| package.name == name).collect();
            if packages.is_empty() {
                wrong.push(format!("no package {name}: see the members in Cargo.toml"));
                return wrong;
            }
        }
        for kind in ["example", "bench", "test", "bin"] {
            for name in values_of(cargo, &[&format!("--{kind}")]) {
                if !packages.iter().any(|package| package.targets_of(kind).any(|target| target == name)) {
                    wrong.push(format!("no {kind} {name}: correct the name, or give its package by -p"));
                }
            }
        }
        for feature in values_of(cargo, &["--features"]).flat_map(|features| features.split(',')) {
            if is_plain(feature) && !packages.iter().any(|package| package.features.contains_key(feature)) {
                wrong.push(format!("no feature {feature}: see [features] of the package"));
            }
        }
        if cargo.first() == Some(&"run") && values_of(cargo, &["--example", "--bin"]).next().is_none() {
            let package = values_of(cargo, &["-p", "--package"]).next();
            let run = PROGRAMS.iter().find(|(_, of, _)| package.is_none_or(|package| package == *of));
            wrong.extend(run.into_iter().flat_map(|(name, ..)| self.check_program(name, program)));
        }
        wrong
    }

    fn check_task(&self, words: &[&str]) -> Vec<String> {
        let [task, rest @ ..] = words else { return Vec::new() };
        if is_plain(task) && TASKS.iter().all(|(name, ..)| name != task) {
            return vec![format!("no task {task}: see `cargo xtask`")];
        }
        let Some(parts) = self.parts.get(*task) else { return Vec::new() };
        let unknown = rest.iter().filter(|part| is_plain(part) && !parts.contains(**part));
        unknown.map(|part| format!("`cargo xtask {task}` has no {part}: correct it")).collect()
    }

    fn check_flag_alone(&self, flag: &str) -> Vec<String> {
        let flag = flag.split('=').next().unwrap_or_default();
        let is_known = FLAGS_OF_OTHERS.contains(&flag) || self.programs.values().any(|line| has_flag(line, flag));
        if is_known { Vec::new() } else { vec![format!("no program of ours has a flag --{flag}: correct it")] }
    }
}

/// The first cell of each row of a constant table of tuples.
fn first_cells(source: &str, table: &str) -> Option<BTreeSet<String>> {
    let file = syn::parse_file(source).ok()?;
    let table = file.items.iter().find_map(|item| match item {
        Item::Const(item) if item.ident == table => Some(&*item.expr),
        _ => None,
    })?;
    let Expr::Reference(ExprReference { expr, .. }) = table else { return None };
    let Expr::Array(rows) = &**expr else { return None };
    let cell = |row: &Expr| match row {
        Expr::Tuple(row) => match row.elems.first() {
            Some(Expr::Lit(ExprLit { lit: Lit::Str(cell), .. })) => Some(cell.value()),
            _ => None,
        },
        _ => None,
    };
    rows.elems.iter().map(cell).collect()
}

fn has_flag(line: &CommandLine, flag: &str) -> bool {
    line.flags.contains(flag) || line.subcommands.values().any(|line| has_flag(line, flag))
}

/// The words that follow one of these flags.
fn values_of<'a>(words: &'a [&'a str], flags: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let pairs = words.windows(2).filter(move |pair| flags.contains(&pair[0]));
    pairs.map(|pair| pair[1]).filter(|value| is_plain(value))
}

/// Whether a word is a name, and not a placeholder such as `CRATE`, a path, or an ellipsis.
fn is_plain(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
}

#[cfg(test)]
mod tests;
