//! The table of all options.

mod data;
mod model;
mod run;
mod training;

use super::Config;
use super::option::{Opt, Section};

pub use data::DATA;
pub use model::{MODEL, PATCHTST};
pub use run::{CHECKPOINTS, DEVICE, OUTPUT, TUNING};
pub use training::{PRUNING, TRAINING};

/// The options of a run by heading, in the order in which they are listed and applied.
pub static SECTIONS: &[(Section, &[Opt<Config>])] = &[
    (Section::Data, DATA),
    (Section::Model, MODEL),
    (Section::Patchtst, PATCHTST),
    (Section::Training, TRAINING),
    (Section::Pruning, PRUNING),
    (Section::Device, DEVICE),
    (Section::Device, TUNING),
    (Section::Checkpoints, CHECKPOINTS),
    (Section::Output, OUTPUT),
];

/// Every option of a run.
pub fn options() -> impl Iterator<Item = &'static Opt<Config>> {
    SECTIONS.iter().flat_map(|(_, options)| options.iter())
}

/// The option that has a name or an alias.
pub fn option(name: &str) -> Option<&'static Opt<Config>> {
    options().find(|one| one.spec.is_named(name))
}
