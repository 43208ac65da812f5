//! The configuration as TOML, as a run folder and a checkpoint keep it.

use toml::Value;

use super::Config;
use super::file::names_file;
use super::option::{Opt, Section, Spec};
use super::table::SECTIONS;
use crate::models::ModelKind;

impl Config {
    /// As TOML: every option that makes the run what it is, but where its results go. Paths are made absolute, so that the
    /// file works from anywhere. What is left open is written as its default,
    /// not as what a data set of its own configuration would choose: a run writes this once its data is read.
    pub fn to_toml(&self) -> String {
        let mut text = String::from("# Repeats this run: microglia train --config <this file>\n");
        for (section, options) in SECTIONS {
            let lines: Vec<String> = options
                .iter()
                .filter(|one| self.holds(*section, one))
                .filter_map(|one| {
                    Some(format!("{} = {}\n", one.spec.name, from_anywhere(&one.spec, one.written(self)?)))
                })
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

    /// Whether an option is part of the run: those of other models are not, nor is where the results go, nor the way to cut
    /// the parts that was not taken.
    fn holds(&self, section: Section, option: &Opt<Config>) -> bool {
        let kind = self.train.model.kind;
        let (patchtst, linear) = (kind == ModelKind::Patchtst, kind.is_linear());
        let sizes = self.data.sizes().is_some();
        match section {
            Section::Output => false,
            // One of the two ways to cut the parts.
            Section::Data => match option.spec.name {
                "split" => !sizes,
                "test-size" | "val-size" => sizes,
                _ => true,
            },
            Section::Patchtst => patchtst,
            Section::Model => match option.spec.name {
                "hidden" | "activation" => !patchtst && !linear,
                "layers" | "linear-path" => !linear,
                "moving-average" => kind == ModelKind::Dlinear,
                "decoder-hidden" => self.data.plans(),
                _ => true,
            },
            _ => !matches!(option.spec.name, "autotune" | "tuning"),
        }
    }
}

/// The value, a file's path made absolute.
fn from_anywhere(spec: &Spec, value: Value) -> Value {
    match value {
        Value::String(text) if names_file(spec, &text) => {
            Value::String(std::path::absolute(&text).map_or(text, |path| path.display().to_string()))
        }
        other => other,
    }
}
