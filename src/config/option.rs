//! What an option is: one definition, from which flags, help, TOML keys, the written configuration, the comparison at
//! resume, the JSON Schema, and the guide's table follow.

use toml::Value;

use super::kind::Kind;
use crate::error::{Error, Result, Text};

/// Under which heading `--help`, a written configuration and the guide list an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Section {
    /// The file, its columns, windows and parts.
    Data,
    /// The network.
    Model,
    /// A PatchTST's network.
    Patchtst,
    /// Optimizer, loss, regularizers and stops.
    Training,
    /// When and how much is pruned.
    Pruning,
    /// Where it is computed.
    Device,
    /// What is saved on the way.
    Checkpoints,
    /// Where results go: no part of a run's configuration.
    Output,
    /// What a study varies.
    Grid,
    /// What a search tries.
    Search,
}

impl Section {
    /// The heading.
    pub fn heading(self) -> &'static str {
        match self {
            Section::Data => "Data",
            Section::Model => "Model",
            Section::Patchtst => "PatchTST",
            Section::Training => "Training",
            Section::Pruning => "Pruning",
            Section::Device => "Device",
            Section::Checkpoints => "Checkpoints",
            Section::Output => "Output",
            Section::Grid => "Grid",
            Section::Search => "Search",
        }
    }
}

/// Whether an option of a resumed run may differ from the run's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtResume {
    /// It makes the run what it is.
    Fixed,
    /// It may be larger: the steps before are those of the longer run.
    Grows,
    /// It changes no bit of the weights.
    Free,
}

/// What of an option is the same for everything that has it: all but the field that holds its value.
#[derive(Debug)]
pub struct Spec {
    /// The TOML key, and the flag without its dashes.
    pub name: &'static str,
    /// Other names that are read as this one, each with where it is used.
    pub aliases: &'static [(&'static str, &'static str)],
    /// The values that it takes.
    pub kind: Kind,
    /// The word that unsets it, `auto` or `none`, and what happens then.
    pub unset: Option<(&'static str, &'static str)>,
    /// What stands for the value in `--help`.
    pub value_name: &'static str,
    /// The default, where the field of an untouched configuration does not say it.
    pub default: Option<&'static str>,
    /// One sentence, without a full stop.
    pub help: &'static str,
    /// Whether it may differ at resume.
    pub at_resume: AtResume,
    /// Whether a value may begin with `-`.
    pub hyphens: bool,
    /// Whether it is a key of files alone: the program writes it.
    pub hidden: bool,
}

impl Spec {
    /// Its name, then its aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        [self.name].into_iter().chain(self.aliases.iter().map(|(name, _)| *name))
    }

    /// Whether a key is this option's name or an alias.
    pub fn is_named(&self, key: &str) -> bool {
        self.names().any(|name| name == key)
    }

    /// Whether a text unsets it.
    pub fn unsets(&self, text: &str) -> bool {
        self.unset.is_some_and(|(word, _)| word == text)
    }

    /// What it takes, in words: `a whole number from 1 to 1024, or auto`.
    pub fn wanted(&self) -> String {
        match (self.kind.wanted(), self.unset) {
            (wanted, Some((word, _))) if !wanted.contains(word) => format!("{wanted}, or {word}"),
            (wanted, _) => wanted,
        }
    }

    /// Accepts a text that it takes.
    ///
    /// # Errors
    /// What it takes instead.
    pub fn check(&self, text: &str) -> Result<(), String> {
        if self.unsets(text) || self.kind.takes(text) { Ok(()) } else { Err(format!("give {}", self.wanted())) }
    }

    /// An error about a value of this option.
    pub(crate) fn rejected(&self, value: &str) -> Error {
        Error::config(self.name, format!("{value} is rejected"), format!("give {}", self.wanted()))
    }
}

/// How an option's value is read from, and written to, what holds it.
pub(crate) struct Access<C: 'static> {
    /// `None`: unset.
    pub(crate) get: fn(&C) -> Option<Value>,
    /// From a text that [`Spec::check`] accepts; `None` unsets it.
    pub(crate) set: fn(&mut C, Option<&str>) -> Result<()>,
}

