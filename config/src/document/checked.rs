//! A text that was checked against a schema, and the places of its keys.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::errors::{ErrorKind, Found, Lines};

/// The place of each key in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locations(BTreeMap<String, (usize, usize)>);

impl Locations {
    pub(super) fn new(lines: &Lines, spans: &BTreeMap<String, Spans>) -> Self {
        Self(spans.iter().map(|(path, spans)| (path.clone(), lines.locate(spans.key.start))).collect())
    }

    /// The line and column, from 1, of a key such as `risk.collar_percent` or `shards[1].cpu`; `None` if the file lacks
    /// the key, so that its default applies.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<(usize, usize)> {
        self.0.get(path).copied()
    }
}

/// A checked text: the values that fit the schema, and the errors so far.
#[derive(Debug, Default)]
pub struct Document {
    pub(super) value: Value,
    pub(super) spans: BTreeMap<String, Spans>,
    pub(super) errors: Vec<Found>,
    /// Values that may be passwords.
    pub(super) secrets: Vec<Range<usize>>,
}

/// The places of a key and its value, in bytes.
#[derive(Debug)]
pub(super) struct Spans {
    pub key: Range<usize>,
    pub value: Range<usize>,
}

impl Document {
    /// The section at a dotted path, with its defaults, if everything in it fits the schema.
    #[must_use]
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

    /// The number of elements of the array at a path, valid or not.
    pub fn len(&self, path: &str) -> usize {
        self.value_at(path).and_then(Value::as_array).map_or(0, Vec::len)
    }

    /// Whether the file itself sets this key.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.spans.contains_key(path)
    }

    /// Reports values that contradict each other. The error is placed at the value of `path`, or at the start of its
    /// section if the file does not set it.
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
