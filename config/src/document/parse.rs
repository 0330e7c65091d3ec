//! Parsing of a text into its typed form, with every mistake found.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use toml::de::DeTable;

use super::checked::{Document, Locations};
use super::comparison::Walk;
use crate::errors::{ConfigErrors, ErrorKind, Found, Lines, Source};
use crate::shown::SECRET;

/// Parses `text` as the TOML form of `T`; `check` adds the rules that the schema of `T` cannot express. `name` is the
/// file's name in messages.
///
/// # Errors
/// Every mistake found, in the order of the file: either all syntax errors, or all deviations from the schema and all
/// mistakes that `check` reported.
pub fn parse<T: DeserializeOwned + JsonSchema>(
    name: &str,
    text: &str,
    check: impl FnOnce(&mut Document),
) -> Result<(T, Locations), ConfigErrors> {
    let mut source = Source { name: name.to_owned(), lines: Lines::new(text) };
    let (tree, syntax_errors) = DeTable::parse_recoverable(text);
    let schema = schemars::schema_for!(T).to_value();
    let keys = keys_of(&schema);
    let has_secrets = keys.contains(SECRET);
    if !syntax_errors.is_empty() {
        if has_secrets {
            source.lines.show_behind(|key| keys.contains(key));
        }
        return Err(ConfigErrors::new(&source, syntax_errors.iter().map(|error| syntax_error(text, error)).collect()));
    }

    let mut document = Document::default();
    let value = Walk { schema: &schema, document: &mut document }.table(&schema, "", 0..0, tree.get_ref());
    document.value = Value::Object(value);
    check(&mut document);

    if document.errors.is_empty() {
        match serde_json::from_value(document.value.take()) {
            Ok(typed) => return Ok((typed, Locations::new(&source.lines, &document.spans))),
            // The schema and the types disagree: a defect of this crate, but still an error and not a panic.
            Err(error) => document.errors.push(Found {
                kind: ErrorKind::InvalidValue,
                span: 0..0,
                message: format!("the file does not fit its own schema: {error}"),
                label: String::new(),
                help: "this is a defect of corelane-config; please report it with the file".into(),
            }),
        }
    }
    if has_secrets {
        document.secrets.iter().for_each(|secret| source.lines.hide(secret));
    }
    Err(ConfigErrors::new(&source, document.errors))
}

/// The keys of all tables of a schema.
fn keys_of(schema: &Value) -> HashSet<&str> {
    let mut keys = HashSet::new();
    let mut rest = vec![schema];
    while let Some(value) = rest.pop() {
        let properties = value.get("properties").and_then(Value::as_object);
        keys.extend(properties.into_iter().flat_map(Map::keys).map(String::as_str));
        rest.extend(value.as_object().into_iter().flat_map(Map::values));
        rest.extend(value.as_array().into_iter().flatten());
    }
    keys
}

fn syntax_error(text: &str, error: &toml::de::Error) -> Found {
    let span = error.span().unwrap_or(0..0);
    Found {
        kind: ErrorKind::Syntax,
        // An error between two characters is shown at the second one.
        span: if span.is_empty() { span.start..text.ceil_char_boundary(span.start + 1).min(text.len()) } else { span },
        message: error.message().trim().replace('\n', ", "),
        label: "here".into(),
        help: "correct the TOML syntax (https://toml.io); other checks follow once it parses".into(),
    }
}
