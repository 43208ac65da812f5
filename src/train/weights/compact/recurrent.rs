//! Hidden units of recurrent layers.
//!
//! Unit j of layer l is read by column j of `weight_hh` (by its own layer, a step later) and by column j of what follows:
//! `weight_ih` of the next layer, or the head, the spread and the decoder, which read the last step alone.
//! - A set of units *reaches nothing* where what follows has zeros in their columns, and `weight_hh` has zeros there in the
//!   rows of every unit outside the set. The largest such set is found by taking out, again and again, units that one
//!   outside reads.
//! - A unit is *constant* where its rows of `weight_ih` and `weight_hh` are 0, and so is its column of `weight_hh`. Of an
//!   RNN, h = act(b_ih + b_hh) at every step. Of an LSTM, the cell adds up over the steps, and of a GRU, h nears n by a factor
//!   z at each; so h_t is the same for every input and not for every step: only the last layer's goes, whose last step alone
//!   is read.

use super::tensors::Tensors;
use super::{Folded, at_least_one, places};
use crate::models::{LayerWidths, ModelOptions};
use crate::program::Cell;

/// Cuts the tensors; the widths that are left.
pub(super) fn cut(
    tensors: &mut Tensors,
    model: &ModelOptions,
    cell: Cell,
    lookback: usize,
) -> (Vec<LayerWidths>, Vec<Folded>) {
    let mut layers: Vec<Layer> = (0..model.layers).map(|layer| Layer::new(tensors, model, cell, layer)).collect();
    loop {
        let before: usize = layers.iter().map(Layer::width).sum();
        for layer in layers.iter_mut().rev() {
            layer.drop_unread(tensors);
        }
        for layer in &mut layers {
            layer.fold_constants(tensors, lookback);
        }
        if layers.iter().map(Layer::width).sum::<usize>() == before {
            break;
        }
    }
    for layer in &mut layers {
        at_least_one(&mut layer.live);
        layer.shrink(tensors);
    }
    let widths = layers.iter().map(|layer| LayerWidths { hidden: layer.width(), heads: 0, head: 0, ff: 0 });
    (widths.collect(), layers.iter().map(|layer| Folded { units: layer.folded, channels: 0 }).collect())
}

/// Takes these hidden units of a layer, and no others.
pub(super) fn take(tensors: &mut Tensors, model: &ModelOptions, cell: Cell, layer: usize, units: &[bool]) {
    let whole = Layer::new(tensors, model, cell, layer);
    Layer { live: units.to_vec(), ..whole }.shrink(tensors);
}

struct Layer {
    cell: Cell,
    last: bool,
    input: String,
    recurrent: String,
    biases: [String; 2],
    /// The matrices of what follows, each with its bias.
    readers: Vec<(String, String)>,
    live: Vec<bool>,
    folded: usize,
}

impl Layer {
    fn new(tensors: &Tensors, model: &ModelOptions, cell: Cell, layer: usize) -> Layer {
        let last = layer + 1 == model.layers;
        let name = |part: &str, layer: usize| format!("{}.{part}_l{layer}", cell.form().name);
        Layer {
            cell,
            last,
            input: name("weight_ih", layer),
            recurrent: name("weight_hh", layer),
            biases: [name("bias_ih", layer), name("bias_hh", layer)],
            readers: match last {
                true => ["head", "spread", "decoder.context"]
                    .map(|name| (format!("{name}.weight"), format!("{name}.bias")))
                    .into_iter()
                    .filter(|(weight, _)| tensors.has(weight))
                    .collect(),
                false => vec![(name("weight_ih", layer + 1), name("bias_ih", layer + 1))],
            },
            live: vec![true; model.layer(layer).hidden],
            folded: 0,
        }
    }

    fn width(&self) -> usize {
        places(&self.live).len()
    }

    /// Rows of a unit's gates.
    fn rows(&self, unit: usize) -> impl Iterator<Item = usize> + use<> {
        let hidden = self.live.len();
        (0..self.cell.form().gates.len()).map(move |gate| gate * hidden + unit)
    }

    fn drop_unread(&mut self, tensors: &mut Tensors) {
        let recurrent = tensors.get(&self.recurrent);
        let unread = |j: usize| self.readers.iter().all(|(reader, _)| tensors.get(reader).column_is_zero(j));
        let mut unread: Vec<bool> = (0..self.live.len()).map(|j| self.live[j] && unread(j)).collect();
        let reads = |i: usize, j: usize| self.rows(i).any(|row| recurrent.at(row, j) != 0.0);
        let mut outside: Vec<usize> = (0..self.live.len()).filter(|i| self.live[*i] && !unread[*i]).collect();
        while let Some(i) = outside.pop() {
            for j in places(&unread).into_iter().filter(|j| reads(i, *j)) {
                unread[j] = false;
                outside.push(j);
            }
        }
        for j in places(&unread) {
            self.remove(tensors, j);
        }
    }

    fn fold_constants(&mut self, tensors: &mut Tensors, lookback: usize) {
        for j in places(&self.live) {
            let (input, recurrent) = (tensors.get(&self.input), tensors.get(&self.recurrent));
            let reads_nothing = self.rows(j).all(|row| input.row_is_zero(row) && recurrent.row_is_zero(row));
            if !reads_nothing || !recurrent.column_is_zero(j) || !(self.cell.form().steady || self.last) {
                continue;
            }
            let [input, recurrent] = self.biases.each_ref().map(|name| {
                let bias = tensors.get(name);
                self.rows(j).map(|row| f64::from(bias.at(row, 0))).collect::<Vec<f64>>()
            });
            let value = self.cell.state_at_rest([&input, &recurrent], lookback);
            self.readers.iter().for_each(|(weight, bias)| tensors.fold(weight, j, value, bias));
            self.remove(tensors, j);
            self.folded += 1;
        }
    }

    /// Takes a unit out: what it reads and what reads it become zeros.
    fn remove(&mut self, tensors: &mut Tensors, unit: usize) {
        self.live[unit] = false;
        for name in [&self.input, &self.recurrent, &self.biases[0], &self.biases[1]] {
            self.rows(unit).for_each(|row| tensors.get_mut(name).clear_row(row));
        }
        tensors.get_mut(&self.recurrent).clear_column(unit);
        self.readers.iter().for_each(|(reader, _)| tensors.get_mut(reader).clear_column(unit));
    }

    fn shrink(&self, tensors: &mut Tensors) {
        let units: Vec<Option<usize>> = places(&self.live).into_iter().map(Some).collect();
        let hidden = self.live.len();
        let rows: Vec<Option<usize>> = (0..self.cell.form().gates.len())
            .flat_map(|gate| units.iter().map(move |unit| unit.map(|unit| gate * hidden + unit)))
            .collect();
        for name in [&self.input, &self.recurrent, &self.biases[0], &self.biases[1]] {
            tensors.get_mut(name).take_rows(&rows);
        }
        tensors.get_mut(&self.recurrent).take_columns(&units);
        self.readers.iter().for_each(|(reader, _)| tensors.get_mut(reader).take_columns(&units));
    }
}
