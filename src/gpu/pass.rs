//! Submissions: many dispatches in one compute pass, each submission bounded in time, at most two under way.
//!
//! Desktop systems reset a GPU that works for about two seconds on one submission. How many dispatches go into one
//! follows from the speed measured so far; it decides no bit of any result.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use super::device::Gpu;
use super::shader::Kernel;
use crate::error::Result;

/// Seconds that no submission is estimated to run beyond, where nothing else is asked for.
pub const BOUND_SECONDS: f64 = 0.5;
/// The part of the bound that a submission of several dispatches aims at: work is only roughly counted.
const AIM: f64 = 0.2;
/// The least that a speed is taken to be, in operations a second: below lies waiting, not working.
const SLOWEST: f64 = 1e7;
/// Submissions under way at a time: one that runs and one that is ready.
const IN_FLIGHT: usize = 2;

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
    pub(crate) fn record(&self, pass: &mut wgpu::ComputePass, offset: u32, replicas: u32) {
        let offsets: &[u32] = if self.kernel.per_slot { &[offset] } else { &[] };
        pass.set_bind_group(0, &self.bind_group, offsets);
        let [x, y] = self.workgroups;
        pass.dispatch_workgroups(x, y, replicas);
    }
}

/// What a submission holds, for messages.
#[derive(Debug, Clone, Copy)]
struct Held {
    first: &'static str,
    last: &'static str,
    dispatches: u64,
    seconds: f64,
    bound: f64,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Held { first, last, dispatches, seconds, bound } = self;
        match dispatches {
            1 => write!(f, "op `{first}`")?,
            _ => write!(f, "{dispatches} dispatches, op `{first}` to op `{last}`")?,
        }
        write!(f, " (estimated at {seconds:.2} s, of {bound} s that a submission may take)")
    }
}

struct Submitted {
    index: wgpu::SubmissionIndex,
    at: Instant,
    work: u64,
    held: Held,
    /// The kernels that no finished submission held before: drivers may compile them only now.
    fresh: Vec<Arc<Kernel>>,
}

/// Cuts a run of dispatches into submissions.
pub(crate) struct Submitter {
    in_flight: VecDeque<Submitted>,
    last_done: Instant,
    /// Operations a second, by what was measured so far.
    speed: f64,
    /// Seconds.
    bound: f64,
}

impl Submitter {
    /// `speed`: operations a second to begin with.
    pub(crate) fn new(speed: f64, bound: f64) -> Self {
        Submitter { in_flight: VecDeque::new(), last_done: Instant::now(), speed, bound }
    }

    /// Submits dispatches in order, each with the dynamic offset of its slot and the number of replicas that work.
    pub(crate) fn run<'a>(
        &mut self,
        gpu: &Gpu,
        dispatches: impl Iterator<Item = (&'a Prepared, u32, u32)>,
    ) -> Result<()> {
        let mut dispatches = dispatches.peekable();
        while let Some((next, ..)) = dispatches.peek() {
            while self.in_flight.len() >= IN_FLIGHT {
                self.wait_for_oldest(gpu)?;
            }
            let began = Instant::now();
            let (budget, seconds) = (self.budget(), |work: u64| work as f64 / self.speed);
            let held = Held {
                first: next.name,
                last: next.name,
                dispatches: 0,
                seconds: seconds(next.work),
                bound: self.bound,
            };
            let held = Cell::new(held);
            let mut work = 0;
            let mut fresh: Vec<Arc<Kernel>> = Vec::new();
            let index = gpu.submit(Told(&held), |encoder| {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                let mut bound: Option<&Arc<Kernel>> = None;
                while let Some((dispatch, offset, replicas)) =
                    dispatches.next_if(|(next, ..)| work == 0 || (work + next.work) as f64 <= budget)
                {
                    if bound.is_none_or(|kernel| !Arc::ptr_eq(kernel, &dispatch.kernel)) {
                        pass.set_pipeline(&dispatch.kernel.pipeline);
                        bound = Some(&dispatch.kernel);
                        if !dispatch.kernel.ran.load(Relaxed) {
                            fresh.push(dispatch.kernel.clone());
                        }
                    }
                    dispatch.record(&mut pass, offset, replicas);
                    work += dispatch.work;
                    let before = held.get();
                    held.set(Held {
                        last: dispatch.name,
                        dispatches: before.dispatches + 1,
                        seconds: seconds(work),
                        ..before
                    });
                }
            })?;
            gpu.counters.submitted(held.get().dispatches, began);
            self.in_flight.push_back(Submitted { index, at: Instant::now(), work, held: held.get(), fresh });
        }
        Ok(())
    }

    /// Waits for all that was submitted.
    pub(crate) fn drain(&mut self, gpu: &Gpu) -> Result<()> {
        while !self.in_flight.is_empty() {
            self.wait_for_oldest(gpu)?;
        }
        Ok(())
    }

    /// Work that a submission of several dispatches may hold, by the speed measured so far.
    pub(crate) fn budget(&self) -> f64 {
        self.speed * self.bound * AIM
    }

    /// Work that one dispatch may be, so that its estimate stays within the bound.
    pub(crate) fn most(&self) -> f64 {
        self.speed * self.bound
    }

    fn wait_for_oldest(&mut self, gpu: &Gpu) -> Result<()> {
        let Some(oldest) = self.in_flight.pop_front() else { return Ok(()) };
        gpu.wait(oldest.index, oldest.held)?;
        let now = Instant::now();
        // It ran from when it was submitted, or from when the one before it was done.
        let seconds = now.duration_since(oldest.at.max(self.last_done)).as_secs_f64().max(1e-6);
        self.last_done = now;
        if oldest.fresh.is_empty() {
            self.speed = speed_after(self.speed, self.bound, oldest.work as f64, seconds);
        }
        oldest.fresh.iter().for_each(|kernel| kernel.ran.store(true, Relaxed));
        Ok(())
    }
}

/// The speed to count on after `work` took so many seconds. One slow reading lowers it at once, unless it is so small that it
/// tells of waiting; growth is gradual, because work is only roughly counted.
fn speed_after(speed: f64, bound: f64, work: f64, seconds: f64) -> f64 {
    let small = work < 0.1 * speed * bound * AIM && seconds < bound * AIM;
    let measured = work / seconds;
    if small && measured < speed { speed } else { measured.clamp(SLOWEST, 2.0 * speed) }
}

/// What a submission that is being recorded holds so far.
struct Told<'a>(&'a Cell<Held>);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.get().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::{BOUND_SECONDS, SLOWEST, speed_after};

    #[test]
    fn a_slow_reading_counts_at_once_and_a_fast_one_by_and_by() {
        let after = |work, seconds| speed_after(1e9, BOUND_SECONDS, work, seconds);
        assert_eq!(after(1e8, 1.0), 1e8);
        assert_eq!(after(1e8, 1e-3), 2e9);
        // Ten milliseconds of a launch are no speed; a second is.
        assert_eq!(after(1e5, 1e-2), 1e9);
        assert_eq!(after(1e5, 1.0), SLOWEST);
        assert_eq!(after(1e5, 1e-4), 1e9);
    }
}
