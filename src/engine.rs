//! What both engines can do with a [`Program`].
//!
//! Of the engine tier: it may change in any version.

use std::time::Instant;

use serde::Serialize;

use crate::error::Result;
use crate::program::{Cost, List, Program, TensorId};
use crate::words::said;

/// The two engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EngineKind {
    /// [`CpuEngine`](crate::reference::CpuEngine).
    Cpu,
    /// [`GpuEngine`](crate::kernels::GpuEngine).
    Gpu,
}

said!(EngineKind, EngineKind::Cpu = "cpu", EngineKind::Gpu = "gpu");

/// Makes an engine for a program.
pub type MakeEngine<'a> = dyn FnMut(Program) -> Result<Box<dyn Engine>> + 'a;

/// A list to run with one slot of the step table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// Which ops.
    pub list: List,
    /// Row of the step table, below [`Program::slots`].
    pub slot: usize,
}

/// Whose clock [`Engine::run_timed`] reads, from the closest to the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// The device's, around each dispatch of a compute pass as training records it.
    DispatchTimestamps,
    /// The device's, around compute passes of one dispatch each: it offers no timestamps within a pass.
    PassTimestamps,
    /// The processor's, around each op, waited for.
    Wall,
}

/// A piece of an op's work: a dispatch, or all of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Which of the passes that were run.
    pub pass: usize,
    /// The op's place in that pass's list.
    pub op: usize,
    /// The op's label, or that of the stage it was.
    pub kernel: &'static str,
    /// Seconds of one clock.
    pub begin: f64,
    /// Seconds of the same clock.
    pub end: f64,
}

/// When the ops of some passes ran, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed {
    /// Whose seconds they are.
    pub clock: Clock,
    /// In the order in which they ran.
    pub spans: Vec<Span>,
}

/// What an engine's device was asked for since it was opened; nothing on an engine without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Tally {
    /// Bytes of all buffers ever made.
    pub allocated_bytes: u64,
    /// Dispatches recorded.
    pub dispatches: u64,
    /// Command buffers handed in.
    pub submissions: u64,
    /// Reads that waited for the device.
    pub readbacks: u64,
    /// Recording commands and handing them in; what was waited for is left out.
    pub host_nanos: u64,
}

/// What a device can do at best, measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Roofline {
    /// Of a copy, read and written bytes together.
    pub bytes_per_second: f64,
    /// Of multiply-adds on registers, or on what lies in the first cache.
    pub flops_per_second: f64,
    /// Of an empty dispatch, or of starting the threads.
    pub dispatch_seconds: f64,
}

impl Roofline {
    /// The time that no implementation can beat on memory and arithmetic alone.
    #[must_use]
    pub fn seconds(&self, cost: &Cost) -> f64 {
        (cost.bytes() as f64 / self.bytes_per_second).max(cost.flops as f64 / self.flops_per_second)
    }
}

/// Runs a program's lists on its own storage. Tensors are read and written one replica's row at a time, without padding;
/// a shared tensor has the one row of replica 0.
pub trait Engine {
    /// Which of the two engines it is.
    fn kind(&self) -> EngineKind;

    /// The adapter's or processor's name.
    fn device(&self) -> String;

    /// What chooses between variants of a kernel: `cpu`, or the class of the adapter.
    fn class(&self) -> &'static str {
        self.kind().word()
    }

    /// Threads that an engine on the processor works with.
    fn threads(&self) -> Option<usize> {
        None
    }

    /// What it was made for.
    fn program(&self) -> &Program;

    /// Runs lists in order. May return before the device is done, but never lets more than a bounded amount of work queue.
    fn run(&mut self, passes: &[Pass]) -> Result<()>;

    /// Leaves the replicas marked true out of [`Engine::run`] until set otherwise; their rows stay readable and writable,
    /// and no bit of the others changes. An engine may continue to compute them.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) unless there is a mark for each replica.
    fn rest(&mut self, resting: &[bool]) -> Result<()>;

    /// Runs one op of a list.
    fn run_op(&mut self, list: List, index: usize, slot: usize) -> Result<()>;

    /// Waits for all work given so far.
    fn wait(&mut self) -> Result<()> {
        Ok(())
    }

    /// Runs lists in order, and reports when each op ran.
    fn run_timed(&mut self, passes: &[Pass]) -> Result<Timed> {
        run_by_wall_clock(self, passes)
    }

    /// Bytes that its tensors and tables take.
    fn held_bytes(&self) -> u64 {
        let program = self.program();
        let rows = |shared: bool| if shared { 1 } else { program.replicas };
        program.tensors.iter().map(|tensor| 4 * (tensor.row() * rows(tensor.shared)) as u64).sum()
    }

    /// What the device was asked for so far.
    fn tally(&self) -> Tally {
        Tally::default()
    }

    /// Measures what the device can do at best; takes a second or two.
    fn roofline(&mut self) -> Result<Roofline>;

    /// Writes a replica's row of floats.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) with both sizes, where `values` are not as many as the row has, or there is no
    /// such tensor or replica; [`Error::Element`](crate::Error::Element) where the tensor holds no floats.
    fn write_f32(&mut self, tensor: TensorId, replica: usize, values: &[f32]) -> Result<()>;

    /// Writes a replica's row of words; of a tensor of floats, their bits.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape), as [`Engine::write_f32`].
    fn write_u32(&mut self, tensor: TensorId, replica: usize, values: &[u32]) -> Result<()>;

    /// A replica's row of floats. Waits for all work given so far.
    ///
    /// # Errors
    /// As [`Engine::write_f32`].
    fn read_f32(&mut self, tensor: TensorId, replica: usize) -> Result<Vec<f32>>;

    /// A replica's row of words; of a tensor of floats, their bits. Waits for all work given so far.
    ///
    /// # Errors
    /// As [`Engine::write_u32`].
    fn read_u32(&mut self, tensor: TensorId, replica: usize) -> Result<Vec<u32>>;

    /// Copies one replica's row of `from` onto that of `to`, on the device.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) and [`Error::Element`](crate::Error::Element) where the two differ in size or in what
    /// they hold, or there is no such tensor or replica.
    fn copy(&mut self, from: TensorId, to: TensorId, replica: usize) -> Result<()>;
}

/// Runs op by op and waits for each: what is left where a device has no clock of its own.
pub fn run_by_wall_clock<E: Engine + ?Sized>(engine: &mut E, passes: &[Pass]) -> Result<Timed> {
    engine.wait()?;
    let started = Instant::now();
    let mut spans = Vec::new();
    for (place, pass) in passes.iter().enumerate() {
        for op in 0..engine.program().list(pass.list).len() {
            let kernel = engine.program().list(pass.list)[op].label();
            let begin = started.elapsed().as_secs_f64();
            engine.run_op(pass.list, op, pass.slot)?;
            engine.wait()?;
            spans.push(Span { pass: place, op, kernel, begin, end: started.elapsed().as_secs_f64() });
        }
    }
    Ok(Timed { clock: Clock::Wall, spans })
}
