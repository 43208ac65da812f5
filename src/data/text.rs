//! The text forms of option values, the same for flags (`parse_…`) and for TOML (serde's `with` modules).

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// `A,B` → its trimmed, non-empty parts.
pub fn parse_list(text: &str) -> Vec<String> {
    text.split(',').map(|part| part.trim().to_string()).filter(|part| !part.is_empty()).collect()
}

/// `,` `;` `|` `tab` or `\t` → the delimiter.
pub fn parse_delimiter(text: &str) -> Result<char> {
    match text {
        "tab" | "\\t" | "\t" => Ok('\t'),
        "," => Ok(','),
        ";" => Ok(';'),
        "|" => Ok('|'),
        other => Err(Error::config("--delimiter", format!("unknown value `{other}`"), "one of , ; | tab")),
    }
}

/// `.` or `,` → the decimal mark.
pub fn parse_decimal(text: &str) -> Result<char> {
    match text {
        "." => Ok('.'),
        "," => Ok(','),
        other => Err(Error::config("--decimal", format!("unknown value `{other}`"), "one of . ,")),
    }
}

/// `on` or `off` → the switch.
pub fn parse_on_off(text: &str) -> Result<bool> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(Error::config("--calendar", format!("unknown value `{other}`"), "one of on off")),
    }
}

/// The delimiter as `--delimiter` takes it.
pub(crate) fn delimiter_word(delimiter: char) -> String {
    if delimiter == '\t' { "tab".into() } else { delimiter.to_string() }
}

/// Lists in TOML: a text with commas, as the flag has it, or an array where a name itself holds a comma.
pub(super) mod list {
    use super::*;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum TextOrArray {
        Text(String),
        Array(Vec<String>),
    }

    pub(crate) fn serialize<S: Serializer>(value: &Option<Vec<String>>, to: S) -> Result<S::Ok, S::Error> {
        let names = value.as_deref().unwrap_or_default();
        if names.iter().any(|name| name.contains(',')) {
            names.serialize(to)
        } else {
            to.serialize_str(&names.join(","))
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
        Ok(Some(match TextOrArray::deserialize(from)? {
            TextOrArray::Text(text) => parse_list(&text),
            TextOrArray::Array(names) => names,
        }))
    }
}

pub(super) mod on_off {
    use super::*;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum TextOrBool {
        Text(String),
        Bool(bool),
    }

    pub(crate) fn serialize<S: Serializer>(value: &Option<bool>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(if *value == Some(true) { "on" } else { "off" })
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
        match TextOrBool::deserialize(from)? {
            TextOrBool::Bool(value) => Ok(Some(value)),
            TextOrBool::Text(text) => parse_on_off(&text).map(Some).map_err(D::Error::custom),
        }
    }
}

pub(super) mod delimiter {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &Option<char>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&value.map(delimiter_word).unwrap_or_default())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<char>, D::Error> {
        parse_delimiter(&String::deserialize(from)?).map(Some).map_err(D::Error::custom)
    }
}
