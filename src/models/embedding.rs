//! What a network reads of each row: numbers, and the embeddings of categorical columns.

use super::ModelOptions;
use crate::layers::{self, Signal};
use crate::program::builder::{Category, Sizes};
use crate::program::{Builder, Initial, Param, TensorId};

/// The name of the table of a categorical column, `[levels + 1, E]`.
fn table_name(category: &Category) -> String {
    format!("embedding.{}.weight", category.name)
}

/// The tables of categorical columns. Row 0, of levels that are not known, starts at zero.
pub(super) fn params(model: &ModelOptions, sizes: &Sizes) -> Vec<Param> {
    let table = |category: &Category| {
        let shape = [category.levels + 1, model.width_of(category.levels)];
        Param::new(table_name(category), &shape, model.prune_embeddings, 0.0).initial(Initial::Embedding)
    };
    sizes.categories.iter().map(table).collect()
}

/// Words of a row that the network reads.
pub(super) fn width(model: &ModelOptions, sizes: &Sizes) -> usize {
    let embedded: usize = sizes.categories.iter().map(|category| model.width_of(category.levels)).sum();
    sizes.channels - sizes.categories.len() + embedded
}

/// The rows of windows `[B, T, W]` as the network reads them, `[B·T, width]`.
pub(super) fn forward(b: &mut Builder, input: TensorId) -> Signal {
    let tables: Vec<String> = b.sizes.categories.iter().map(table_name).collect();
    match tables.is_empty() {
        true => layers::window_rows(b, input),
        false => layers::embedding(b, &tables, input),
    }
}
