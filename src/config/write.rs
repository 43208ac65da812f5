//! The configuration as TOML, as a run folder and a checkpoint keep it.

use toml::Value;

use super::Config;
use super::option::{Opt, Section};
use super::table::SECTIONS;
use crate::models::ModelKind;

impl Config {
    /// As TOML: every option that makes the run what it is, but where its results go. Paths are made absolute, so that the
    /// file works from anywhere.
    pub fn to_toml(&self) -> String {
        let mut text = String::from("# Repeats this run: microglia train --config <this file>\n");
        for (section, options) in SECTIONS {
            let lines: Vec<String> = options
                .iter()
                .filter(|one| self.holds(*section, one))
                .filter_map(|one| Some(format!("{} = {}\n", one.spec.name, one.written(self)?)))
                .collect();
            if !lines.is_empty() {
                text += &format!("\n# {}\n{}", section.heading(), lines.concat());
            }
        }
        if let Some(tuning) = &self.tuning {
            text += "\n# Chosen by autotune\n[tuning]\n";
            text += &format!("adapter = {}\nproducts = [\n", Value::from(tuning.adapter.as_str()));
            for tuned in &tuning.products {
                let entries = toml::to_string(tuned).expect("numbers and words are TOML");
                text += &format!("    {{ {} }},\n", entries.trim_end().replace('\n', ", "));
            }
            text += "]\n";
        }
        text
    }

    /// Whether an option is part of the run: those of other models are not, nor is where the results go.
    fn holds(&self, section: Section, option: &Opt<Config>) -> bool {
        let kind = self.train.model.kind;
        let (patchtst, linear) = (kind == ModelKind::Patchtst, kind.is_linear());
        match section {
            Section::Output => false,
            Section::Patchtst => patchtst,
            Section::Model => match option.spec.name {
                "hidden" | "activation" => !patchtst && !linear,
                "layers" | "linear-path" => !linear,
                _ => true,
            },
            _ => !matches!(option.spec.name, "autotune" | "tuning"),
        }
    }
}
