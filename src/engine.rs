//! What both engines can do with a [`Program`].

use crate::error::Result;
use crate::program::{List, Program, TensorId};

/// A list to run with one slot of the step table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    pub list: List,
    pub slot: usize,
}

/// Runs a program's lists on its own storage. Tensors are read and written one replica's row at a time, without padding;
/// a shared tensor has the one row of replica 0.
pub trait Engine {
    /// `cpu` or `gpu`.
    fn kind(&self) -> &'static str;

    /// The adapter's or processor's name.
    fn device(&self) -> String;

    /// Threads that an engine on the processor works with.
    fn threads(&self) -> Option<usize> {
        None
    }

    fn program(&self) -> &Program;

    /// Runs lists in order. May return before the device is done, but never lets more than a bounded amount of work queue.
    fn run(&mut self, passes: &[Pass]) -> Result<()>;

    /// Leaves the replicas marked true out of [`Engine::run`] until told otherwise; their rows stay readable and writable,
    /// and no bit of the others changes. An engine may go on computing them.
    fn rest(&mut self, resting: &[bool]) -> Result<()> {
        let _ = resting;
        Ok(())
    }

    /// Runs one op of a list.
    fn run_op(&mut self, list: List, index: usize, slot: usize) -> Result<()>;

    fn write_f32(&mut self, tensor: TensorId, replica: usize, values: &[f32]) -> Result<()>;

    fn write_u32(&mut self, tensor: TensorId, replica: usize, values: &[u32]) -> Result<()>;

    /// Waits for all work given so far.
    fn read_f32(&mut self, tensor: TensorId, replica: usize) -> Result<Vec<f32>>;

    /// Waits for all work given so far.
    fn read_u32(&mut self, tensor: TensorId, replica: usize) -> Result<Vec<u32>>;

    /// Copies one replica's row of `from` onto that of `to`, on the device.
    fn copy(&mut self, from: TensorId, to: TensorId, replica: usize) -> Result<()>;
}
