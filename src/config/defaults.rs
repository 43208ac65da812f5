//! The words for options' defaults, which are those of the library's own types.

use toml::Value;

use super::Config;
use super::kind::Kind;
use super::option::Opt;
use super::table::PATCHTST;
use crate::models::{ModelKind, Variant};

/// An option's default, and those of models that have another: `1; patchtst 3; patchtst authors 2`. Empty for a flag that is
/// off.
pub fn default_words(option: &Opt<Config>) -> String {
    let patchtst = |variant| words(option, &Config::of(ModelKind::Patchtst, variant));
    let of_patchtst = PATCHTST.iter().any(|one| one.spec.name == option.spec.name);
    let official = patchtst(Variant::Official);
    let mut text = if of_patchtst { official.clone() } else { words(option, &Config::default()) };
    let model = if of_patchtst { "" } else { "patchtst " };
    if matches!(option.spec.name, "model" | "patchtst-variant") {
        return text;
    }
    if official != text {
        text += &format!("; {model}{official}");
    }
    for variant in [Variant::Hf, Variant::Authors] {
        let own = patchtst(variant);
        if own != official {
            text += &format!("; {model}{variant} {own}");
        }
    }
    for kind in ModelKind::ALL.iter().filter(|kind| kind.is_linear() && !of_patchtst) {
        let own = words(option, &Config::of(*kind, Variant::Official));
        if own != words(option, &Config::default()) {
            text += &format!("; {kind} {own}");
        }
    }
    text
}

/// The words for the value that an untouched configuration has.
fn words(option: &Opt<Config>, config: &Config) -> String {
    let spec = &option.spec;
    let untouched = option.get(config) == option.get(&Config::default());
    match (option.get(config), spec.default, spec.unset) {
        (_, Some(default), _) if untouched => default.into(),
        (Some(_), _, _) if spec.kind == Kind::Flag => String::new(),
        (Some(value), _, _) => plain_words(&value),
        (None, _, Some((word, ""))) => word.into(),
        (None, _, Some((word, meaning))) => format!("{word}: {meaning}"),
        (None, _, None) => String::new(),
    }
}

/// A value without quotes, and a whole number without its point.
pub(crate) fn plain_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Float(number) => number.to_string(),
        other => other.to_string(),
    }
}

/// The default as a sentence of the help ends with it: ` [default: 64]`.
pub fn default_note(option: &Opt<Config>) -> String {
    match default_words(option) {
        none if none.is_empty() => none,
        words => format!(" [default: {words}]"),
    }
}
