//! The hash of a model's weights.

use sha2::{Digest, Sha256};

use crate::program::{ParamLayout, StateLayout};

/// SHA-256 over every weight's and running statistic's name and little-endian values, in arena order.
pub fn sha256(layout: &ParamLayout, row: &[f32], state: &StateLayout, running: &[f32]) -> String {
    let mut hash = Sha256::new();
    let params = layout.params.iter().map(|param| (&param.name, &row[param.range()]));
    let state = state.entries.iter().map(|entry| (&entry.name, &running[entry.range()]));
    for (name, values) in params.chain(state) {
        hash.update(name.as_bytes());
        for value in values {
            hash.update(value.to_le_bytes());
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
