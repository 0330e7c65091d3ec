//! Every shipped topology is valid, and the files generated from the schema are up to date.
//!
//! `UPDATE_GENERATED=1 cargo test -p corelane-config` rewrites the generated files.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use corelane_config::{Config, Cpu, Idle, VENUE_TOML};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_shipped_topology_is_valid() {
    let mut count = 0;
    for entry in fs::read_dir(folder()).expect("the crate's folder") {
        let path = entry.expect("an entry").path();
        let is_topology = path.extension().is_some_and(|extension| extension == "toml")
            && path.file_name().is_some_and(|name| name != "Cargo.toml");
        if is_topology {
            count += 1;
            let text = fs::read_to_string(&path).expect("a readable file");
            assert!(text.starts_with("#:schema ./venue.schema.json\n"), "{} names no schema", path.display());
            if let Err(errors) = Config::load(&path) {
                panic!("{}", errors.plain());
            }
        }
    }
    assert!(count >= 2, "found {count} topologies");
}

#[test]
fn the_embedded_venue_is_the_documented_demo() {
    let config = Config::parse("venue.toml", VENUE_TOML).expect("the shipped venue");
    assert_eq!(config.ports.len(), 8);
    assert!(config.ports.iter().all(|port| port.password.expose() == "corelane"));
    let members = config.members();
    let of_port = |port: usize| {
        let account = &members.accounts[members.account_of_port[port]];
        (account.name.as_str(), members.firms[account.firm].name.as_str())
    };
    assert_eq!((of_port(0), of_port(1)), (("HOUSE", "CORE"), ("DEMO02", "DEMO02")));
    assert_eq!((members.accounts.len(), members.firms.len()), (8, 8));
    assert_eq!(config.instruments.len(), 11);
    assert_eq!((config.shards[0].cpu, config.shards[0].idle), (Cpu::Auto, Idle::Auto));
    assert_eq!(config.risk.collar_percent.parts_per_million(), 100_000);
    let line = VENUE_TOML.lines().position(|line| line.starts_with("collar_percent")).map(|index| index + 1);
    assert_eq!(config.locate("risk.collar_percent"), line.map(|line| (line, 1)));
    assert_eq!(config.locate("order_entry.allow_ephemeral_port"), None);
}

/// venue.toml spells out every default of these sections, so none of them may differ from the schema's.
#[test]
fn the_shipped_venue_states_the_defaults() {
    let stated = Config::parse("venue.toml", VENUE_TOML).expect("the shipped venue");
    let mut section = String::new();
    let bare: Vec<&str> = VENUE_TOML
        .lines()
        .filter(|line| {
            if line.starts_with('[') {
                section = (*line).to_owned();
            }
            !["[edges]", "[net]", "[matching]"].contains(&section.as_str())
        })
        .collect();
    let defaulted = Config::parse("bare.toml", &bare.join("\n")).expect("sections with defaults may be absent");
    assert_eq!((stated.edges, stated.net, stated.matching), (defaulted.edges, defaulted.net, defaulted.matching));
}

#[test]
fn generated_files_are_up_to_date() {
    let mut schema = serde_json::to_string_pretty(&Config::json_schema()).expect("a schema is JSON");
    schema.push('\n');
    for (name, generated) in [("venue.schema.json", schema), ("REFERENCE.md", Config::reference_markdown())] {
        let path = folder().join(name);
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            fs::write(&path, &generated).expect("a writable file");
        }
        let shipped = fs::read_to_string(&path).unwrap_or_default();
        assert!(shipped == generated, "{name} is out of date: run UPDATE_GENERATED=1 cargo test -p corelane-config");
    }
}

#[test]
fn every_key_is_described() {
    fn undescribed(path: &str, schema: &serde_json::Value, found: &mut HashSet<String>) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if property["description"].as_str().is_none_or(str::is_empty) {
                found.insert(format!("{path}.{name}"));
            }
        }
    }
    let schema = Config::json_schema().to_value();
    let mut found = HashSet::new();
    undescribed("", &schema, &mut found);
    for (name, definition) in schema["$defs"].as_object().expect("definitions") {
        undescribed(name, definition, &mut found);
    }
    assert_eq!(found, HashSet::new());
}

#[test]
fn the_four_cpu_venue_gives_each_role_a_shard_of_its_own() {
    let config = Config::load(folder().join("venue-4cpu.toml")).expect("the shipped venue");
    let shards: Vec<_> = config.shards.iter().map(|shard| (shard.name.as_str(), shard.cpu, shard.idle)).collect();
    assert_eq!(
        shards,
        [("ingress", Cpu::Auto, Idle::Auto), ("core", Cpu::Auto, Idle::Auto), ("publisher", Cpu::Auto, Idle::Park),]
    );
    let placement = &config.placement;
    assert_eq!((&*placement.ingress, &*placement.core, &*placement.publisher), ("ingress", "core", "publisher"));
    assert_eq!(placement.housekeeping_cpu, Cpu::Auto);
}
