//! What a model says of a list of windows.

use std::borrow::Cow;

/// One model's scaled forecasts, `[windows, horizon, targets, outputs]`: of each value as many outputs as the model has. A model
/// of a single output forecasts the value itself; of several, one is its point forecast.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prediction {
    values: Vec<f32>,
    outputs: usize,
    point: usize,
}

impl Prediction {
    /// Values with so many outputs each, at least one; `point` is the index of that which is the point forecast.
    pub fn new(values: Vec<f32>, outputs: usize, point: usize) -> Prediction {
        Prediction { values, outputs: outputs.max(1), point }
    }

    /// Outputs of each value.
    pub fn outputs(&self) -> usize {
        self.outputs.max(1)
    }

    /// Everything, `[windows, horizon, targets, outputs]`.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The point forecasts, `[windows, horizon, targets]`.
    pub fn point(&self) -> Cow<'_, [f32]> {
        match self.outputs() {
            1 => Cow::Borrowed(&self.values),
            outputs => Cow::Owned(self.values.iter().skip(self.point).step_by(outputs).copied().collect()),
        }
    }

    /// The same, without a copy where there is one output.
    pub fn into_point(self) -> Vec<f32> {
        match self.outputs() {
            1 => self.values,
            _ => self.point().into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_point_forecast_is_one_output() {
        let values: Vec<f32> = (0..6u8).map(f32::from).collect();
        assert_eq!(Prediction::new(values.clone(), 1, 0).point().as_ref(), values);
        assert_eq!(Prediction::new(values.clone(), 2, 0).point().as_ref(), [0.0, 2.0, 4.0]);
        let three = Prediction::new(values.clone(), 3, 1);
        assert_eq!((three.point().as_ref(), three.clone().into_point()), ([1.0, 4.0].as_slice(), vec![1.0, 4.0]));
        assert_eq!((three.values(), three.outputs()), (values.as_slice(), 3));
        assert_eq!(Prediction::default().point().len(), 0);
    }
}
