//! The values that a schema accepts at one place, for the comparison and in words.

use serde_json::Value;
use toml::de::DeValue;

use crate::values::check_format;

/// The alternative schemas for one value, with references resolved; the value must fit one of them.
pub(crate) struct Alternatives<'s> {
    schemas: Vec<&'s Value>,
    default: Option<&'s Value>,
}

impl<'s> Alternatives<'s> {
    /// The alternatives of `schema`; `root` holds the definitions that it refers to.
    pub(crate) fn of(root: &'s Value, schema: &'s Value) -> Self {
        let mut schemas = Vec::new();
        collect(root, schema, &mut schemas);
        Self { schemas, default: schema.get("default").filter(|default| is_scalar(default)) }
    }

    /// The alternatives.
    pub(crate) fn schemas(&self) -> &[&'s Value] {
        &self.schemas
    }

    /// The alternative that accepts values of this type.
    pub(crate) fn accepting(&self, value: &DeValue<'_>) -> Option<&'s Value> {
        let fits = |name: &str| match value {
            DeValue::String(_) => name == "string",
            DeValue::Integer(_) => name == "integer" || name == "number",
            DeValue::Float(_) => name == "number",
            DeValue::Boolean(_) => name == "boolean",
            DeValue::Array(_) => name == "array",
            DeValue::Table(_) => name == "object",
            DeValue::Datetime(_) => false,
        };
        self.schemas.iter().copied().find(|schema| types(schema).any(fits))
    }

    /// The allowed words, if only certain words are allowed.
    pub(crate) fn words(&self) -> Vec<&'s str> {
        self.schemas.iter().flat_map(|schema| words(schema)).collect()
    }

    /// The alternatives in words: `"auto" or an integer from 0 to 1023`.
    pub(crate) fn description(&self) -> String {
        let mut parts: Vec<String> = self.words().iter().map(|word| format!("\"{word}\"")).collect();
        parts.extend(self.schemas.iter().filter(|schema| words(schema).is_empty()).map(|schema| describe(schema)));
        match parts.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => "nothing".into(),
        }
    }

    /// [`Self::description`], followed by the default that applies if the key is left out.
    pub(crate) fn description_with_default(&self) -> String {
        match self.default {
            Some(default) => format!("{}, or leave it out for {default}", self.description()),
            None => self.description(),
        }
    }

    /// Whether a quoted value would be valid without its quotes.
    pub(crate) fn takes_unquoted(&self, text: &str) -> bool {
        let accepts = |name: &str| self.schemas.iter().any(|schema| types(schema).any(|accepted| accepted == name));
        (accepts("integer") && text.parse::<i64>().is_ok())
            || (accepts("number") && text.parse::<f64>().is_ok_and(f64::is_finite))
            || (accepts("boolean") && text.parse::<bool>().is_ok())
    }

    /// Whether an unquoted value would be valid in quotes.
    pub(crate) fn takes_quoted(&self, text: &str) -> bool {
        let fits = |schema: &Value| {
            let format = schema.get("format").and_then(Value::as_str);
            types(schema).any(|name| name == "string") && format.is_none_or(|format| check_format(format, text).is_ok())
        };
        self.words().is_empty() && self.schemas.iter().any(|schema| fits(schema))
    }

    /// The schema of a section's keys, those of an element if it is an array of tables.
    pub(crate) fn section_body(&self, root: &'s Value) -> Option<&'s Value> {
        let schema = *self.schemas.first()?;
        match schema.get("items") {
            Some(items) => Alternatives::of(root, items).schemas.first().copied(),
            None => Some(schema),
        }
    }

    /// The TOML header of a section at `path`, if the value is one.
    pub(crate) fn section_header(&self, path: &str) -> Option<String> {
        let name = types(self.schemas.first()?).next()?;
        match name {
            "object" => Some(format!("[{path}]")),
            "array" if element(self.schemas[0]).is_none() => Some(format!("[[{path}]]")),
            _ => None,
        }
    }
}

/// The name of a value's type, for messages.
pub(crate) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

fn collect<'s>(root: &'s Value, schema: &'s Value, schemas: &mut Vec<&'s Value>) {
    let definition = schema.get("$ref").and_then(Value::as_str).and_then(|name| root.pointer(name.strip_prefix('#')?));
    let choices = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array);
    if let Some(definition) = definition {
        collect(root, definition, schemas);
    } else if let Some(choices) = choices {
        choices.iter().for_each(|choice| collect(root, choice, schemas));
    } else if types(schema).any(|name| name != "null") {
        schemas.push(schema);
    }
}

fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let (one, several) = match schema.get("type") {
        Some(Value::String(name)) => (Some(name.as_str()), &[][..]),
        Some(Value::Array(names)) => (None, names.as_slice()),
        _ => (None, &[][..]),
    };
    one.into_iter().chain(several.iter().filter_map(Value::as_str))
}

fn words(schema: &Value) -> Vec<&str> {
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    listed.chain(schema.get("const")).filter_map(Value::as_str).collect()
}

/// The schema of an array's elements, if they are plain values; an array of tables is a section.
fn element(schema: &Value) -> Option<&Value> {
    schema.get("items").filter(|items| types(items).any(|name| name != "object"))
}

/// One alternative in words.
fn describe(schema: &Value) -> String {
    let number = |key: &str| schema.get(key).filter(|value| value.is_number());
    let range = match (number("minimum"), number("maximum")) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) => format!(" of at least {least}"),
        _ => String::new(),
    };
    let name = types(schema).find(|name| *name != "null").unwrap_or("value");
    match (name, schema.get("format").and_then(Value::as_str)) {
        ("string", Some("price")) => "a decimal string such as \"101.25\"".into(),
        ("string", Some("time-of-day")) => "a time of day such as \"09:30:00\"".into(),
        ("string", Some("socket-address" | "socket-address-v4")) => {
            "an address string \"ip:port\" such as \"127.0.0.1:9000\"".into()
        }
        ("string", Some("ipv4")) => "an IPv4 address string such as \"127.0.0.1\"".into(),
        ("string", _) => match number("maxLength") {
            Some(most) => format!("a string of 1 to {most} characters"),
            None => "a string".into(),
        },
        ("integer", _) => format!("an integer{range}"),
        ("number", _) => format!("a number{range}"),
        ("boolean", _) => "true or false".into(),
        ("array", _) => match element(schema) {
            Some(element) => format!("an array, each element {}", describe(element)),
            None => "an array".into(),
        },
        ("object", _) => "a table".into(),
        (other, _) => other.into(),
    }
}

fn is_scalar(value: &Value) -> bool {
    value.is_number() || value.is_string() || value.is_boolean()
}
