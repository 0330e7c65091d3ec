#![no_main]

use corelane_config::{Config, ConfigErrors};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| match Config::parse("fuzzed.toml", text) {
    Ok(config) => assert_eq!(Config::parse("fuzzed.toml", text).ok(), Some(config), "the same text, the same topology"),
    Err(errors) => {
        assert!((1..=ConfigErrors::KEPT_MAX).contains(&errors.iter().len()));
        assert_eq!(errors.plain().lines().filter(|line| line.starts_with("fuzzed.toml")).count(), errors.iter().len());
    }
});
