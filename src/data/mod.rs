//! series → windows: from a file, rows or typed series to a scaled, indexed [`Dataset`].
//!
//! ```text
//! load        bytes (source) or a frame → table (preamble, columnar) → reading or in_rows (marks, cells, spelling, time_column, roles) ┐
//! load_rows   rows, whose times are text ───────────────────────────────────────────────────────────────────────┤
//! load_panel  typed series ─────────────────────────────────────────────────────────────────────────────────────┴→ frame (order)
//! plan        bytes → table → reading → frame (order, zone) → series → future, of rows to come
//! grown       bytes → the bytes, or the rows, of the training data among them
//! pipeline    frame (zone) → series → statics → future → calendars (calendar, holidays) → gaps → bounds → parts → held_out
//!             → fitted (scale) → levels → features → arrays (impute) → window → Dataset
//! ```
//!
//! Each stage is a file and takes what the one before gives; `pipeline.rs` calls them in order. A file imports only files of
//! earlier stages. The module knows nothing of models, devices or loss. Rows are never copied: a window is the index of its first
//! row.

mod ahead;
mod apart;
mod arrays;
mod bounds;
mod calendar;
mod calendars;
mod cells;
mod choices;
mod chunks;
mod columnar;
mod columns;
mod count;
mod dataset;
mod embedded;
mod encoding;
mod features;
mod fitted;
mod frame;
mod future;
mod gaps;
mod grown;
mod header;
mod held_out;
mod holidays;
mod impute;
mod in_rows;
mod levels;
mod load;
mod marks;
mod number;
pub mod options;
mod order;
mod origin;
mod panel;
mod parts;
mod pipeline;
mod plan;
mod preamble;
mod reading;
mod roles;
mod rows;
mod scale;
mod series;
mod settings;
mod short;
mod source;
mod spelling;
mod split;
mod statics;
mod step;
mod study;
mod table;
mod text;
mod time;
mod time_cells;
mod time_column;
mod time_form;
mod time_text;
mod times;
mod typed;
mod weights;
mod window;
mod writing;
mod zone;

pub use ahead::Cutoff;
pub use bounds::{Bounds, Transform};
pub use calendar::Calendar;
pub(crate) use calendar::Closed;
pub use columnar::Frame;
pub use columns::{Column, Columns, Role};
pub use count::{counted, few, grouped};
pub use dataset::{Dataset, Series};
pub use encoding::Encoding;
pub use fitted::{Fitted, FittedSeries};
pub(crate) use grown::{Own, Trained};
pub(crate) use levels::MOST_LEVELS;
pub(crate) use load::Content;
pub use options::{
    Covariates, DataOptions, FillMissing, Gaps, Impute, Layout, Origin, Scale, ShortSeries, Source, Split,
};
pub use origin::Start;
pub use panel::{Panel, TimeSeries};
pub use rows::Row;
pub use scale::Scaler;
pub use short::LeftOut;
pub(crate) use short::reasons;
pub use split::{Parts, SplitName};
pub use step::Step;
pub use time::{TimeKind, Timestamp};
pub use time_form::TimeForm;
pub use window::Dropped;
pub use writing::Writing;
