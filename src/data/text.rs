//! The text forms of option values, as flags and TOML have them.

use crate::error::{Error, Result};

/// Words that mean something else than a column where a list of names may stand.
const WORDS: [&str; 3] = ["all", "none", "auto"];

/// Words that always mean "missing" (any case), besides the empty cell.
const MISSING: [&str; 11] = ["na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "none", "nil", "?", "-"];

/// Whether a cell always means "missing".
pub(super) fn means_missing(cell: &[u8]) -> bool {
    cell.is_empty() || MISSING.iter().any(|word| cell.eq_ignore_ascii_case(word.as_bytes()))
}

/// `A,B` → its trimmed, non-empty parts. A part in double quotes may hold commas, and `""` for a quote, as in CSV.
pub fn parse_list(text: &str) -> Vec<String> {
    let mut quoted = false;
    let parts = text.split(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    let unquoted = |part: &str| match part.strip_prefix('"').and_then(|part| part.strip_suffix('"')) {
        Some(part) => part.replace("\"\"", "\""),
        None => part.to_string(),
    };
    parts.map(str::trim).filter(|part| !part.is_empty()).map(unquoted).collect()
}

/// The inverse of [`parse_list`]: names with commas, quotes or blanks stand in double quotes.
pub fn list<S: AsRef<str>>(names: &[S]) -> String {
    let quoted = |name: &str| {
        let plain = !name.contains(|c: char| c.is_whitespace() || matches!(c, ',' | '"')) && !WORDS.contains(&name);
        if plain { name.to_string() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
    };
    names.iter().map(|name| quoted(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// `,` `;` `|` `tab` or `\t` → the delimiter.
pub fn parse_delimiter(text: &str) -> Result<char> {
    match text {
        "tab" | "\\t" | "\t" => Ok('\t'),
        "," => Ok(','),
        ";" => Ok(';'),
        "|" => Ok('|'),
        other => Err(Error::config("delimiter", format!("unknown value `{other}`"), "one of , ; | tab")),
    }
}

/// `.` or `,` → the decimal mark.
pub fn parse_decimal(text: &str) -> Result<char> {
    match text {
        "." => Ok('.'),
        "," => Ok(','),
        other => Err(Error::config("decimal", format!("unknown value `{other}`"), "one of . ,")),
    }
}

/// `on` or `off`, or TOML's `true` or `false` → the switch.
pub fn parse_on_off(text: &str) -> Result<bool> {
    match text {
        "on" | "true" => Ok(true),
        "off" | "false" => Ok(false),
        other => Err(Error::config("calendar", format!("unknown value `{other}`"), "one of on off")),
    }
}

/// The delimiter as its option takes it.
pub fn delimiter_word(delimiter: char) -> String {
    if delimiter == '\t' { "tab".into() } else { delimiter.to_string() }
}
