//! Scenarios and profiles by name or by file, and `corelane-latency scenarios`.

use std::{fs, path::Path};

use miette::{IntoDiagnostic, WrapErr, miette};

use crate::{cli::ScenariosArgs, profile::Profile, scenario::Scenario};

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
    fs::read_to_string(name).into_diagnostic().wrap_err_with(|| format!("cannot read the {what} {name}"))
}

/// The name of a shipped one, or of a file without folder and extension.
pub fn stem(name: &str) -> &str {
    Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or(name)
}

/// Lists all, or prints one.
///
/// # Errors
/// If there is none of that name.
pub fn list(args: &ScenariosArgs) -> miette::Result<()> {
    if let Some(name) = &args.name {
        let all = [&Scenario::SHIPPED[..], &Profile::SHIPPED[..]].concat();
        print!("{}", text(name, &all, "scenario or profile")?);
        return Ok(());
    }
    println!("scenarios (run --scenario NAME; scenarios NAME prints one to start your own from)");
    for (name, text) in Scenario::SHIPPED {
        println!("  {name:<16} {}", Scenario::parse(name, text)?.summary);
    }
    println!("profiles (run --profile NAME)");
    for (name, text) in Profile::SHIPPED {
        println!("  {name:<16} {}", Profile::parse(name, text)?.summary);
    }
    Ok(())
}
