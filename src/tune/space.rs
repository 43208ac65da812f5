//! What a search varies: options of a run, each with a range or a list of values.

use std::fmt;
use std::str::FromStr;

use crate::config::{Bounds, Config, Kind, Opt, option, plain_words};
use crate::error::{Error, Result};
use crate::train::auto::AUTO;

/// Options that replicas of one run may differ in: those of [`Member`](crate::train::Member).
pub const OF_REPLICAS: [&str; 12] = [
    "lr",
    "lr-schedule",
    "pct-start",
    "clip-grad-norm",
    "regularizer",
    "dropout",
    "weight-decay",
    "sparsity",
    "schedule",
    "warmup",
    "prune-every",
    "prune-until",
];

/// Options that make a model of another shape, or read other windows: each of their values is a run of its own. The loss, the
/// horizon and what is forecast are not among them: their losses could not be compared.
pub const OF_SHAPES: [&str; 22] = [
    "hidden",
    "layers",
    "lookback",
    "batch",
    "epochs",
    "activation",
    "instance-norm",
    "linear-path",
    "moving-average",
    "decoder-hidden",
    "calendar",
    "patch",
    "stride",
    "d-model",
    "heads",
    "ff",
    "norm",
    "norm-position",
    "ff-activation",
    "pool",
    "attention-dropout",
    "head-dropout",
];

/// The options that are searched, in the order named.
#[derive(Debug, Clone, PartialEq)]
pub struct Space(pub Vec<Dimension>);

/// One option that is searched.
#[derive(Debug, Clone, PartialEq)]
pub struct Dimension {
    /// The option's name.
    pub name: &'static str,
    /// What it may be.
    pub values: Values,
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Values::Range { from, to, .. } => write!(f, "{from}..{to}"),
            Values::Choices(list) => f.write_str(&list.join("|")),
        }
    }
}

/// What an option may be.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Numbers from one to the other, both included.
    Range {
        /// The smallest.
        from: f64,
        /// The largest.
        to: f64,
        /// Whether it is drawn evenly by its logarithm.
        log: bool,
        /// Whether whole numbers alone are drawn.
        whole: bool,
    },
    /// Texts that the option takes, as it is written.
    Choices(Vec<String>),
}

impl Dimension {
    /// The option's definition.
    pub fn option(&self) -> &'static Opt<Config> {
        option(self.name).expect("a name from the tables above")
    }

    /// The value at `share` of its range, from 0 up to, but not, 1: as text that the option takes.
    pub fn at(&self, share: f64) -> String {
        match &self.values {
            Values::Choices(list) => list[((share * list.len() as f64) as usize).min(list.len() - 1)].clone(),
            Values::Range { from, to, log, whole } => {
                let value = match log {
                    true => (from.ln() + share * (to.ln() - from.ln())).exp(),
                    false => from + share * (to - from),
                };
                // Digits beyond the fourth are noise that somebody would have to copy.
                let value = if *whole { value.round() } else { format!("{value:.3e}").parse().unwrap_or(value) };
                value.clamp(*from, *to).to_string()
            }
        }
    }

    /// What can be searched, for a message.
    fn names() -> String {
        OF_REPLICAS.iter().chain(&OF_SHAPES).copied().collect::<Vec<_>>().join(", ")
    }

    fn parse(name: &str, text: &str) -> Result<Dimension> {
        let found = option(name).map(|one| &one.spec);
        let Some(spec) = found.filter(|spec| OF_REPLICAS.contains(&spec.name) || OF_SHAPES.contains(&spec.name)) else {
            let problem = format!("`{name}` cannot be searched");
            return Err(Error::config("search", problem, format!("search {}", Dimension::names())));
        };
        let name = spec.name;
        let rejected =
            |part: &str, help: String| Error::config("search", format!("`{name}={text}`: {part:?} is rejected"), help);
        let choices: Vec<String> = text.split('|').map(|word| word.trim().to_string()).collect();
        let number = matches!(spec.kind, Kind::Number(_) | Kind::Whole(..));
        if let ([range], true) = (&choices[..], number)
            && let Some((from, to)) = range.split_once("..")
        {
            for end in [from, to] {
                if !spec.kind.takes(end) {
                    return Err(rejected(end, format!("write FROM..TO, where each is {}", spec.wanted())));
                }
            }
            let read = |end: &str| end.parse::<f64>().unwrap_or(f64::NAN);
            let (from, to) = (read(from), read(to));
            if from.partial_cmp(&to) != Some(std::cmp::Ordering::Less) {
                return Err(rejected(range, "write FROM..TO, FROM below TO".into()));
            }
            let even = matches!(spec.kind, Kind::Number(Bounds::Fraction | Bounds::Share));
            let values =
                Values::Range { from, to, log: from > 0.0 && !even, whole: matches!(spec.kind, Kind::Whole(..)) };
            return Ok(Dimension { name, values });
        }
        let mut written: Vec<String> = Vec::new();
        for word in &choices {
            let mut config = Config::default();
            let set = option(name).map_or(Ok(()), |one| one.set(&mut config, word));
            if set.is_err() || (word == AUTO && matches!(name, "instance-norm" | "linear-path")) {
                let range = if number { ", or a range FROM..TO" } else { "" };
                return Err(match set {
                    // The field knows what it takes.
                    Err(Error::Config { help, .. }) if matches!(spec.kind, Kind::Text | Kind::List) => {
                        let problem = format!("`{name}={text}`: {word:?} is rejected");
                        Error::config("search", problem, help.and("; several are joined by |"))
                    }
                    _ => rejected(word, format!("give {}{range}, several joined by |", spec.wanted())),
                });
            }
            let text = option(name).and_then(|one| one.written(&config)).map_or_else(String::new, |v| plain_words(&v));
            if written.contains(&text) {
                return Err(rejected(word, "name each value once".into()));
            }
            written.push(text);
        }
        Ok(Dimension { name, values: Values::Choices(written) })
    }
}

