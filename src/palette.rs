//! The colours of every picture and of the report: those that people of any colour vision can distinguish (Okabe & Ito 2008), on paper
//! of their own, so that pictures look the same on light and dark pages.

/// Background of pictures and of the report.
pub(crate) const PAPER: &str = "#ffffff";
/// Text, observed values and axes that matter.
pub(crate) const INK: &str = "#22262b";
/// Labels and axes.
pub(crate) const MUTED: &str = "#6b7280";
/// Lines of grids, and between rows of tables.
pub(crate) const GRID: &str = "#e6e8ec";
/// Behind headings of tables, and what is quoted.
pub(crate) const SHADE: &str = "#f6f7f9";

/// In the order in which lines take them. More are told apart by how dark they are, too.
#[cfg(feature = "plots")]
pub(crate) const HUES: [&str; 11] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a94a3", "#22262b", "#7a3b9d", "#b8bd2c",
    "#7d2418",
];

/// The model that a picture is about.
#[cfg(feature = "plots")]
pub(crate) const MODEL: &str = HUES[1];
/// Baselines, in the order given.
#[cfg(feature = "plots")]
pub(crate) const BASELINES: [&str; 3] = [HUES[6], HUES[2], HUES[0]];
/// What is beside the forecast: sparsity, marks.
#[cfg(feature = "plots")]
pub(crate) const BESIDE: &str = HUES[3];
