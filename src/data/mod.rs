//! series → windows: from a CSV file, or rows at hand, to a scaled, indexed [`Dataset`].
//!
//! ```text
//! bytes → table → cells, time_column, roles → series (step, gaps) → split → impute, scale → calendar → window
//! ```
//!
//! The pipeline is [`DataOptions::load`], in `load.rs`, and [`DataOptions::load_rows`] writes rows into its beginning; every other file is one stage. Knows nothing of models, devices
//! or loss. Rows never become copies: a window is the index of its first row.

mod ahead;
mod assemble;
mod calendar;
mod cells;
mod dataset;
mod embedded;
mod fitted;
mod freq;
mod impute;
mod load;
pub mod options;
mod roles;
mod rows;
mod scale;
mod series;
mod source;
mod split;
mod step;
mod study;
mod table;
mod text;
mod time;
mod time_column;
mod window;

pub use ahead::{Cutoff, Start};
pub use dataset::{Dataset, Series, SplitName};
pub use fitted::{Fitted, FittedSeries};
pub use freq::{Freq, TimeFormat};
pub use options::{Covariates, DataOptions, Gaps, Impute, Scale, Source, Split};
pub use rows::Row;
pub use scale::Scaler;
pub use split::Parts;
pub use step::Step;
pub use study::Origin;
pub use time::Timestamp;
pub use time_column::TimeKind;
pub use window::Dropped;

/// 26115 and `row` → `26,115 rows`.
pub fn counted(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// 26115 → `26,115`.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
