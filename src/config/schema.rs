//! The TOML files of options as JSON Schema, for editors that complete and check them.

use serde_json::{Map, Value, json};

use super::option::Spec;
use super::{Bounds, Kind, default_words, options};
use crate::error::{Notation, Text};

/// The JSON Schema (draft 2020-12) of the TOML file that `train --config` takes.
pub fn schema() -> Value {
    let mut properties = Map::new();
    for option in options() {
        let mut property = of_spec(&option.spec);
        let default = default_words(option);
        if !default.is_empty() {
            property["description"] = format!("{}. Default: {default}", help(&option.spec)).into();
        }
        insert(&mut properties, &option.spec, property);
    }
    of_properties("Configuration of microglia train", properties)
}

/// A schema of one table.
pub(crate) fn of_properties(title: &str, properties: Map<String, Value>) -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

/// An option by its name and its aliases.
pub(crate) fn insert(properties: &mut Map<String, Value>, spec: &Spec, property: Value) {
    for alias in spec.names().skip(1) {
        properties.insert(alias.into(), json!({ "$ref": format!("#/properties/{}", spec.name) }));
    }
    properties.insert(spec.name.into(), property);
}

/// What an option takes.
pub(crate) fn of_spec(spec: &Spec) -> Value {
    let taken = of_kind(spec.kind);
    let mut schema = match spec.unset {
        Some((word, _)) => json!({ "anyOf": [taken, { "const": word }] }),
        None => taken,
    };
    schema["description"] = help(spec).into();
    schema
}

/// Its line of help, options named as keys.
pub(crate) fn help(spec: &Spec) -> String {
    Text::from(spec.help).to(Notation::Keys)
}

fn of_kind(kind: Kind) -> Value {
    let range = |least: u64, most: u64| match most {
        u64::MAX => json!({ "type": "integer", "minimum": least }),
        most => json!({ "type": "integer", "minimum": least, "maximum": most }),
    };
    match kind {
        Kind::Words(words) => json!({ "enum": words }),
        Kind::Switch => json!({ "enum": ["on", "off", true, false] }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Whole(least, most) => range(least, most),
        Kind::Wholes(least, most) => {
            json!({ "anyOf": [range(least, most), { "type": "array", "items": range(least, most) }, { "type": "string" }] })
        }
        Kind::Number(Bounds::Positive) => json!({ "type": "number", "exclusiveMinimum": 0 }),
        Kind::Number(Bounds::NotNegative) => json!({ "type": "number", "minimum": 0 }),
        Kind::Number(Bounds::Fraction) => json!({ "type": "number", "minimum": 0, "exclusiveMaximum": 1 }),
        Kind::Number(Bounds::Share) => json!({ "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 }),
        Kind::Several(words) => {
            json!({ "anyOf": [{ "enum": words }, { "type": "array", "items": { "enum": words } }, { "type": "string" }] })
        }
        Kind::List => {
            json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": ["string", "number"] } }] })
        }
        Kind::Text => json!({ "type": ["string", "integer"] }),
        Kind::File | Kind::Place => json!({ "type": "string" }),
        Kind::Table => json!({ "type": "object" }),
    }
}
