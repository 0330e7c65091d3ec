//! The comparison of a spanned TOML tree with a JSON schema.

use std::ops::Range;

use serde_json::{Map, Value};
use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::checked::{Document, Spans};
use super::closest::closest;
use crate::errors::{ErrorKind, Found};
use crate::expectation::{self, Alternatives};
use crate::shown::SECRET;
use crate::values::{Percent, check_format};

/// The comparison of a spanned tree with a schema.
pub(super) struct Walk<'a> {
    pub schema: &'a Value,
    pub document: &'a mut Document,
}

impl Walk<'_> {
    /// Checks a table and returns the keys that the schema knows.
    pub(super) fn table(
        &mut self,
        schema: &Value,
        path: &str,
        span: Range<usize>,
        table: &DeTable<'_>,
    ) -> Map<String, Value> {
        let empty = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let mut checked = Map::new();
        let mut meant = Vec::new();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let path = join(path, name);
            match properties.get(name) {
                Some(property) => {
                    self.document.spans.insert(path.clone(), Spans { key: key.span(), value: value.span() });
                    checked.insert(name.to_owned(), self.value(property, &path, value));
                }
                None => {
                    let key = self.unknown_key(properties, &path, name, key.span(), table);
                    // It may be a password under a key with a typing error, or in a table with one.
                    let is_simple = !matches!(value.get_ref(), DeValue::Table(_) | DeValue::Array(_));
                    if !is_simple || key.is_none() || properties.contains_key(SECRET) {
                        keep_spans(value, &mut self.document.secrets);
                    }
                    meant.extend(key);
                }
            }
        }
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !checked.contains_key(name) && !meant.iter().any(|key| key == name) {
                self.missing_key(&properties[name], path, name, span.clone());
            }
        }
        checked
    }

    /// Checks any value. A value that does not fit becomes null, which no type of the schema accepts.
    fn value(&mut self, schema: &Value, path: &str, value: &Spanned<DeValue<'_>>) -> Value {
        let alternatives = Alternatives::of(self.schema, schema);
        let Some(schema) = alternatives.accepting(value.get_ref()) else {
            return self.wrong_type(&alternatives, path, value);
        };
        match value.get_ref() {
            DeValue::Table(table) => Value::Object(self.table(schema, path, value.span(), table)),
            DeValue::Array(array) => {
                self.bounded("Items", "elements", schema, path, value.span(), array.len());
                let items = schema.get("items").unwrap_or(&Value::Null);
                let checked = array.iter().enumerate().map(|(index, element)| {
                    let path = format!("{path}[{index}]");
                    self.document.spans.insert(path.clone(), Spans { key: element.span(), value: element.span() });
                    self.value(items, &path, element)
                });
                Value::Array(checked.collect())
            }
            DeValue::String(text) => self.string(&alternatives, schema, path, value.span(), text),
            DeValue::Boolean(flag) => Value::Bool(*flag),
            number => self.number(&alternatives, schema, path, value.span(), number),
        }
    }

    fn string(
        &mut self,
        alternatives: &Alternatives<'_>,
        schema: &Value,
        path: &str,
        span: Range<usize>,
        text: &str,
    ) -> Value {
        let words = alternatives.words();
        if !words.is_empty() {
            if !words.contains(&text) {
                let help = match closest(text, words.iter().copied()) {
                    Some(word) => format!("did you mean \"{word}\"? Allowed: {}", alternatives.description()),
                    None => format!("write {}", alternatives.description()),
                };
                return self.invalid(span, format!("`{path}` cannot be {text:?}"), "unknown word", help);
            }
        } else if let Some(problem) =
            schema.get("format").and_then(Value::as_str).and_then(|format| check_format(format, text).err())
        {
            let (problem, remedy) = problem.split_once("; ").unwrap_or((&problem, "correct the value"));
            return self.invalid(span, format!("`{path}` {problem}"), "not valid", remedy.to_owned());
        } else if !self.bounded("Length", "characters", schema, path, span, text.chars().count()) {
            return Value::Null;
        }
        Value::String(text.to_owned())
    }

    fn number(
        &mut self,
        alternatives: &Alternatives<'_>,
        schema: &Value,
        path: &str,
        span: Range<usize>,
        number: &DeValue<'_>,
    ) -> Value {
        let (value, checked, text) = match number {
            DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
                Ok(value) => (value as f64, Value::from(value), integer.to_string()),
                Err(_) if integer.as_str().starts_with('-') => (f64::NEG_INFINITY, Value::Null, integer.to_string()),
                Err(_) => (f64::INFINITY, Value::Null, integer.to_string()),
            },
            DeValue::Float(float) => match float.as_str().parse::<f64>() {
                Ok(value) => (value, Value::from(value), float.to_string()),
                Err(_) => (f64::NAN, Value::Null, float.to_string()),
            },
            _ => return Value::Null,
        };
        // The conversion from i64 to f64 is monotonic and rounds only above 2^53, far beyond every bound of ours.
        let bound = |key: &str| schema.get(key).and_then(|bound| Some((bound.as_f64()?, bound)));
        let is_percent = schema.get("format").is_some_and(|format| format == "percent");
        let problem = match (bound("minimum"), bound("maximum")) {
            (Some((least, bound)), _) if value < least => format!("less than {bound}"),
            (_, Some((most, bound))) if value > most => format!("more than {bound}"),
            _ if checked.is_null() => "not a finite number of 64 bits".into(),
            _ => match Percent::try_from(value) {
                Err(problem) if is_percent => {
                    let (problem, remedy) = problem.split_once("; ").unwrap_or((problem, "correct the value"));
                    return self.invalid(span, format!("`{path}` {problem}"), "not valid", remedy.to_owned());
                }
                _ => return checked,
            },
        };
        let help = format!("write {}", alternatives.description_with_default());
        self.invalid(span, format!("`{path}` is {text}, {problem}"), "out of range", help)
    }

    /// Checks `min{what}` and `max{what}` of the schema against a length.
    fn bounded(
        &mut self,
        what: &str,
        units: &str,
        schema: &Value,
        path: &str,
        span: Range<usize>,
        length: usize,
    ) -> bool {
        let bound = |prefix: &str| schema.get(format!("{prefix}{what}")).and_then(Value::as_u64);
        let (least, most) = (bound("min").unwrap_or(0), bound("max").unwrap_or(u64::MAX));
        let within = (least..=most).contains(&(length as u64));
        if !within {
            let message = format!("`{path}` has {length} {units}");
            self.invalid(span, message, "wrong length", format!("give {least} to {most} {units}"));
        }
        within
    }

    fn wrong_type(&mut self, alternatives: &Alternatives<'_>, path: &str, value: &Spanned<DeValue<'_>>) -> Value {
        let found = expectation::type_name(value.get_ref());
        let expected = alternatives.description();
        let key = last_key(path);
        let quoted = match value.get_ref() {
            DeValue::Integer(number) => Some(number.to_string()),
            DeValue::Float(number) => Some(number.to_string()),
            _ => None,
        };
        let help = match (value.get_ref(), quoted) {
            (DeValue::String(text), _) if alternatives.takes_unquoted(text) => {
                format!("remove the quotes: {key} = {text}")
            }
            (_, Some(text)) if alternatives.takes_quoted(&text) => {
                format!("put it in quotes: {key} = \"{text}\"")
            }
            _ => match alternatives.section_header(path) {
                Some(header) => format!("write its keys in a section {header}"),
                None => format!("write {}", alternatives.description_with_default()),
            },
        };
        self.document.errors.push(Found {
            kind: ErrorKind::WrongType,
            span: value.span(),
            message: format!("`{path}` takes {expected}, not {found}"),
            label: format!("this is {found}"),
            help,
        });
        Value::Null
    }

    fn invalid(&mut self, span: Range<usize>, message: String, label: &str, help: String) -> Value {
        self.document.errors.push(Found {
            kind: ErrorKind::InvalidValue,
            span,
            message,
            label: label.to_owned(),
            help,
        });
        Value::Null
    }

    /// Reports an unknown key and returns the known one that was probably meant.
    fn unknown_key(
        &mut self,
        properties: &Map<String, Value>,
        path: &str,
        name: &str,
        span: Range<usize>,
        table: &DeTable<'_>,
    ) -> Option<String> {
        let absent = properties.keys().map(String::as_str).filter(|key| !table.contains_key(*key));
        let meant = closest(name, absent).map(str::to_owned);
        let help = match &meant {
            Some(key) => format!("did you mean `{key}`?"),
            None => format!("remove it; the keys here are {}", list(properties.keys())),
        };
        self.document.errors.push(Found {
            kind: ErrorKind::UnknownKey,
            span,
            // A quoted key may hold any characters, even control codes for the terminal.
            message: format!("unknown key `{}`", path.escape_debug()),
            label: "not a key of this section".into(),
            help,
        });
        meant
    }

    fn missing_key(&mut self, property: &Value, path: &str, name: &str, span: Range<usize>) {
        let alternatives = Alternatives::of(self.schema, property);
        let path = join(path, name);
        let help = match alternatives.section_header(&path) {
            Some(header) => format!("add a section {header}"),
            None => format!("add `{name} = …`, {}", alternatives.description()),
        };
        self.document.errors.push(Found {
            kind: ErrorKind::MissingKey,
            span,
            message: format!("`{path}` is missing"),
            label: format!("has no `{name}`"),
            help,
        });
    }
}

/// Notes the places of a value, or of all in it.
fn keep_spans(value: &Spanned<DeValue<'_>>, spans: &mut Vec<Range<usize>>) {
    match value.get_ref() {
        DeValue::Table(table) => table.values().for_each(|value| keep_spans(value, spans)),
        DeValue::Array(array) => array.iter().for_each(|value| keep_spans(value, spans)),
        _ => spans.push(value.span()),
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn last_key(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn list<'k>(keys: impl Iterator<Item = &'k String>) -> String {
    keys.map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}