impl FromStr for Space {
    type Err = Error;

    /// `lr=1e-4..1e-2,hidden=32|64|128`. A value may hold commas, but no part of it a `=`.
    fn from_str(text: &str) -> Result<Space> {
        let mut parts: Vec<(String, String)> = Vec::new();
        for part in text.split(',') {
            match (part.split_once('='), parts.last_mut()) {
                (Some((name, values)), _) => parts.push((name.trim().into(), values.trim().into())),
                (None, Some((_, values))) => *values = format!("{values},{}", part.trim()),
                (None, None) => {
                    let help = "write NAME=FROM..TO or NAME=VALUE|VALUE, several joined by commas: \
                                lr=1e-4..1e-2,hidden=32|64";
                    return Err(Error::config("search", format!("{part:?} is no NAME=VALUES"), help));
                }
            }
        }
        let mut space = Space(Vec::new());
        for (name, values) in parts {
            let one = Dimension::parse(&name, &values)?;
            if space.0.iter().any(|other| other.name == one.name) {
                return Err(Error::config("search", format!("`{}` is named twice", one.name), "name each option once"));
            }
            space.0.push(one);
        }
        Ok(space)
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, one) in self.0.iter().enumerate() {
            write!(f, "{}{}={}", if place > 0 { "," } else { "" }, one.name, one.values)?;
        }
        Ok(())
    }
}