/// An option of a `C`.
pub struct Opt<C: 'static> {
    /// What it is.
    pub spec: Spec,
    access: Access<C>,
    needs: Option<Needs<C>>,
}

/// When an option changes something, and which other options make it so.
struct Needs<C: 'static> {
    when: fn(&C) -> bool,
    what: &'static str,
}

impl<C> Opt<C> {
    /// An option with a field of its own.
    pub(crate) const fn new(name: &'static str, kind: Kind, access: Access<C>, help: &'static str) -> Opt<C> {
        let spec = Spec {
            name,
            aliases: &[],
            value_name: kind.value_name(),
            kind,
            unset: None,
            default: None,
            help,
            at_resume: AtResume::Fixed,
            hyphens: false,
            hidden: false,
        };
        Opt { spec, access, needs: None }
    }

    pub(crate) const fn aliases(mut self, aliases: &'static [(&'static str, &'static str)]) -> Opt<C> {
        self.spec.aliases = aliases;
        self
    }

    /// `--help`'s word for the value.
    pub(crate) const fn value(mut self, name: &'static str) -> Opt<C> {
        self.spec.value_name = name;
        self
    }

    /// `auto`: the program decides, as `how` says.
    pub(crate) const fn auto(mut self, how: &'static str) -> Opt<C> {
        self.spec.unset = Some(("auto", how));
        self
    }

    /// `none`, and what that does.
    pub(crate) const fn or_none(mut self, what: &'static str) -> Opt<C> {
        self.spec.unset = Some(("none", what));
        self
    }

    pub(crate) const fn default(mut self, words: &'static str) -> Opt<C> {
        self.spec.default = Some(words);
        self
    }

    pub(crate) const fn at_resume(mut self, at_resume: AtResume) -> Opt<C> {
        self.spec.at_resume = at_resume;
        self
    }

    pub(crate) const fn hyphens(mut self) -> Opt<C> {
        self.spec.hyphens = true;
        self
    }

    pub(crate) const fn hidden(mut self) -> Opt<C> {
        self.spec.hidden = true;
        self
    }

    /// It changes nothing unless `when`; `what` names the options that make it so.
    pub(crate) const fn needs(mut self, when: fn(&C) -> bool, what: &'static str) -> Opt<C> {
        self.needs = Some(Needs { when, what });
        self
    }

    /// The value; `None` where it is unset.
    pub fn get(&self, from: &C) -> Option<Value> {
        (self.access.get)(from)
    }

    /// The value as a configuration is written: the word for it, where it is unset.
    pub fn written(&self, from: &C) -> Option<Value> {
        let word = || match (self.spec.default, self.spec.unset) {
            (Some(""), _) => Some(Value::Array(Vec::new())),
            (Some(word), _) | (None, Some((word, _))) => Some(Value::from(word)),
            (None, None) => None,
        };
        self.get(from).or_else(word)
    }

    /// Sets the value from text, as it is typed after the flag.
    ///
    /// # Errors
    /// Where the option does not take the text, with what it takes.
    pub fn set(&self, to: &mut C, text: &str) -> Result<()> {
        if self.spec.check(text).is_err() {
            return Err(self.spec.rejected(&format!("{text:?}")));
        }
        let named = |error| match error {
            // Words of a type know the option that is called like it, not the one at hand.
            Error::Config { file, problem, help, .. } => {
                Error::Config { key: self.spec.name.into(), file, problem, help }
            }
            other => other,
        };
        (self.access.set)(to, Some(text).filter(|text| !self.spec.unsets(text))).map_err(named)
    }

    /// What it changes nothing without, where there is such a thing.
    pub fn needs_what(&self) -> Option<&'static str> {
        self.needs.as_ref().map(|needs| needs.what)
    }

    /// A remark, where the option changes nothing as things stand.
    pub fn idle(&self, config: &C) -> Option<Text> {
        let Needs { when, what } = self.needs.as_ref()?;
        let idle = || format!("‹{}› changes nothing without {what}", self.spec.name).into();
        (!when(config)).then(idle)
    }
}
