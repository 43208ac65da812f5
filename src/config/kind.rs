//! The kinds of values that options take.

use crate::data::options::parse_list;

/// What an option takes, as text: typed after a flag, or read from TOML.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// One of these words.
    Words(&'static [&'static str]),
    /// `on` or `off`.
    Switch,
    /// `true` or `false`; the flag alone means `true`.
    Flag,
    /// A whole number, both ends included.
    Whole(u64, u64),
    /// A number within bounds.
    Number(Bounds),
    /// Several whole numbers of these bounds: `12,24` or `1..5`, both ends included.
    Wholes(u64, u64),
    /// Several of these words, joined by commas.
    Several(&'static [&'static str]),
    /// Several texts, joined by commas.
    List,
    /// A text that its field reads.
    Text,
    /// The path of a file that is read.
    File,
    /// The path of a folder or file that is written.
    Place,
    /// A TOML table.
    Table,
}

/// What numbers an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounds {
    /// Above 0.
    Positive,
    /// 0 or more.
    NotNegative,
    /// From 0 up to, but not, 1.
    Fraction,
    /// Between 0 and 1, neither included.
    Share,
}

impl Bounds {
    fn hold(self, value: f64) -> bool {
        value.is_finite()
            && match self {
                Bounds::Positive => value > 0.0,
                Bounds::NotNegative => value >= 0.0,
                Bounds::Fraction => (0.0..1.0).contains(&value),
                Bounds::Share => value > 0.0 && value < 1.0,
            }
    }

    fn wanted(self) -> &'static str {
        match self {
            Bounds::Positive => "a number above 0",
            Bounds::NotNegative => "a number, 0 or more",
            Bounds::Fraction => "a number from 0 up to, but not, 1",
            Bounds::Share => "a number between 0 and 1",
        }
    }
}

/// Most values that a range such as `1..5` stands for.
const MOST_IN_RANGE: u64 = 100_000;

impl Kind {
    /// What stands for a value of [`Kind::Words`], where the words themselves do not.
    pub const WORD: &str = "WORD";

    /// At least this whole number.
    pub(crate) const fn at_least(least: u64) -> Kind {
        Kind::Whole(least, u64::MAX)
    }

    /// `--help`'s word for a value of this kind.
    pub(super) const fn value_name(&self) -> &'static str {
        match self {
            Kind::Words(_) => Kind::WORD,
            Kind::Switch => "on|off",
            Kind::Flag => "true|false",
            Kind::Whole(..) => "N",
            Kind::Number(_) => "X",
            Kind::Wholes(..) | Kind::Several(_) | Kind::List => "LIST",
            Kind::Text => "TEXT",
            Kind::File => "FILE",
            Kind::Place => "DIR",
            Kind::Table => "TOML",
        }
    }

    /// Whether a text is of this kind.
    pub(crate) fn takes(&self, text: &str) -> bool {
        match self {
            Kind::Words(words) => words.contains(&text),
            Kind::Switch => matches!(text, "on" | "off" | "true" | "false"),
            Kind::Flag => matches!(text, "true" | "false"),
            Kind::Whole(least, most) => text.parse().is_ok_and(|number: u64| (*least..=*most).contains(&number)),
            Kind::Number(bounds) => text.parse().is_ok_and(|number| bounds.hold(number)),
            Kind::Wholes(least, most) => {
                wholes(text).is_some_and(|list| list.iter().all(|number| (*least..=*most).contains(number)))
            }
            Kind::Several(words) => parse_list(text).iter().all(|word| words.contains(&word.as_str())),
            Kind::List | Kind::Text | Kind::File | Kind::Place | Kind::Table => true,
        }
    }

    /// Whether a TOML array is a value of this kind.
    pub(super) fn is_list(&self) -> bool {
        matches!(self, Kind::Wholes(..) | Kind::Several(_) | Kind::List)
    }

    /// What it takes, in words.
    pub(super) fn wanted(&self) -> String {
        let range = |least: &u64, most: &u64| match most {
            &u64::MAX => format!(", {least} or more"),
            most => format!(" from {least} to {most}"),
        };
        match self {
            Kind::Words(words) => format!("one of {}", words.join(", ")),
            Kind::Switch => "one of on, off".into(),
            Kind::Flag => "one of true, false".into(),
            Kind::Whole(least, most) => format!("a whole number{}", range(least, most)),
            Kind::Number(bounds) => bounds.wanted().into(),
            Kind::Wholes(least, most) => {
                format!("whole numbers{}, as 12,24 or FIRST..LAST, both included", range(least, most))
            }
            Kind::Several(words) => format!("one or more of {}, joined by commas", words.join(", ")),
            Kind::List => "texts joined by commas".into(),
            Kind::Text => "a text".into(),
            Kind::File => "the path of a file".into(),
            Kind::Place => "a path".into(),
            Kind::Table => "a table".into(),
        }
    }
}

/// `1,3,7` or `1..5`, ends included.
pub(super) fn wholes(text: &str) -> Option<Vec<u64>> {
    let mut list = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once("..").unwrap_or((part, part));
        let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim_start_matches('=').trim().parse().ok()?);
        if last < first || last - first > MOST_IN_RANGE {
            return None;
        }
        list.extend(first..=last);
    }
    Some(list)
}
