//! Keys of the configuration in texts are in `config/venue.schema.json`.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Tables of other files that texts may name.
const OTHER_TABLES: [&str; 7] =
    ["dependencies", "dev-dependencies", "features", "workspace", "workspace.lints", "lints", "profile.release"];

/// The paths of all sections and keys, such as `feeds.in.line_b` and `net.connections_max`.
pub(super) struct Keys {
    paths: BTreeSet<String>,
}

impl Keys {
    /// Reads the schema in `root`.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub(super) fn read(root: &Path) -> Result<Self, String> {
        let file = "config/venue.schema.json";
        let text = fs::read_to_string(root.join(file)).map_err(|e| format!("{file}: {e}"))?;
        let schema = serde_json::from_str(&text).map_err(|e| format!("{file}: {e}"))?;
        Ok(Self::of(&schema))
    }

    fn of(schema: &Value) -> Self {
        let mut paths = BTreeSet::new();
        add_paths(schema, schema, "", 0, &mut paths);
        Self { paths }
    }

    /// What is wrong with a span, if it is `[section]`, `[[section]]` or `section.key`.
    pub(super) fn check_span(&self, span: &str) -> Vec<String> {
        match section_in(span) {
            Some(section) => self.check_section(section),
            None => self.check_path(span),
        }
    }

    /// What is wrong with the sections that a comment names, and with the keys that it sets as an example.
    pub(super) fn check_comment(&self, comment: &str) -> Vec<String> {
        let starts = comment.match_indices('[').map(|(at, _)| at);
        let words = starts.filter_map(|at| comment[at..].find(']').map(|end| &comment[at..=at + end]));
        let sections = words.filter_map(section_in);
        let wrong = sections.flat_map(|section| self.check_section(section));
        let words: Vec<&str> = comment.split_whitespace().collect();
        let keys = words.windows(2).filter(|pair| pair[1] == "=" && is_name(pair[0]));
        wrong.chain(keys.flat_map(|pair| self.check_key(pair[0]))).collect()
    }

    /// What is wrong with a key in a table of keys.
    pub(super) fn check_key(&self, key: &str) -> Vec<String> {
        let is_known = self.paths.iter().any(|path| path == key || path.ends_with(&format!(".{key}")));
        if is_known { Vec::new() } else { vec![missing(key)] }
    }

    fn check_section(&self, section: &str) -> Vec<String> {
        let is_known = self.paths.contains(section) || OTHER_TABLES.contains(&section);
        if is_known { Vec::new() } else { vec![missing(&format!("[{section}]"))] }
    }

    fn check_path(&self, span: &str) -> Vec<String> {
        let Some((first, rest)) = span.split_once('.') else { return Vec::new() };
        let is_key = self.paths.contains(first) && rest.split('.').all(is_name);
        let is_file = ["rs", "toml", "md", "json", "schema.json"].contains(&rest);
        if !is_key || is_file || self.paths.contains(span) { Vec::new() } else { vec![missing(span)] }
    }
}

/// The section that `[section]` or `[[section]]` names.
fn section_in(span: &str) -> Option<&str> {
    let inner = span.strip_prefix('[')?.strip_suffix(']')?;
    let section = inner.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(inner);
    section.split('.').all(is_name).then_some(section)
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c))
}

fn missing(key: &str) -> String {
    format!("{key} is not in config/venue.schema.json: correct the key")
}

/// Deeper than any configuration; ends a schema that contains itself.
const DEPTH_MAX: usize = 12;

fn add_paths(root: &Value, schema: &Value, prefix: &str, depth: usize, paths: &mut BTreeSet<String>) {
    if depth > DEPTH_MAX {
        return;
    }
    if let Some(target) = schema["$ref"].as_str().and_then(|name| root.pointer(name.trim_start_matches('#'))) {
        add_paths(root, target, prefix, depth + 1, paths);
    }
    let alternatives = ["anyOf", "oneOf", "allOf"].iter().filter_map(|name| schema[name].as_array()).flatten();
    for inner in alternatives.chain(schema.get("items")) {
        add_paths(root, inner, prefix, depth + 1, paths);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        add_paths(root, property, &path, depth + 1, paths);
        paths.insert(path);
    }
}

#[cfg(test)]
mod tests {
    use super::Keys;
    use serde_json::json;

    #[test]
    fn sections_and_keys_are_in_the_schema() {
        let keys = Keys::of(&json!({
            "properties": {
                "net": { "$ref": "#/$defs/Net" },
                "shards": { "items": { "properties": { "cpu": {} } } },
                "feeds": { "anyOf": [{ "properties": { "in": {} } }, { "type": "null" }] },
            },
            "$defs": { "Net": { "properties": { "connections_max": {} } } },
        }));
        let good = ["[net]", "net.connections_max", "[[shards]]", "shards.cpu", "[feeds.in]", "[features]", "net.rs"];
        for span in good.into_iter().chain(["[NAME]", "self.net", "net", "[a, b]"]) {
            assert_eq!(keys.check_span(span), [""; 0], "{span}");
        }
        for span in ["[nets]", "net.connections", "[[feeds.out]]"] {
            assert_eq!(keys.check_span(span).len(), 1, "{span}");
        }
        assert_eq!(keys.check_comment("as [net] and [nett] say").len(), 1);
        assert_eq!(keys.check_comment("shard = { cpu = 1, cpus = 2 }").len(), 2);
        assert_eq!(keys.check_key("cpu"), [""; 0]);
        assert_eq!(keys.check_key("cpus").len(), 1);
    }
}
