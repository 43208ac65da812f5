//! What a search is asked for, beside the run that it varies.

use std::fmt;
use std::str::FromStr;

use toml::Value;

use super::space::Space;
use crate::config::{Field, Kind, Opt, Settings, Spec, at, plain_words};
use crate::error::{Error, Result};

/// A search over the settings of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// What is varied; `None`: [`Space::of`] the run.
    pub space: Option<Space>,
    /// Most configurations that are tried, the run's own among them.
    pub configurations: usize,
    /// Models trained of each configuration.
    pub seeds: usize,
    /// Whether the worse ones stop early.
    pub halving: bool,
    /// What the search may cost.
    pub budget: Option<Budget>,
}

impl Default for Search {
    fn default() -> Self {
        Search { space: None, configurations: 40, seeds: 1, halving: true, budget: None }
    }
}

/// What a search may cost: it decides how many configurations are tried.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Budget {
    /// Optimizer steps of all models together.
    Steps(u64),
    /// Minutes of training, by the speed of a few steps.
    Minutes(f64),
}

impl FromStr for Budget {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let budget = match text.strip_suffix("min") {
            Some(number) => number.trim().parse().ok().filter(|m: &f64| *m > 0.0 && m.is_finite()).map(Budget::Minutes),
            None => text.parse().ok().filter(|steps| *steps > 0).map(Budget::Steps),
        };
        budget.ok_or_else(|| {
            let help = "give a number of optimizer steps of all models together (50000) or of minutes (30min), above 0";
            Error::config("budget", format!("{text:?} is neither"), help)
        })
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Budget::Steps(steps) => write!(f, "{steps}"),
            Budget::Minutes(minutes) => write!(f, "{minutes}min"),
        }
    }
}

macro_rules! words {
    ($($type:ty),+) => { $(
        impl Field for $type {
            fn read(text: &str) -> Result<Self> {
                text.parse()
            }

            fn write(&self) -> Value {
                Value::String(self.to_string())
            }
        }
    )+ };
}
words!(Budget, Space);

/// Under "Search".
static SEARCH: &[Opt<Search>] = &[
    Opt::new(
        "search",
        Kind::Text,
        at!(Search: space?),
        "Options to search, joined by commas: NAME=FROM..TO for numbers (rates by their logarithm), NAME=VALUE|VALUE for \
         anything, in the words of the option itself",
    )
    .value("NAME=VALUES,…")
    .default("the learning rate, clipping, and what the regularizer has to set"),
    Opt::new(
        "configurations",
        Kind::Whole(2, 10_000),
        at!(Search: configurations),
        "Configurations to try, the one without the search's values first",
    ),
    Opt::new(
        "seeds",
        Kind::Whole(1, 1000),
        at!(Search: seeds),
        "Models to train of each configuration, with seeds ‹seed›, ‹seed› + 1, …; their mean validation loss ranks it",
    ),
    Opt::new(
        "halving",
        Kind::Switch,
        at!(Search: halving),
        "Train the best third on after a ninth of the steps, and of these the best third after a third; the others rest",
    ),
    Opt::new(
        "budget",
        Kind::Text,
        at!(Search: budget?),
        "Try only as many configurations as cost so many optimizer steps of all models together (50000), or so many \
         minutes (30min)",
    )
    .value("N|Nmin")
    .or_none(""),
];

/// Every option of a search, with the words for its default.
pub fn options() -> impl Iterator<Item = (&'static Spec, String)> {
    SEARCH.iter().map(|one| {
        let words = || one.written(&Search::default()).map_or_else(String::new, |value| plain_words(&value));
        (&one.spec, one.spec.default.map_or_else(words, str::to_string))
    })
}

impl Search {
    /// What settings mean.
    ///
    /// # Errors
    /// Names the option that cannot be used.
    pub fn new<'a, 'b>(settings: impl Iterator<Item = (&'a str, &'b str)>) -> Result<Search> {
        let mut search = Search::default();
        for (name, text) in settings {
            match SEARCH.iter().find(|one| one.spec.name == name) {
                Some(one) => one.set(&mut search, text)?,
                None => return Err(Error::config(name, "unknown key", "it is no option of a search")),
            }
        }
        Ok(search)
    }

    /// Names and texts of everything that is set.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        SEARCH.iter().filter_map(|one| Some((one.spec.name, plain_words(&one.get(self)?)))).collect()
    }
}

/// Options of a run that a search has no use for, and why.
pub(super) fn check(settings: &Settings) -> Result<()> {
    let reject = |name: &str, problem: &str, help: &str| Err(Error::config(name, problem, help));
    match settings {
        s if s.get("replicas").is_some_and(|count| count != "1") => reject(
            "replicas",
            "a search trains its configurations as replicas",
            "leave it out; ‹seeds› trains several models of each",
        ),
        s if s.get("autotune") == Some("true") || s.has("tuning") => reject(
            "autotune",
            "a search does not time matrix products",
            "leave it out; `train` takes it beside best.toml",
        ),
        s if s.get("compact-every").is_some_and(|every| every != "none") => reject(
            "compact-every",
            "configurations of one shape train in one network, as wide as it begins",
            "leave it out; `train` takes it beside best.toml",
        ),
        s if s.get("model") == Some("ridge") => {
            reject("model", "the ridge is fitted in closed form: there is nothing to tune", "choose another model")
        }
        s if s.get("data") == Some("-") => {
            reject("data", "a search reads its data again when it is resumed", "name a file")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_written_as_it_is_read() {
        let typed = [
            ("search", "lr=0.001..0.1"),
            ("configurations", "9"),
            ("seeds", "3"),
            ("halving", "off"),
            ("budget", "2.5min"),
        ];
        let search = Search::new(typed.into_iter()).unwrap();
        assert_eq!((search.configurations, search.seeds, search.halving), (9, 3, false));
        assert_eq!(search.budget, Some(Budget::Minutes(2.5)));
        let written = search.settings();
        assert_eq!(Search::new(written.iter().map(|(name, text)| (*name, text.as_str()))).unwrap(), search);
        for (name, text) in
            [("budget", "0"), ("budget", "5h"), ("budget", "-1min"), ("configurations", "1"), ("seeds", "0")]
        {
            let error = Search::new([(name, text)].into_iter()).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
        assert!(Search::new([("trials", "3")].into_iter()).is_err());
        assert_eq!(options().count(), SEARCH.len());
    }
}
