//! One integration-test binary; a module per subject.

mod baselines;
mod data;
mod data_embedded;
mod data_missing;
mod data_options;
mod data_properties;
mod data_split;
mod data_times;
