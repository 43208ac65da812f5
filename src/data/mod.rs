//! series → windows: from a CSV file, or rows at hand, to a scaled, indexed [`Dataset`].
//!
//! ```text
//! bytes → table → cells, time_column, roles → series (step, gaps) → split → impute, scale → calendar → window
//! ```
//!
//! The pipeline is [`DataOptions::load`], in `load.rs`, and [`DataOptions::load_rows`] writes rows into its beginning; every other file is one stage. Knows nothing of models, devices
//! or loss. Rows never become copies: a window is the index of its first row.

mod ahead;
mod arrays;
mod calendar;
mod cells;
mod columns;
mod count;
mod dataset;
mod embedded;
mod fitted;
mod frame;
mod freq;
mod gaps;
mod header;
mod impute;
mod load;
pub mod options;
mod panel;
mod parts;
mod pipeline;
mod reading;
mod roles;
mod rows;
mod scale;
mod series;
mod settings;
mod source;
mod split;
mod step;
mod study;
mod table;
mod text;
mod time;
mod time_column;
mod times;
mod typed;
mod window;

pub use ahead::{Cutoff, Start};
pub use columns::{Column, Columns, Role};
pub use count::{counted, grouped};
pub use dataset::{Dataset, Series};
pub use fitted::{Fitted, FittedSeries};
pub use freq::{Freq, TimeFormat};
pub use options::{Covariates, DataOptions, Gaps, Impute, Origin, Scale, Source, Split};
pub use panel::{Panel, TimeSeries};
pub use rows::Row;
pub use scale::Scaler;
pub use split::{Parts, SplitName};
pub use step::Step;
pub use time::{TimeKind, Timestamp};
pub use window::Dropped;
