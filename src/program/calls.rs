//! What an engine may be asked for: both engines check every call here.

use super::tensor::*;
use super::{List, Program};
use crate::error::{Error, Result};

impl Program {
    /// Slots that a list can be run with.
    pub(super) fn slots_of(&self, list: List) -> usize {
        match list {
            List::Evaluate => self.slots.min(self.prediction_slots),
            _ => self.slots,
        }
    }

    /// Fails where a list has no op of this index, or the tables no such slot.
    pub(crate) fn check_op(&self, list: List, index: usize, slot: usize) -> Result<()> {
        let ops = self.list(list).len();
        if index >= ops {
            return Err(outside(format!("{list:?}"), "ops", ops, index));
        }
        self.check_slot(list, slot)
    }

    /// Fails where a pass's slot is outside the tables.
    pub(crate) fn check_slot(&self, list: List, slot: usize) -> Result<()> {
        let slots = self.slots_of(list);
        if slot < slots { Ok(()) } else { Err(outside(format!("{list:?}"), "steps", slots, slot)) }
    }

    /// Fails unless there is a mark for each replica.
    pub(crate) fn check_resting(&self, resting: &[bool]) -> Result<()> {
        let (expected, found) = (self.replicas, resting.len());
        if expected == found { Ok(()) } else { Err(outside("rest", "replicas", expected, found)) }
    }

    /// Fails where there is no such tensor, or it has no row of this replica; a shared one has replica 0's alone.
    pub(crate) fn check_replica(&self, id: TensorId, replica: usize) -> Result<&Tensor> {
        let Some(tensor) = self.tensors.get(id.index()) else {
            return Err(outside("program", "tensors", self.tensors.len(), id.index()));
        };
        let rows = if tensor.shared { 1 } else { self.replicas };
        if replica < rows { Ok(tensor) } else { Err(outside("replica", &tensor.name, rows, replica)) }
    }

    /// The same, and where the tensor holds no floats.
    pub(crate) fn check_floats(&self, op: &'static str, id: TensorId, replica: usize) -> Result<&Tensor> {
        let tensor = self.check_replica(id, replica)?;
        same_element(op, tensor, Element::F32).map(|()| tensor)
    }

    /// Fails where so many words are not a row of the tensor.
    pub(crate) fn check_row(&self, tensor: &Tensor, words: usize) -> Result<()> {
        if words == tensor.words() {
            return Ok(());
        }
        let (expected, found) = (tensor.shape.clone(), vec![words]);
        Err(Error::Shape { op: "write".into(), tensor: tensor.name.clone(), expected, found })
    }

    /// Fails where one tensor's row cannot be copied onto another's; gives the first.
    pub(crate) fn check_copy(&self, from: TensorId, to: TensorId, replica: usize) -> Result<&Tensor> {
        let (source, target) = (self.check_replica(from, replica)?, self.check_replica(to, replica)?);
        if source.words() != target.words() {
            let (expected, found) = (source.shape.clone(), target.shape.clone());
            return Err(Error::Shape { op: "copy".into(), tensor: target.name.clone(), expected, found });
        }
        same_element("copy", target, source.element).map(|()| source)
    }
}

fn same_element(op: &'static str, tensor: &Tensor, expected: Element) -> Result<()> {
    if tensor.element == expected {
        return Ok(());
    }
    let (expected, found) = (expected.word(), tensor.element.word());
    Err(Error::Element { op, tensor: tensor.name.clone(), expected, found })
}

/// What does not lie among `count` of its kind.
fn outside(op: impl Into<String>, tensor: &str, count: usize, index: usize) -> Error {
    Error::Shape { op: op.into(), tensor: tensor.into(), expected: vec![count], found: vec![index] }
}
