//! Matrices in compressed sparse rows: `NAME.crow_indices` `[rows + 1]`, `NAME.col_indices` and `NAME.values` `[living]`, as
//! `torch.sparse_csr_tensor` takes them, indices 32-bit. Their shapes stand in a file's metadata under [`SHAPES`].

use std::collections::HashMap;

use crate::program::Param;

/// What the tensors of a matrix are called after its name and a dot: starts of rows, columns, values.
pub(in crate::train) const PARTS: [&str; 3] = ["crow_indices", "col_indices", "values"];

/// The entry of a file's metadata that holds shapes by name, as JSON.
pub(in crate::train) const SHAPES: &str = "csr";

/// The matrix that a tensor is a part of, by its name.
pub(in crate::train) fn whole(part: &str) -> Option<&str> {
    let (name, last) = part.rsplit_once('.')?;
    PARTS.contains(&last).then_some(name)
}

/// Shapes by name, from a file's metadata; none where it has none.
pub(in crate::train) fn shapes(metadata: Option<&HashMap<String, String>>) -> HashMap<String, Vec<usize>> {
    metadata.and_then(|entries| serde_json::from_str(entries.get(SHAPES)?).ok()).unwrap_or_default()
}

/// One matrix.
pub(in crate::train) struct Csr {
    /// Where each row begins among the values, and where the last ends.
    pub starts: Vec<i32>,
    pub columns: Vec<i32>,
    pub values: Vec<f32>,
}

impl Csr {
    /// Of a matrix in the order of a state dict; its exact zeros are left out.
    pub(super) fn of(param: &Param, params: &[f32]) -> Csr {
        let width = param.len() / param.shape[0];
        let mut csr = Csr { starts: vec![0], columns: Vec::new(), values: Vec::new() };
        for row in param.named(params).chunks(width) {
            for (column, value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                csr.columns.push(column as i32);
                csr.values.push(*value);
            }
            csr.starts.push(csr.values.len() as i32);
        }
        csr
    }

    pub(super) fn bytes(&self) -> usize {
        4 * (self.starts.len() + self.columns.len() + self.values.len())
    }

    /// Every value `[rows, width]`, zeros between; as many columns as values.
    ///
    /// # Errors
    /// Says where rows do not follow one another, or a column is none or out of order.
    pub(super) fn dense(&self, width: usize) -> Result<Vec<f32>, String> {
        let rows = self.starts.len().saturating_sub(1);
        let (first, last) = (self.starts.first().copied(), self.starts.last().copied());
        if (first, last) != (Some(0), i32::try_from(self.values.len()).ok()) {
            return Err(format!("rows from {first:?} to {last:?} of {} values", self.values.len()));
        }
        let mut all = vec![0.0; rows * width];
        for (row, ends) in self.starts.windows(2).enumerate() {
            let range = usize::try_from(ends[0]).ok().zip(usize::try_from(ends[1]).ok()).map(|(start, end)| start..end);
            let own = range.clone().and_then(|range| Some((self.columns.get(range.clone())?, self.values.get(range)?)));
            let (columns, values) = own.ok_or_else(|| format!("row {row} from {} to {}", ends[0], ends[1]))?;
            if columns.windows(2).any(|pair| pair[0] >= pair[1]) {
                return Err(format!("columns of row {row} that do not rise"));
            }
            for (column, value) in columns.iter().zip(values) {
                let place = usize::try_from(*column).ok().filter(|column| *column < width);
                all[row * width + place.ok_or_else(|| format!("column {column} of {width} in row {row}"))?] = *value;
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(starts: &[i32], columns: &[i32], values: &[f32]) -> Result<Vec<f32>, String> {
        Csr { starts: starts.to_vec(), columns: columns.to_vec(), values: values.to_vec() }.dense(3)
    }

    #[test]
    fn rows_are_laid_out_or_rejected() {
        assert_eq!(dense(&[0, 1, 1, 3], &[2, 0, 1], &[5.0, 6.0, 7.0]).unwrap(), [0., 0., 5., 0., 0., 0., 6., 7., 0.]);
        assert_eq!(dense(&[0, 0], &[], &[]).unwrap(), [0.0; 3]);
        for (starts, columns, said) in [
            (&[0, 2, 1, 3][..], &[0, 1, 2][..], "row 1 from 2 to 1"),
            (&[0, 4, 3], &[2, 0, 1], "row 0 from 0 to 4"),
            (&[0, -1, 3], &[2, 0, 1], "row 0 from 0 to -1"),
            (&[1, 3], &[2, 0, 1], "rows from Some(1)"),
            (&[0, 2], &[2, 0, 1], "of 3 values"),
            (&[], &[2, 0, 1], "of 3 values"),
            (&[0, 1, 3], &[2, 0, 3], "column 3 of 3 in row 1"),
            (&[0, 1, 3], &[-1, 0, 1], "column -1 of 3 in row 0"),
            (&[0, 1, 3], &[0, 1, 1], "columns of row 1 that do not rise"),
        ] {
            let error = dense(starts, columns, &[5.0, 6.0, 7.0]).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn parts_know_their_matrix() {
        assert_eq!(whole("lstm.weight_hh_l0.values"), Some("lstm.weight_hh_l0"));
        assert_eq!((whole("head.weight"), whole("values")), (None, None));
    }
}
