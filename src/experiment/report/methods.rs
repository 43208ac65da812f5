//! A study's methods, in the order listed, and which of them the study asks about.

use serde::Serialize;

use crate::error::Result;
use crate::experiment::study::Study;

/// The methods of a study.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Methods {
    /// In the study's order, without repeats.
    #[serde(rename = "methods")]
    pub names: Vec<String>,
    /// Indices of the methods that are synaptic pruning, by what they do and not by name. Each is compared with its rivals.
    pub subjects: Vec<usize>,
    /// How many settings of each compete.
    pub settings: Vec<usize>,
}

impl Methods {
    /// Groups a study's settings by method.
    ///
    /// # Errors
    /// Where a setting of the study is unsound.
    pub fn of(study: &Study) -> Result<Methods> {
        let mut found = Methods::default();
        for setting in study.settings()? {
            let place = found.names.iter().position(|name| *name == setting.name).unwrap_or_else(|| {
                found.names.push(setting.name.clone());
                found.settings.push(0);
                found.names.len() - 1
            });
            found.settings[place] += 1;
            if setting.is_subject() && !found.subjects.contains(&place) {
                found.subjects.push(place);
            }
        }
        Ok(found)
    }

    /// Indices of the methods that each subject is compared with: all that are not subjects.
    pub fn rivals(&self) -> impl Iterator<Item = usize> {
        (0..self.names.len()).filter(|method| !self.subjects.contains(method))
    }
}
