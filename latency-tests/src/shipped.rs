//! Scenarios and profiles by name or by file, and `corelane-latency scenarios`.

use std::{path::Path, time::Duration};

use corelane_config::ConfigErrors;
use corelane_console::{Exit, Output, read_text};
use miette::miette;

use crate::{
    cli::ScenariosArgs,
    measure::estimate::{self, words},
    profile::Profile,
    report::table::Table,
    scenario::Scenario,
};

/// The text of a shipped one, or of a file.
///
/// # Errors
/// If there is neither.
pub fn text(name: &str, shipped: &[(&str, &str)], what: &str) -> miette::Result<String> {
    if let Some((_, text)) = shipped.iter().find(|(known, _)| *known == name) {
        return Ok((*text).to_owned());
    }
    if !name.ends_with(".toml") {
        let known: Vec<&str> = shipped.iter().map(|(known, _)| *known).collect();
        return Err(miette!(
            help = format!("shipped are {}; a file of your own ends in .toml", known.join(", ")),
            "there is no {what} {name:?}"
        ));
    }
    read_text(Path::new(name)).map_err(|error| {
        let help = "name a file that is there and that this user may read; `corelane-latency scenarios` lists what is \
                    shipped";
        miette!(help = help, "cannot read the {what} {name}: {error}")
    })
}

/// The name of a shipped one, or of a file without folder and extension.
pub fn stem(name: &str) -> &str {
    Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or(name)
}

/// Lists all, or prints one.
///
/// # Errors
/// If there is none of that name.
pub fn list(args: &ScenariosArgs, out: &mut Output) -> miette::Result<Exit> {
    if let Some(name) = &args.name {
        let all = [&Scenario::SHIPPED[..], &Profile::SHIPPED[..]].concat();
        out.say(text(name, &all, "scenario or profile")?.trim_end_matches('\n'))?;
        return Ok(Exit::Done);
    }
    out.say("scenarios (run --scenario NAME; scenarios NAME prints one to start your own from)")?;
    for (name, text) in Scenario::SHIPPED {
        out.say(format_args!("  {name:<16} {}", Scenario::parse(name, text)?.summary))?;
    }
    out.say("profiles (run --profile NAME)")?;
    for (name, text) in Profile::SHIPPED {
        out.say(format_args!("  {name:<16} {}", Profile::parse(name, text)?.summary))?;
    }
    let peers = cfg!(feature = "peers");
    out.say(format_args!("how long they take, about, {} the feature peers", if peers { "with" } else { "without" }))?;
    let mut lengths = Table::new(["scenario"].into_iter().chain(Profile::SHIPPED.map(|(name, _)| name)), 1);
    for Lengths { scenario, by_profile } in lengths_of_all(peers)? {
        lengths.add([scenario].into_iter().chain(by_profile));
    }
    out.say(lengths)?;
    Ok(Exit::Done)
}

/// How long a scenario takes in each profile of [`Profile::SHIPPED`], in words; empty where it is not in one.
struct Lengths {
    scenario: String,
    by_profile: [String; Profile::SHIPPED.len()],
}

/// Lengths of every scenario, of growth, and of each whole profile.
fn lengths_of_all(peers: bool) -> Result<Vec<Lengths>, ConfigErrors> {
    let mut profiles = Vec::new();
    for (name, text) in Profile::SHIPPED {
        profiles.push(Profile::parse(name, text)?);
    }
    let by_profile = |length: &dyn Fn(&Profile) -> Option<Duration>| {
        std::array::from_fn(|at| length(&profiles[at]).map_or_else(String::new, words))
    };
    let warmup = |profile: &Profile| Duration::from_millis(profile.warmup_ms);
    let mut scenarios = Vec::new();
    for (name, text) in Scenario::SHIPPED {
        scenarios.push((name, Scenario::parse(name, text)?));
    }
    let find = |name: &str| scenarios.iter().find(|(known, _)| *known == name).map(|(_, scenario)| scenario);
    let of_scenario = |(name, scenario): &(&str, Scenario)| Lengths {
        scenario: (*name).to_owned(),
        by_profile: by_profile(&|profile| {
            let entry = profile.scenarios.iter().find(|entry| entry.name == *name)?;
            Some(estimate::scenario(scenario, entry, warmup(profile), peers))
        }),
    };
    let growth = Lengths {
        scenario: "growth".to_owned(),
        by_profile: by_profile(&|profile| Some(estimate::growth(profile.scaling.as_ref()?, warmup(profile)))),
    };
    let all = Lengths {
        scenario: "all".to_owned(),
        by_profile: by_profile(&|profile| {
            let planned = profile.scenarios.iter().filter_map(|entry| Some((entry, find(&entry.name)?)));
            Some(estimate::all(profile, planned, true, peers))
        }),
    };
    Ok(scenarios.iter().map(of_scenario).chain([growth, all]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When it is meant to change: put there what is missing.
    #[test]
    fn the_readme_lists_every_scenario_with_its_lengths() {
        let readme = include_str!("../README.md");
        let header = format!("| scenario | {} | what it shows |", Profile::SHIPPED.map(|(name, _)| name).join(" | "));
        assert!(readme.contains(&header), "not in README.md: {header}");
        for Lengths { scenario, by_profile } in lengths_of_all(true).unwrap() {
            let shipped = Scenario::SHIPPED.into_iter().find(|(name, _)| *name == scenario);
            let summary = shipped.map(|(name, text)| Scenario::parse(name, text).unwrap().summary);
            // What is no scenario is described there alone.
            let end = summary.map_or_else(String::new, |summary| format!(" {summary} |"));
            let row = format!("| `{scenario}` | {} |{end}", by_profile.join(" | "));
            assert!(readme.contains(&row), "not in README.md: {row}");
        }
    }
}
