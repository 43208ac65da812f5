//! Sentences that name options. Each reader has its own way to write an option: the command line a flag, a file a key,
//! Python a keyword argument.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::shell::quoted;

/// How an option is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notation {
    /// `--prune-every 5`: the command line.
    Flags,
    /// `prune-every = 5`: TOML files and this library.
    Keys,
    /// `prune_every=5`: Python.
    Keywords,
}

impl Notation {
    /// An option in this notation: its name, or with a value how to set it.
    pub fn option(self, key: &str, value: Option<&str>) -> String {
        let plain = |value: &str| value.parse::<f64>().is_ok() || matches!(value, "true" | "false");
        let literal = |value: &str| if plain(value) { value.to_string() } else { format!("{value:?}") };
        match (self, value) {
            // One flag sets the options of all data sets of a study, which stand in tables `[data.NAME]`.
            (Notation::Flags, None) if key.starts_with("data.") => key.replacen("data.", "--set ", 1),
            (Notation::Flags, None) => format!("--{key}"),
            (Notation::Flags, Some(value)) => format!("--{key} {}", quoted(value)),
            (Notation::Keys, None) => format!("`{key}`"),
            (Notation::Keys, Some(value)) => format!("`{key} = {}`", literal(value)),
            (Notation::Keywords, None) => format!("`{}`", key.replace('-', "_")),
            (Notation::Keywords, Some(value)) => format!("`{}={}`", key.replace('-', "_"), literal(value)),
        }
    }
}

/// A sentence and the options that it names.
///
/// Made from text in which an option stands in angle quotes, alone or with a value: `choose a smaller ‹batch›, or
/// ‹device cpu›`. Its `Display` is that of [`Notation::Keys`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Text {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Words(String),
    Option { key: String, value: Option<String> },
}

impl Text {
    /// An option and its value, whatever that holds.
    pub fn option(key: &str, value: &str) -> Text {
        Text { parts: vec![Part::Option { key: key.into(), value: Some(value.into()) }] }
    }

    /// The sentence with every option written in a notation.
    pub fn to(&self, notation: Notation) -> String {
        let part = |part: &Part| match part {
            Part::Words(words) => words.clone(),
            Part::Option { key, value } => notation.option(key, value.as_deref()),
        };
        self.parts.iter().map(part).collect()
    }

    /// The keys of the options that it names, in order.
    pub fn options(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Words(_) => None,
            Part::Option { key, .. } => Some(key.as_str()),
        })
    }

    /// The sentence with other keys and values for its options, where `other` has some.
    #[must_use]
    pub fn with_options(mut self, other: impl Fn(&str) -> Option<(String, Option<String>)>) -> Text {
        for part in &mut self.parts {
            if let Part::Option { key, value } = part {
                (*key, *value) = other(key).unwrap_or_else(|| (std::mem::take(key), value.take()));
            }
        }
        self
    }

    /// This sentence and another one.
    #[must_use]
    pub fn and(mut self, more: impl Into<Text>) -> Text {
        self.parts.extend(more.into().parts);
        self
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to(Notation::Keys))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, option, after)) = next_option(rest) {
            if !before.is_empty() {
                parts.push(Part::Words(before.to_string()));
            }
            parts.push(option);
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Words(rest.to_string()));
        }
        Text { parts }
    }
}

impl From<Text> for String {
    fn from(text: Text) -> String {
        text.to_string()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        text.as_str().into()
    }
}

/// The first option in a text, with what stands before and after it.
fn next_option(text: &str) -> Option<(&str, Part, &str)> {
    let is_key = |key: &str| !key.is_empty() && key.bytes().all(|b| b == b'-' || b.is_ascii_lowercase());
    text.match_indices('‹').find_map(|(start, mark)| {
        let inside = &text[start + mark.len()..];
        let (option, after) = inside.split_once('›')?;
        let (key, value) = option.split_once(' ').map_or((option, None), |(key, value)| (key, Some(value)));
        let part = Part::Option { key: key.to_string(), value: value.map(str::to_string) };
        is_key(key).then_some((&text[..start], part, after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_notation_writes_the_options_of_a_sentence() {
        let text = Text::from("choose a smaller ‹d-model› or ‹prune-every 5›, or use ‹device cpu›");
        let written = [Notation::Flags, Notation::Keys, Notation::Keywords].map(|notation| text.to(notation));
        assert_eq!(written[0], "choose a smaller --d-model or --prune-every 5, or use --device cpu");
        assert_eq!(written[1], "choose a smaller `d-model` or `prune-every = 5`, or use `device = \"cpu\"`");
        assert_eq!(written[2], "choose a smaller `d_model` or `prune_every=5`, or use `device=\"cpu\"`");
        assert_eq!(text.to_string(), written[1]);
        assert_eq!(Notation::Flags.option("data.sales.target", None), "--set sales.target");
        assert_eq!(text.options().collect::<Vec<_>>(), ["d-model", "prune-every", "device"]);
    }

    #[test]
    fn what_names_no_option_stays() {
        for text in ["", "‹", "a ‹ b › c", "‹Ä› ›‹", "‹›", "ends with ‹lookback"] {
            assert_eq!(Text::from(text).to(Notation::Flags), text);
            assert_eq!(Text::from(text).options().count(), 0);
        }
        let text = Text::from("‹‹lookback› and more");
        assert_eq!(text.to(Notation::Flags), "‹--lookback and more");
    }
}
