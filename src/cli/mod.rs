//! The program around the library: what was typed, what it means, and a file per verb.

pub mod args;
pub mod config;
pub mod config_file;
