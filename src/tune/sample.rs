//! The configurations that are tried: the one that was asked for, and random ones.

use super::space::{Dimension, Space, Values};
use crate::config::{Config, Settings, plain_words};
use crate::data::counted;
use crate::error::{Error, Result, Text};
use crate::program::rng;

/// Draws for each configuration that is wanted: so many that those of a small space are all found.
const TRIES: usize = 200;

/// One of what is tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// By dimension, as the option is written.
    pub values: Vec<String>,
    /// What they mean.
    pub config: Config,
}

impl Configuration {
    /// What settings mean, and their values of what is searched.
    fn new(settings: &Settings, space: &Space) -> Result<Configuration> {
        let config = Config::new(settings)?;
        let values =
            space.0.iter().map(|one| one.option().written(&config).map_or_else(String::new, |v| plain_words(&v)));
        Ok(Configuration { values: values.collect(), config })
    }
}

/// So many different configurations, or all that there are. The first is the one of `base`; each other is a function of its seed, its
/// place and the names of what is searched.
///
/// # Errors
/// Names what is searched and changes nothing, or the values that do not go together.
pub fn configurations(
    base: &Settings,
    space: &Space,
    count: usize,
    notices: &mut Vec<Text>,
) -> Result<Vec<Configuration>> {
    let first = Configuration::new(base, space)?;
    let seed = first.config.train.seed;
    let mut all = vec![first];
    for place in 1..=count.saturating_mul(TRIES) {
        if all.len() >= count {
            break;
        }
        let mut settings = base.clone();
        let mut values = Vec::new();
        for one in &space.0 {
            let text = one.at(share(seed, one.name, place as u32));
            settings.insert(&one.option().spec, text.clone());
            values.push(format!("{} = {text}", one.name));
        }
        let drawn = Configuration::new(&settings, space).map_err(|error| within(&values, error))?;
        // Values that are written alike mean the same.
        if all.iter().all(|other| other.values != drawn.values) {
            all.push(drawn);
        }
    }
    let needless = |one| idle(one, &all).filter(|_| !may_matter(one, base, space));
    if let Some((one, idle)) = space.0.iter().find_map(|one| Some((one, needless(one)?))) {
        let needed = one.option().needs_what().map_or_else(String::new, |what| format!(", or choose {what}"));
        return Err(Error::config("search", idle, format!("leave it out{needed}")));
    }
    if all.len() < 2 {
        let help = "give an option several values, as in lr=1e-4..1e-2";
        return Err(Error::config("search", format!("`{space}` holds nothing but what is the default"), help));
    }
    if all.len() < count {
        notices.push(
            format!("the search has only {}: all are tried", counted(all.len(), "different configuration")).into(),
        );
    }
    Ok(all)
}

/// From 0 up to, but not, 1.
fn share(seed: u32, name: &str, place: u32) -> f64 {
    let [high, low] = rng::threefry([seed, rng::site(name)], [place, rng::site("tune")]);
    ((u64::from(high) << 32 | u64::from(low)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Why a dimension is of no use, if it changes nothing in any configuration.
fn idle(one: &Dimension, all: &[Configuration]) -> Option<Text> {
    let option = one.option();
    all.iter().map(|tried| option.idle(&tried.config)).collect::<Option<Vec<Text>>>()?.into_iter().next()
}

/// Whether a dimension changes something with a word of another one, whether that was drawn or not.
fn may_matter(one: &Dimension, base: &Settings, space: &Space) -> bool {
    let words = space.0.iter().flat_map(|other| match &other.values {
        Values::Choices(words) => words.iter().map(|word| (other, word)).collect(),
        Values::Range { .. } => Vec::new(),
    });
    words.into_iter().any(|(other, word)| {
        let mut settings = base.clone();
        settings.insert(&other.option().spec, word.clone());
        Configuration::new(&settings, space).is_ok_and(|found| one.option().idle(&found.config).is_none())
    })
}

/// An error of a drawn configuration.
pub(super) fn within(values: &[String], error: Error) -> Error {
    match error {
        Error::Config { key, file, problem, help } => {
            let problem = Text::from(format!("with {}: ", values.join(", "))).and(problem);
            Error::Config { key, file, problem, help }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(asked: &[(&str, &str)], space: &str, count: usize) -> (Result<Vec<Configuration>>, Vec<Text>) {
        let mut base = Settings::default();
        asked.iter().for_each(|(name, text)| base.set(name, text).unwrap());
        let mut notices = Vec::new();
        let space = space.parse().unwrap();
        (configurations(&base, &space, count, &mut notices), notices)
    }

    #[test]
    fn configurations_differ_and_the_first_is_what_was_asked_for() {
        let (all, notices) = tried(&[("lr", "0.5"), ("seed", "7")], "lr=1e-4..1e-2,hidden=32|64", 30);
        let all = all.unwrap();
        assert_eq!((all.len(), notices.len()), (30, 0));
        assert_eq!(all[0].values, ["0.5", "64"]);
        assert!((0..30).all(|i| all[..i].iter().all(|other| other.values != all[i].values)));
        let hidden = |units: usize| all.iter().filter(|one| one.config.train.model.hidden == units).count();
        assert!(hidden(32) > 5 && hidden(32) + hidden(64) == 30);
        assert!(all[1..].iter().all(|one| (1e-4..=1e-2).contains(&one.config.train.lr)));
        // Drawn from the seed alone: as often as wished, more of them, or with another dimension.
        let of = |seed: &str, space, count| tried(&[("lr", "0.5"), ("seed", seed)], space, count).0.unwrap();
        assert_eq!(of("7", "lr=1e-4..1e-2,hidden=32|64", 30), all);
        assert_eq!(of("7", "lr=1e-4..1e-2,hidden=32|64", 12), all[..12]);
        assert_ne!(of("8", "lr=1e-4..1e-2,hidden=32|64", 30)[1..], all[1..]);
        let rates = |all: &[Configuration]| all.iter().map(|one| one.values[0].clone()).collect::<Vec<_>>();
        assert_eq!(rates(&of("7", "lr=1e-4..1e-2", 30)), rates(&all));
    }

    #[test]
    fn a_small_space_is_tried_whole() {
        let (all, notices) = tried(&[], "hidden=16|32|64,layers=1|2", 40);
        assert_eq!(all.unwrap().len(), 6);
        assert!(notices[0].to_string().contains("only 6 different configurations"), "{notices:?}");
        let error = tried(&[], "hidden=64", 40).0.unwrap_err().to_string();
        assert!(error.contains("nothing but what is the default"), "{error}");
    }

    #[test]
    fn what_changes_nothing_is_rejected() {
        let error = tried(&[("regularizer", "none")], "lr=1e-4..1e-2,sparsity=0.1..0.3|0.3..0.7", 9).0.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("sparsity") && text.contains("regularizer"), "{text}");
        tried(&[("regularizer", "none")], "regularizer=none|pruning,sparsity=0.1..0.3|0.3..0.7", 9).0.unwrap();
        // Of six words none may be drawn that the other option needs.
        for seed in ["1", "2", "3", "42"] {
            let space = "regularizer=none|mc-dropout|dropout|pruning|random-pruning|weight-decay,weight-decay=1e-3..1";
            tried(&[("seed", seed)], space, 2).0.unwrap();
        }
        let error = tried(&[("epochs", "4")], "prune-until=2|9", 9).0.map(|all| all.len());
        // Whether it fits the run, the plan says.
        assert_eq!(error.unwrap(), 3);
    }
}
