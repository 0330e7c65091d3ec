//! A TOML text checked against a JSON schema: every deviation is reported with its place, not only the first.
//!
//! `toml` with `serde` stops at the first error and knows no ranges. Here the text is parsed into `toml`'s spanned
//! tree, which is compared with the schema that `schemars` derives from the Rust types. The same schema is what
//! editors complete from, so the three cannot disagree. What a schema cannot say (names that must exist, keys that
//! exclude each other) is checked afterwards, on whatever parts are sound, by the function given to [`parse`].

use std::collections::BTreeMap;
use std::ops::Range;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use toml::de::DeTable;

use crate::comparison::Walk;
use crate::errors::{ConfigErrors, ErrorKind, Found, Lines, Source};

/// Parses `text` as the TOML form of `T`; `check` adds what the schema of `T` cannot say. `name` is the file's name
/// in messages.
///
/// # Errors
/// Every mistake found, in the order of the file: either all syntax errors, or all deviations from the schema together
/// with all that `check` reported.
pub fn parse<T: DeserializeOwned + JsonSchema>(
    name: &str,
    text: &str,
    check: impl FnOnce(&mut Document),
) -> Result<(T, Locations), ConfigErrors> {
    let source = Source { name: name.to_owned(), lines: Lines::new(text) };
    let (tree, syntax_errors) = DeTable::parse_recoverable(text);
    if !syntax_errors.is_empty() {
        return Err(ConfigErrors::new(&source, syntax_errors.iter().map(|error| syntax_error(text, error)).collect()));
    }

    let schema = schemars::schema_for!(T).to_value();
    let mut document = Document::default();
    let value = Walk { schema: &schema, document: &mut document }.table(&schema, "", 0..0, tree.get_ref());
    document.value = Value::Object(value);
    check(&mut document);

    if document.errors.is_empty() {
        match serde_json::from_value(document.value.take()) {
            Ok(typed) => return Ok((typed, Locations::new(&source.lines, &document.spans))),
            // The schema and the types disagree: our mistake, but still an error and not a panic.
            Err(error) => document.errors.push(Found {
                kind: ErrorKind::InvalidValue,
                span: 0..0,
                message: format!("the file does not fit its own schema: {error}"),
                label: String::new(),
                help: "this is a defect of corelane-config; please report it with the file".into(),
            }),
        }
    }
    Err(ConfigErrors::new(&source, document.errors))
}

/// Where each key of a file stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locations(BTreeMap<String, (usize, usize)>);

impl Locations {
    fn new(lines: &Lines, spans: &BTreeMap<String, Spans>) -> Self {
        Self(spans.iter().map(|(path, spans)| (path.clone(), lines.locate(spans.key.start))).collect())
    }

    /// Line and column, from 1, of a key such as `risk.collar_percent` or `shards[1].cpu`; `None` if the file does
    /// not have it, so that its default is in force.
    pub fn get(&self, path: &str) -> Option<(usize, usize)> {
        self.0.get(path).copied()
    }
}

/// A checked text: the values that fit the schema, and the errors so far.
#[derive(Debug, Default)]
pub struct Document {
    value: Value,
    pub(crate) spans: BTreeMap<String, Spans>,
    pub(crate) errors: Vec<Found>,
}

/// Where a key and its value stand, in bytes.
#[derive(Debug)]
pub(crate) struct Spans {
    pub key: Range<usize>,
    pub value: Range<usize>,
}

impl Document {
    /// The section at a dotted path, with its defaults, if everything in it fits the schema.
    pub fn section<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        let value = self.value_at(path).cloned().unwrap_or_else(|| Value::Object(Map::new()));
        serde_json::from_value(value).ok()
    }

    /// The elements of an array of tables that fit the schema, each with its path.
    pub fn elements<T: DeserializeOwned>(&self, path: &str) -> Vec<(String, T)> {
        let elements = self.value_at(path).and_then(Value::as_array);
        let typed = |(index, value): (usize, &Value)| {
            let element = serde_json::from_value(value.clone()).ok()?;
            Some((format!("{path}[{index}]"), element))
        };
        elements.into_iter().flatten().enumerate().filter_map(typed).collect()
    }

    /// How many elements the array at a path has, sound or not.
    pub fn len(&self, path: &str) -> usize {
        self.value_at(path).and_then(Value::as_array).map_or(0, Vec::len)
    }

    /// Whether the file itself has this key.
    pub fn has(&self, path: &str) -> bool {
        self.spans.contains_key(path)
    }

    /// Reports values that contradict each other at the value of `path`, or where its section begins if the file
    /// leaves it to the default.
    pub fn conflict(&mut self, path: &str, message: String, label: &str, help: String) {
        let mut place = path;
        let span = loop {
            if let Some(spans) = self.spans.get(place) {
                break spans.value.clone();
            }
            match place.rfind(['.', '[']) {
                Some(end) => place = &place[..end],
                None => break 0..0,
            }
        };
        self.errors.push(Found { kind: ErrorKind::Conflict, span, message, label: label.to_owned(), help });
    }

    fn value_at(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(&self.value, |value, key| value.get(key))
    }
}

fn syntax_error(text: &str, error: &toml::de::Error) -> Found {
    let span = error.span().unwrap_or(0..0);
    Found {
        kind: ErrorKind::Syntax,
        // An error between two characters is shown at the one after it.
        span: if span.is_empty() { span.start..text.ceil_char_boundary(span.start + 1).min(text.len()) } else { span },
        message: error.message().trim().replace('\n', ", "),
        label: "here".into(),
        help: "correct the TOML syntax (https://toml.io); other checks follow once it parses".into(),
    }
}

/// The candidate nearest to a misspelt word, if it is near enough to be what was meant: a third of its letters
/// may differ.
pub fn closest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    candidates
        .map(|candidate| (strsim::osa_distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