impl Space {
    /// What is searched where nothing is named: what replicas of one run may differ in and this configuration uses.
    pub fn of(config: &Config) -> Space {
        let of = |name: &'static str, values: &str| Dimension::parse(name, values).expect("a test holds it");
        let mut all = vec![of("lr", "0.0001..0.01"), of("clip-grad-norm", "none|0.5|2")];
        let regularizers = &config.train.regularizers;
        if regularizers.prunes() {
            all.push(of("sparsity", "0.1..0.3|0.3..0.5|0.3..0.7|0.5..0.9"));
            all.push(of("schedule", "cubic|zhu-gupta|linear"));
        }
        if regularizers.drops() {
            all.push(of("dropout", "0..0.5"));
        }
        if option("weight-decay").is_some_and(|one| one.idle(config).is_none()) {
            all.push(of("weight-decay", "0.0001..0.1"));
        }
        Space(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::options;

    fn space(text: &str) -> Space {
        text.parse().unwrap()
    }

    #[test]
    fn a_search_reads_as_it_prints() {
        for text in ["lr=0.0001..0.01", "regularizer=none|pruning,dropout,hidden=32|64", "sparsity=0.3..0.7|0.1..0.5"] {
            assert_eq!(space(text).to_string(), text);
        }
        assert_eq!(
            space("learning-rate = 1e-4..1e-2 , input-size=24| 48").to_string(),
            "lr=0.0001..0.01,lookback=24|48"
        );
    }

    #[test]
    fn what_cannot_be_searched_is_named() {
        for (text, words) in [
            ("", vec!["no NAME=VALUES"]),
            ("lr", vec!["no NAME=VALUES", "lr=1e-4..1e-2"]),
            ("loss=mse|mae", vec!["`loss`", "lookback"]),
            ("hiden=3", vec!["`hiden`", "hidden"]),
            ("lr=0..1", vec!["\"0\"", "above 0"]),
            ("lr=1e-2..1e-4", vec!["FROM below TO"]),
            ("lr=x..1", vec!["\"x\""]),
            ("lr=nan..1", vec!["\"nan\""]),
            ("hidden=32|many", vec!["\"many\"", "1 to 1024"]),
            ("hidden=32|32", vec!["once"]),
            ("lr=0.001|1e-3", vec!["1e-3", "once"]),
            ("schedule=cubic|fast", vec!["\"fast\"", "zhu-gupta"]),
            ("sparsity=0.9..0.3", vec!["0.9..0.3"]),
            ("sparsity=0..2", vec!["\"0..2\" is rejected", "MIN..MAX", "MAX < 1", "joined by |"]),
            ("regularizer=dropout|ridge", vec!["\"ridge\" is rejected", "weight-decay"]),
            ("linear-path=auto|none", vec!["\"auto\""]),
            ("lr=1e-4..1e-2,lr=1|2", vec!["twice"]),
        ] {
            let error = text.parse::<Space>().unwrap_err().to_string();
            assert!(error.contains("`search`"), "{error}");
            words.iter().for_each(|word| assert!(error.contains(word), "no {word} in {error}"));
        }
    }

    #[test]
    fn draws_lie_in_their_range_and_are_short() {
        let of = |text: &str| space(text).0.remove(0);
        let rate = of("lr=1e-4..1e-2");
        assert_eq!((rate.at(0.0).as_str(), rate.at(0.5).as_str()), ("0.0001", "0.001"));
        let (chance, units) = (of("dropout=0..0.5"), of("hidden=16..64"));
        assert_eq!((chance.at(0.5), units.at(0.5)), ("0.25".into(), "32".into()));
        for one in [rate, chance, units] {
            let Values::Range { from, to, .. } = one.values else { panic!() };
            for share in 0..1000 {
                let text = one.at(f64::from(share) / 1000.0);
                let value: f64 = text.parse().unwrap();
                assert!(
                    (from..=to).contains(&value) && text.len() <= 9 && one.option().spec.kind.takes(&text),
                    "{text}"
                );
            }
        }
        let words = of("schedule=cubic|linear");
        assert_eq!([0.0, 0.49, 0.5, 0.999].map(|share| words.at(share)), ["cubic", "cubic", "linear", "linear"]);
    }

    #[test]
    fn every_option_that_is_searched_is_one() {
        let known = |name: &&'static str| options().any(|one| *one.spec.name == **name);
        assert!(OF_REPLICAS.iter().chain(&OF_SHAPES).all(known));
        let mut config = Config::default();
        for words in ["none", "pruning", "dropout,weight-decay", "random-pruning,mc-dropout,l2"] {
            config.train.regularizers = words.parse().unwrap();
            let names: Vec<&str> = Space::of(&config).0.iter().map(|one| one.name).collect();
            assert_eq!(names.contains(&"sparsity"), words.contains("pruning"), "{words}");
            assert_eq!(names.contains(&"dropout"), words.contains("dropout"), "{words}");
            assert_eq!(names.contains(&"weight-decay"), words.contains("decay") || words.contains("l2"), "{words}");
        }
    }
}
