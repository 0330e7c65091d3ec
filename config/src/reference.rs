//! Generated descriptions: the JSON schema for editors and the reference page for readers.

use std::fmt::Write as _;

use schemars::transform::{RecursiveTransform, Transform};
use schemars::{Schema, schema_for};
use serde_json::Value;

use crate::Config;
use crate::expectation::Alternatives;

impl Config {
    /// The JSON schema of a topology, the content of `config/venue.schema.json`.
    pub fn json_schema() -> Schema {
        let mut schema = schema_for!(Config);
        RecursiveTransform(without_null).transform(&mut schema);
        schema
    }

    /// The reference of every key in Markdown, the content of `config/REFERENCE.md`.
    #[must_use]
    pub fn reference_markdown() -> String {
        let schema = Config::json_schema().to_value();
        let mut page = String::from(
            "# Topology reference\n\n\
             Every key of a topology file, generated from the schema. `corelane check FILE` reports every mistake in a \
             file; an editor that knows TOML schemas completes from `venue.schema.json`.\n",
        );
        section(&schema, "", &schema, &mut page);
        page
    }
}

/// Removes null from types and defaults: TOML has no null, an optional key is left out.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            object.insert("type".into(), one);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
        if let [Value::Object(one)] = choices.as_slice() {
            let one = one.clone();
            object.remove("anyOf");
            object.extend(one);
        }
    }
}

/// Writes the keys of one section as a table, then its subsections.
fn section(root: &Value, path: &str, schema: &Value, page: &mut String) {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    let required: Vec<&Value> = schema.get("required").and_then(Value::as_array).into_iter().flatten().collect();
    let mut subsections = Vec::new();
    let mut rows = String::new();
    for (name, property) in properties {
        let alternatives = Alternatives::of(root, property);
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if let Some(header) = alternatives.section_header(&path) {
            subsections.push((path, header, property));
            continue;
        }
        let default = match property.get("default") {
            Some(default) => format!("`{default}`"),
            None if required.iter().any(|key| *key == name) => "required".into(),
            None => "none".into(),
        };
        let description = alternatives.explanation(property);
        // Writing to a String cannot fail.
        let _ = writeln!(rows, "| `{name}` | {} | {default} | {description} |", alternatives.description());
    }
    if !rows.is_empty() {
        let _ = write!(page, "\n| Key | Value | Default | Meaning |\n|---|---|---|---|\n{rows}");
    }
    for (path, header, property) in subsections {
        let body = Alternatives::of(root, property).section_body(root).unwrap_or(property);
        let _ = write!(page, "\n## `{header}`\n\n{}\n", paragraphs(property));
        section(root, &path, body, page);
    }
}

fn paragraphs(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let joined = text.split("\n\n").map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    joined.collect::<Vec<_>>().join("\n\n")
}

fn one_line(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Alternatives<'_> {
    /// The meaning of a key and of each of its documented words.
    fn explanation(&self, property: &Value) -> String {
        let mut text = one_line(property);
        for schema in self.schemas() {
            if let (Some(word), meaning) = (schema.get("const"), one_line(schema))
                && !meaning.is_empty()
            {
                let _ = write!(text, "<br>`{word}`: {meaning}");
            }
        }
        text
    }
}
