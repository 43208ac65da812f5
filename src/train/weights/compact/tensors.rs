//! A model's tensors by name, in the order of a state dict.

use std::collections::BTreeMap;

use crate::program::ParamLayout;

/// `[rows, columns]`; a vector has one column.
#[derive(Debug, Clone)]
pub(super) struct Matrix {
    pub rows: usize,
    pub columns: usize,
    pub values: Vec<f32>,
}

impl Matrix {
    pub(super) fn at(&self, row: usize, column: usize) -> f32 {
        self.values[row * self.columns + column]
    }

    pub(super) fn row_is_zero(&self, row: usize) -> bool {
        self.values[row * self.columns..(row + 1) * self.columns].iter().all(|value| *value == 0.0)
    }

    pub(super) fn column_is_zero(&self, column: usize) -> bool {
        (0..self.rows).all(|row| self.at(row, column) == 0.0)
    }

    pub(super) fn clear_row(&mut self, row: usize) {
        self.values[row * self.columns..(row + 1) * self.columns].fill(0.0);
    }

    pub(super) fn clear_column(&mut self, column: usize) {
        (0..self.rows).for_each(|row| self.values[row * self.columns + column] = 0.0);
    }

    /// The rows of these places; zeros where there is none.
    pub(super) fn take_rows(&mut self, places: &[Option<usize>]) {
        let row = |place: &Option<usize>| match place {
            Some(row) => self.values[row * self.columns..(row + 1) * self.columns].to_vec(),
            None => vec![0.0; self.columns],
        };
        (self.values, self.rows) = (places.iter().flat_map(row).collect(), places.len());
    }

    pub(super) fn take_columns(&mut self, places: &[Option<usize>]) {
        let at = |row: usize| places.iter().map(move |place| (row, *place));
        let values = (0..self.rows).flat_map(at).map(|(row, place)| place.map_or(0.0, |column| self.at(row, column)));
        (self.values, self.columns) = (values.collect(), places.len());
    }

    pub(super) fn scale(&mut self, factor: f64) {
        self.values.iter_mut().for_each(|value| *value = (f64::from(*value) * factor) as f32);
    }

    /// Adds `column · value` of a matrix to a bias, in f64.
    pub(super) fn add_column(&mut self, of: &Matrix, column: usize, value: f64) {
        for (row, bias) in self.values.iter_mut().enumerate() {
            *bias = (f64::from(*bias) + f64::from(of.at(row, column)) * value) as f32;
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Tensors(BTreeMap<String, Matrix>);

impl Tensors {
    pub(super) fn of(layout: &ParamLayout, row: &[f32]) -> Self {
        let tensor = |param: &crate::program::Param| {
            let (rows, columns) = (param.shape[0], param.len() / param.shape[0]);
            (param.name.clone(), Matrix { rows, columns, values: param.named(row) })
        };
        Tensors(layout.params.iter().map(tensor).collect())
    }

    /// # Panics
    /// If the model has no such tensor.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn get(&self, name: &str) -> &Matrix {
        self.0.get(name).unwrap_or_else(|| panic!("the model has a tensor `{name}`"))
    }

    pub(super) fn get_mut(&mut self, name: &str) -> &mut Matrix {
        self.0.get_mut(name).unwrap_or_else(|| panic!("the model has a tensor `{name}`"))
    }

    /// Adds column · value of matrix `from` to the bias `to`.
    pub(super) fn fold(&mut self, from: &str, column: usize, value: f64, to: &str) {
        let matrix = self.get(from).clone();
        self.get_mut(to).add_column(&matrix, column, value);
    }

    /// A row of a layout with these tensors.
    pub(super) fn row(&self, layout: &ParamLayout) -> Vec<f32> {
        let mut row = vec![0.0; layout.words];
        for param in &layout.params {
            param.set(&mut row, self.get(&param.name).values.iter().copied());
        }
        row
    }
}
