//! Flags of the library's options: one for each, with the help that the option has.

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use microglia::config::{DEVICE, Kind, Opt, SECTIONS, Section, Settings, Spec, default_note, option};
use microglia::error::{Notation, Text};
use microglia::{experiment, tune};

/// The flag of an option. `note` ends its line of help.
pub(super) fn flag(spec: &'static Spec, heading: &'static str, note: &str) -> Arg {
    let help = Text::from(format!("{}{}{note}", spec.help, taken(spec.kind))).to(Notation::Flags);
    let arg = Arg::new(spec.name).long(spec.name).aliases(spec.names().skip(1)).help(help).help_heading(heading);
    let arg = arg.value_name(value_name(spec)).action(ArgAction::Set).allow_hyphen_values(spec.hyphens);
    match spec.kind {
        Kind::Words(words) => {
            let unset = spec.unset.map(|(word, _)| word);
            arg.value_parser(PossibleValuesParser::new(unset.into_iter().chain(words.iter().copied())))
                .hide_possible_values(spec.value_name == Kind::WORD)
        }
        // TOML's own switches too. The flag alone turns it on.
        Kind::Switch => arg
            .value_parser(PossibleValuesParser::new(
                spec.unset
                    .map(|(word, _)| PossibleValue::new(word))
                    .into_iter()
                    .chain([PossibleValue::new("on").alias("true"), PossibleValue::new("off").alias("false")]),
            ))
            .hide_possible_values(true)
            .num_args(0..=1)
            .default_missing_value("on"),
        Kind::Flag => arg
            .value_parser(PossibleValuesParser::new(
                spec.unset.map(|(word, _)| word).into_iter().chain(["true", "false"]),
            ))
            .hide_possible_values(true)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        _ => arg.value_parser(|text: &str| spec.check(text).map(|()| text.to_string())),
    }
}

/// What an option takes, where clap does not list it and it is not to be expected: ` [1 to 1024]`.
fn taken(kind: Kind) -> String {
    match kind {
        Kind::Several(words) => format!(" [any of: {}]", words.join(", ")),
        Kind::Whole(least, most) | Kind::Wholes(least, most) if most < 1 << 16 => format!(" [{least} to {most}]"),
        _ => String::new(),
    }
}

/// What stands for the value: the words themselves, where no other name is given.
fn value_name(spec: &Spec) -> String {
    let unset = spec.unset.map(|(word, _)| word);
    match (spec.kind, unset) {
        (Kind::Words(words), unset) if spec.value_name == Kind::WORD => {
            unset.into_iter().chain(words.iter().copied()).collect::<Vec<_>>().join("|")
        }
        (_, Some("none")) if !spec.value_name.contains("none") => format!("{}|none", spec.value_name),
        _ => spec.value_name.into(),
    }
}

/// The options of `specs` that were typed.
pub(super) fn typed<'a>(matches: &ArgMatches, specs: impl Iterator<Item = &'a Spec>) -> Settings {
    let mut settings = Settings::default();
    for spec in specs.filter(|spec| !spec.hidden) {
        let given = matches.value_source(spec.name) == Some(ValueSource::CommandLine);
        if let Some(text) = matches.get_one::<String>(spec.name).filter(|_| given) {
            settings.insert(spec, text.clone());
        }
    }
    settings
}

/// A group of options as clap's derive flattens it.
macro_rules! group {
    ($(#[$doc:meta])* $name:ident, $flags:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default)]
        pub(crate) struct $name(pub Settings);

        impl $name {
            /// Each option with its heading and what ends its line of help.
            fn flags() -> impl Iterator<Item = (&'static Spec, &'static str, String)> {
                $flags
            }
        }

        impl FromArgMatches for $name {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
                Ok($name(typed(matches, $name::flags().map(|(spec, ..)| spec))))
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
                self.0.lay_over($name::from_arg_matches(matches)?.0);
                Ok(())
            }
        }

        impl Args for $name {
            fn augment_args(command: Command) -> Command {
                command.args($name::flags().map(|(spec, heading, note)| flag(spec, heading, &note)))
            }

            fn augment_args_for_update(command: Command) -> Command {
                $name::augment_args(command)
            }
        }
    };
}
group!(
    /// Every option of a run.
    RunFlags,
    SECTIONS.iter().flat_map(|(section, options)| {
        let heading = match section {
            Section::Checkpoints => Section::Output.heading(),
            section => section.heading(),
        };
        options.iter().filter(|one| !one.spec.hidden).map(move |one| (&one.spec, heading, default_note(one)))
    })
);

group!(
    /// Where it is computed.
    DeviceFlags,
    DEVICE.iter().map(|one| (&one.spec, Section::Device.heading(), default_note(one)))
);

group!(
    /// How a file other than the training data is read, where it differs.
    ReadingFlags,
    READING.iter().filter_map(|name| option(name)).map(|one: &'static Opt<_>| {
        let note = if matches!(one.spec.name, "delimiter" | "decimal") { "detected" } else { "as in training" };
        (&one.spec, "Reading --data", format!(" [default: {note}]"))
    })
);

group!(
    /// What a study varies, and what its trainings share.
    StudyFlags,
    experiment::options::options().map(|(spec, section, words)| {
        let note = if words.is_empty() { words } else { format!(" [default: {words}]") };
        (spec, section.heading(), note)
    })
);

