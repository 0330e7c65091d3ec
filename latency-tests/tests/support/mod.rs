//! A folder with a small run of the real venue: a few orders a second, in short rounds.

use std::{fs, path::PathBuf};

const SCENARIO: &str = r#"
summary = "a few orders"
kind = "order_ack"
category = "execution_latency"
sessions = 1
rates_per_s = [200]
"#;

/// A folder of the test's own, removed with it.
pub(crate) struct Folder(pub PathBuf);

impl Folder {
    /// With a profile of one scenario, `tiny`.
    pub(crate) fn with_a_profile(name: &str, rounds: u32, round_ms: u32) -> Folder {
        let path = std::env::temp_dir().join(format!("corelane-latency-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let profile = format!(
            "summary = \"short rounds\"\njitter_ms = 10\nwarmup_ms = 50\ninterval_ms = 100\n\
             [[scenarios]]\nname = \"tiny.toml\"\nrounds = {rounds}\nround_ms = {round_ms}\n"
        );
        fs::write(path.join("profile.toml"), profile).unwrap();
        fs::write(path.join("tiny.toml"), SCENARIO).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
