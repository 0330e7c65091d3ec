//! `cargo xtask tidy`: the house rules that a machine can check. Each rule is a file of this folder and can be run by
//! its name.

mod circles;
mod dependencies;
mod fault_points;
mod finding;
mod kernel;
mod names;
mod readme;
mod sizes;
mod texts;

use finding::Finding;
use std::path::Path;

type Rule = fn(&Path) -> Result<Vec<Finding>, String>;

/// The rules by name, with what each demands.
const RULES: &[(&str, &str, Rule)] = &[
    ("circles", "the module files of a crate do not import each other in circles", circles::check),
    ("texts", "paths, tests, commands, flags and keys in texts exist", texts::check),
    ("readme", "the README's first actor is its example", readme::check),
    ("dependencies", "every dependency has its reason in docs/dependencies.md", dependencies::check),
    ("fault-points", "the list of the venue's fault points is that of the sources", fault_points::check),
    ("kernel", "texts name one kernel that is needed", kernel::check),
    ("names", "names are the field's words", names::check),
];

/// Runs the rules of these names, or all if none is given, and prints what they find.
///
/// # Errors
///
/// If a rule finds something, cannot read what it checks, or does not exist.
pub(crate) fn run(root: &Path, names: &[&str]) -> Result<(), String> {
    if let Some(unknown) = names.iter().find(|name| RULES.iter().all(|(rule, ..)| rule != *name)) {
        let rules: Vec<String> = RULES.iter().map(|(name, demand, _)| format!("  {name:<14}{demand}")).collect();
        return Err(format!("tidy has no rule {unknown:?}; the rules are:\n{}", rules.join("\n")));
    }
    let mut count = 0;
    for (name, demand, rule) in RULES.iter().filter(|(name, ..)| names.is_empty() || names.contains(name)) {
        let mut findings = rule(root)?;
        findings.sort();
        match findings.len() {
            0 => println!("tidy {name}: ok"),
            found => println!("tidy {name}: {found} found; the rule: {demand}"),
        }
        findings.iter().for_each(|finding| println!("{finding}"));
        count += findings.len();
    }
    if names.is_empty() {
        sizes::warnings(root)?.iter().for_each(|warning| println!("{warning}"));
    }
    match count {
        0 => Ok(()),
        1 => Err("tidy: 1 finding".into()),
        _ => Err(format!("tidy: {count} findings")),
    }
}