group!(
    /// What a search tries.
    SearchFlags,
    tune::options::options().map(|(spec, words)| {
        let note = if words.is_empty() { words } else { format!(" [default: {words}]") };
        (spec, Section::Search.heading(), note)
    })
);

/// Options of how a file is read.
pub(super) const READING: [&str; 18] = [
    "weight",
    "time-column",
    "time-format",
    "id-column",
    "freq",
    "impute",
    "missing-values",
    "gaps",
    "fill-missing",
    "holidays",
    "timezone",
    "short-series",
    "delimiter",
    "decimal",
    "thousands",
    "skip-rows",
    "sort",
    "layout",
];

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use microglia::config::options;
    use microglia::experiment::Study;

    fn matches(verb: &str, flags: &[String]) -> ArgMatches {
        let words = ["microglia", verb].into_iter().map(String::from).chain(flags.iter().cloned());
        let matches = super::super::Cli::command().try_get_matches_from(words).unwrap();
        matches.subcommand_matches(verb).unwrap().clone()
    }

    /// A text that an option takes.
    fn example(spec: &Spec) -> String {
        match spec.kind {
            _ if spec.name == "loss" => "huber:0.5".into(),
            Kind::Words(words) | Kind::Several(words) => words[words.len() - 1].into(),
            Kind::Switch => "off".into(),
            Kind::Flag => "true".into(),
            Kind::Whole(least, most) => (least + 6).min(most).to_string(),
            Kind::Number(_) => "0.5".into(),
            Kind::Wholes(..) => "3,4".into(),
            _ => "7".into(),
        }
    }

    #[test]
    fn every_option_is_a_flag_by_each_of_its_names() {
        for spec in options().map(|one| &one.spec).filter(|spec| !spec.hidden) {
            let text = example(spec);
            let mut expected = Settings::default();
            expected.set(spec.name, &text).unwrap();
            for name in spec.names() {
                for verb in ["train", "profile"] {
                    let typed = RunFlags::from_arg_matches(&matches(verb, &[format!("--{name}={text}")])).unwrap();
                    assert_eq!(typed.0, expected, "{verb} --{name}");
                }
            }
        }
        assert_eq!(RunFlags::from_arg_matches(&matches("train", &[])).unwrap().0, Settings::default());
    }

    /// The help's prose names the words that the library knows.
    #[test]
    fn help_names_every_method_and_what_may_change_at_resume() {
        use super::super::help::{EXPERIMENT_HELP, TRAIN_HELP};
        use microglia::config::AtResume;
        use microglia::experiment::method::{KINDS, Setting};
        use microglia::train::options::Regularizer;
        let words = |text: &str| -> Vec<String> {
            text.split(|c: char| !c.is_alphanumeric() && c != '-').map(String::from).collect()
        };
        let methods = words(EXPERIMENT_HELP);
        let rejection = Setting::parse("dropout+l2+pruning:x=1", &Study::default()).unwrap_err().to_string();
        let keys = words(rejection.lines().next().unwrap().split_once("takes ").unwrap().1);
        assert!(keys.len() > 8, "{rejection}");
        let all = KINDS.iter().chain(Regularizer::WORDS).map(|word| word.to_string()).chain(keys);
        all.filter(|word| !word.is_empty()).for_each(|word| assert!(methods.contains(&word), "{word}"));
        let (_, rest) = TRAIN_HELP.split_once("--resume continues").unwrap();
        let resume = words(rest.split_once("may differ").unwrap().0);
        for spec in options().map(|one| &one.spec).filter(|spec| !spec.hidden && spec.name != "autotune") {
            let named = resume.contains(&format!("--{}", spec.name));
            assert_eq!(named, spec.at_resume != AtResume::Fixed, "{}", spec.name);
        }
    }

    #[test]
    fn an_option_of_a_study_is_set_once() {
        for (text, key) in [
            ("batch = 3\nbatch-size = 4", "`batch`"),
            ("[data.s]\ntime-col = 'a'\ntime-column = 'b'", "`data.s.time-column`"),
        ] {
            let error = Study::from_table(&Study::default(), &text.parse().unwrap()).unwrap_err().to_string();
            assert!(error.contains(key) && error.contains("give it once"), "{error}");
        }
    }

    #[test]
    fn flags_and_file_say_the_same_of_every_option_of_a_study() {
        for (spec, _, _) in experiment::options::options() {
            let text = example(spec);
            let typed =
                StudyFlags::from_arg_matches(&matches("experiment", &[format!("--{}={text}", spec.name)])).unwrap();
            let mut by_flag = Study::default();
            typed.0.iter().for_each(|(name, text)| by_flag.set(name, text).unwrap());
            let table = toml::Table::from_iter([(spec.name.to_string(), toml::Value::from(text.as_str()))]);
            let by_file = Study::from_table(&Study::default(), &table).unwrap();
            assert_eq!(by_flag, by_file, "{}", spec.name);
            assert_ne!(by_flag, Study::default(), "{}", spec.name);
            let again = Study::from_table(&Study::default(), &by_flag.to_toml().parse().unwrap()).unwrap();
            assert_eq!(again, by_flag, "{}", spec.name);
        }
    }
}
