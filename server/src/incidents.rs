//! `corelane incidents`: lists the records of failures that a venue has kept, or shows one.

use std::{
    io,
    path::{Path, PathBuf},
};

use corelane_config::Config;
use corelane_console::{Exit, Output, Table};
use corelane_venue::{IncidentDirectory, IncidentRecord};
use miette::{Report, miette};

use crate::cli::IncidentsArgs;

/// Lists the records, or shows the one that the arguments name.
///
/// # Errors
/// There is no such record, or they cannot be read. Records that are damaged are listed, and end with [`Exit::Damaged`].
pub(crate) fn incidents(args: &IncidentsArgs, out: &mut Output) -> miette::Result<Exit> {
    let path = match &args.dir {
        Some(path) => path.clone(),
        None => incidents_directory(&args.topology, &load(&args.topology)?).ok_or_else(|| {
            miette!(
                help = "add [incidents] with a directory to the topology, or name the directory with --dir",
                "{}: this venue keeps no records of failures",
                args.topology.display()
            )
        })?,
    };
    let directory = IncidentDirectory::new(&path);
    match args.id {
        Some(id) => show(&directory, id, &path, out),
        None => list(&directory, &path, args.dir.is_some(), out),
    }
}

fn load(topology: &Path) -> miette::Result<Config> {
    Config::load(topology).map_err(|errors| {
        Report::new(errors).wrap_err("the topology names no directory; with --dir DIR, records are read without it")
    })
}

/// The directory of the records; a relative one begins at the folder of the topology.
pub(crate) fn incidents_directory(topology: &Path, config: &Config) -> Option<PathBuf> {
    let folder = topology.parent().unwrap_or(Path::new(""));
    config.incidents.as_ref().map(|incidents| folder.join(&incidents.directory))
}

fn show(directory: &IncidentDirectory, id: u64, path: &Path, out: &mut Output) -> miette::Result<Exit> {
    let text = directory.text(id).map_err(|error| {
        miette!(
            help = "`corelane incidents` lists those that are kept",
            "no record {id} can be read in {}: {error}",
            path.display()
        )
    })?;
    out.say(text.trim_end())?;
    Ok(Exit::Done)
}

fn list(directory: &IncidentDirectory, path: &Path, is_named: bool, out: &mut Output) -> miette::Result<Exit> {
    let stored = match directory.list() {
        // It is made for the first record.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_named => Vec::new(),
        stored => stored.map_err(|error| {
            miette!(help = "name the directory with --dir", "{} cannot be read: {error}", path.display())
        })?,
    };
    if stored.is_empty() {
        out.say(format_args!("no incidents in {}", path.display()))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["ID", "time (UTC)", "what", "where", "decision"], 1);
    let mut damaged = Vec::new();
    for incident in stored {
        match incident.record {
            Ok(record) => table.add(row(incident.id, record)),
            Err(problem) => damaged.push(format!("record {} cannot be read: {problem}", incident.id)),
        }
    }
    out.table(&table)?;
    if damaged.is_empty() {
        return Ok(Exit::Done);
    }
    Ok(out.damaged(&miette!(help = "they were changed by somebody else: delete them", "{}", damaged.join("\n"))))
}

fn row(id: u64, record: IncidentRecord) -> [String; 5] {
    let place =
        [record.shard.map(|shard| format!("shard {shard}")), record.actor.map(|actor| format!("actor {actor}"))];
    let place: Vec<String> = place.into_iter().flatten().collect();
    let place = if place.is_empty() { "-".to_owned() } else { place.join(", ") };
    [id.to_string(), record.at, record.what, place, record.decision].map(|text| text.replace(char::is_control, "?"))
}
