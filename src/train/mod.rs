pub mod options;
pub mod plot;
