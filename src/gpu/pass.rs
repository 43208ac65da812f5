//! Submissions: many dispatches in one compute pass, each submission bounded in time, at most two under way.
//!
//! Desktop systems reset a GPU that works for about two seconds on one submission. How many dispatches go into one
//! follows from the speed measured so far; it decides no bit of any result.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::device::Gpu;
use super::shader::Kernel;
use crate::error::{Error, Result};

/// A dispatch with everything it needs, made once.
pub(crate) struct Prepared {
    pub name: &'static str,
    pub kernel: Arc<Kernel>,
    pub bind_group: wgpu::BindGroup,
    /// x and y; z is the number of replicas.
    pub workgroups: [u32; 2],
    /// A rough count of its operations for all replicas, launch included.
    pub work: u64,
}

impl Prepared {
    /// Records it, its pipeline aside, with the dynamic offset of its slot and the number of replicas that work.
    pub fn record(&self, pass: &mut wgpu::ComputePass, offset: u32, replicas: u32) {
        let offsets: &[u32] = if self.kernel.per_slot { &[offset] } else { &[] };
        pass.set_bind_group(0, &self.bind_group, offsets);
        let [x, y] = self.workgroups;
        pass.dispatch_workgroups(x, y, replicas);
    }
}

/// Waits for a submission and everything before it.
pub(crate) fn wait(gpu: &Gpu, submission: wgpu::SubmissionIndex) -> Result<()> {
    let waited = gpu.device.poll(wgpu::PollType::Wait { submission_index: Some(submission), timeout: None });
    gpu.check()?;
    waited.map(|_| ()).map_err(|error| Error::Device {
        problem: format!("{}: waiting for submitted work failed: {error}", gpu.summary().name),
        help: "the driver may have been reset: try a smaller --batch, or use --device cpu".into(),
    })
}

/// Seconds of work aimed at in one submission.
const TARGET_SECONDS: f64 = 0.1;
/// Work of the first submission, before any speed is known: a slow integrated GPU's tenth of a second.
const FIRST_WORK: f64 = 2e9;
/// Submissions under way at a time: one that runs and one that is ready.
const IN_FLIGHT: usize = 2;

struct Submitted {
    index: wgpu::SubmissionIndex,
    at: Instant,
    work: u64,
}

/// Cuts a run of dispatches into submissions.
pub(crate) struct Submitter {
    in_flight: VecDeque<Submitted>,
    last_done: Instant,
    /// Work that one submission may hold.
    budget: f64,
}

impl Submitter {
    pub fn new() -> Self {
        Submitter { in_flight: VecDeque::new(), last_done: Instant::now(), budget: FIRST_WORK }
    }

    /// Submits dispatches in order, each with the dynamic offset of its slot and the number of replicas that work.
    pub fn run<'a>(&mut self, gpu: &Gpu, dispatches: impl Iterator<Item = (&'a Prepared, u32, u32)>) -> Result<()> {
        let mut dispatches = dispatches.peekable();
        while dispatches.peek().is_some() {
            while self.in_flight.len() >= IN_FLIGHT {
                self.wait_for_oldest(gpu)?;
            }
            let began = Instant::now();
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            let (mut work, mut recorded) = (0, 0);
            {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                let mut bound: Option<&Arc<Kernel>> = None;
                while let Some((dispatch, offset, replicas)) =
                    dispatches.next_if(|(next, ..)| work == 0 || (work + next.work) as f64 <= self.budget)
                {
                    if bound.is_none_or(|kernel| !Arc::ptr_eq(kernel, &dispatch.kernel)) {
                        pass.set_pipeline(&dispatch.kernel.pipeline);
                        bound = Some(&dispatch.kernel);
                    }
                    dispatch.record(&mut pass, offset, replicas);
                    work += dispatch.work;
                    recorded += 1;
                }
            }
            let index = gpu.queue.submit([encoder.finish()]);
            gpu.tally.submitted(recorded, began);
            gpu.check()?;
            self.in_flight.push_back(Submitted { index, at: Instant::now(), work });
        }
        Ok(())
    }

    /// Waits for all that was submitted.
    pub fn drain(&mut self, gpu: &Gpu) -> Result<()> {
        while !self.in_flight.is_empty() {
            self.wait_for_oldest(gpu)?;
        }
        Ok(())
    }

    /// Work that one submission may hold, by the speed measured so far.
    pub fn budget(&self) -> f64 {
        self.budget
    }

    fn wait_for_oldest(&mut self, gpu: &Gpu) -> Result<()> {
        let Some(oldest) = self.in_flight.pop_front() else { return Ok(()) };
        wait(gpu, oldest.index)?;
        let now = Instant::now();
        // It ran from when it was submitted, or from when the one before it was done.
        let seconds = now.duration_since(oldest.at.max(self.last_done)).as_secs_f64().max(1e-6);
        self.last_done = now;
        let fitting = oldest.work as f64 / seconds * TARGET_SECONDS;
        // One slow reading shrinks the budget at once; growth is gradual, because work is only roughly counted.
        self.budget = fitting.clamp(1e6, 2.0 * self.budget);
        Ok(())
    }
}
