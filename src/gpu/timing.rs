//! How long the device works on each dispatch, by its own clock; and a count of what it was asked for.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use super::buffer::Staging;
use super::device::Gpu;
use super::pass::Prepared;
use crate::error::Result;

/// Where a device takes timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamps {
    /// Between the dispatches of a pass.
    WithinPasses,
    /// Where a pass begins and ends.
    AroundPasses,
}

impl Stamps {
    /// The finest that an adapter with these features takes.
    pub(crate) fn of(features: wgpu::Features) -> Option<Stamps> {
        [Stamps::WithinPasses, Stamps::AroundPasses].into_iter().find(|stamps| features.contains(stamps.features()))
    }

    pub(crate) fn features(self) -> wgpu::Features {
        match self {
            Stamps::WithinPasses => wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::TIMESTAMP_QUERY_INSIDE_PASSES,
            Stamps::AroundPasses => wgpu::Features::TIMESTAMP_QUERY,
        }
    }
}

/// What a device was asked for so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    allocated_bytes: AtomicU64,
    dispatches: AtomicU64,
    submissions: AtomicU64,
    readbacks: AtomicU64,
    host_nanos: AtomicU64,
}

impl Counters {
    pub(crate) fn allocated(&self, bytes: u64) {
        self.allocated_bytes.fetch_add(bytes, Relaxed);
    }

    /// A submission of so many dispatches, whose recording began then.
    pub(crate) fn submitted(&self, dispatches: u64, began: Instant) {
        self.host_nanos.fetch_add(began.elapsed().as_nanos() as u64, Relaxed);
        self.dispatches.fetch_add(dispatches, Relaxed);
        self.submissions.fetch_add(1, Relaxed);
    }

    pub(crate) fn read_back(&self) {
        self.readbacks.fetch_add(1, Relaxed);
    }

    /// Bytes of buffers ever made, dispatches, submissions, readbacks, nanoseconds of recording and handing in.
    pub(crate) fn counts(&self) -> [u64; 5] {
        [&self.allocated_bytes, &self.dispatches, &self.submissions, &self.readbacks, &self.host_nanos]
            .map(|count| count.load(Relaxed))
    }
}

/// Dispatches between two readings of the clock: a query set holds 4,096 timestamps.
const MOST: usize = 2048;

/// Runs dispatches as [`super::pass::Submitter`] does, in submissions of at most `budget` work, and gives the seconds at
/// which each began and ended.
pub(crate) fn run<'a>(
    gpu: &Gpu,
    stamps: Stamps,
    budget: f64,
    staging: &mut Staging,
    dispatches: impl Iterator<Item = (&'a Prepared, u32, u32)>,
) -> Result<Vec<[f64; 2]>> {
    let (set, resolved) = gpu.scoped("the timestamps", || {
        let set = gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("timestamps"),
            ty: wgpu::QueryType::Timestamp,
            count: 2 * MOST as u32,
        });
        let resolved = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("timestamps"),
            size: 16 * MOST as u64,
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        (set, resolved)
    })?;
    let seconds_per_tick = f64::from(gpu.queue.get_timestamp_period()) * 1e-9;
    let mut dispatches = dispatches.peekable();
    let mut spans = Vec::new();
    while dispatches.peek().is_some() {
        let began = Instant::now();
        let (mut work, mut count) = (0, 0);
        let mut next = |count: u32| {
            let fits = |next: &Prepared| work == 0 || (work + next.work) as f64 <= budget;
            let next = dispatches.next_if(|(next, ..)| (count as usize) < MOST && fits(next))?;
            work += next.0.work;
            Some(next)
        };
        gpu.submit("timed dispatches", |encoder| {
            match stamps {
                Stamps::WithinPasses => {
                    let mut pass = encoder.begin_compute_pass(&Default::default());
                    while let Some((dispatch, offset, replicas)) = next(count) {
                        pass.write_timestamp(&set, 2 * count);
                        pass.set_pipeline(&dispatch.kernel.pipeline);
                        dispatch.record(&mut pass, offset, replicas);
                        pass.write_timestamp(&set, 2 * count + 1);
                        count += 1;
                    }
                }
                Stamps::AroundPasses => {
                    while let Some((dispatch, offset, replicas)) = next(count) {
                        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                            label: Some(dispatch.name),
                            timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                                query_set: &set,
                                beginning_of_pass_write_index: Some(2 * count),
                                end_of_pass_write_index: Some(2 * count + 1),
                            }),
                        });
                        pass.set_pipeline(&dispatch.kernel.pipeline);
                        dispatch.record(&mut pass, offset, replicas);
                        count += 1;
                    }
                }
            }
            encoder.resolve_query_set(&set, 0..2 * count, &resolved, 0);
        })?;
        gpu.counters.submitted(u64::from(count), began);
        let bytes = staging.read(gpu, &resolved, 0, 16 * u64::from(count))?;
        let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&bytes);
        spans.extend(ticks.chunks(2).map(|pair| [pair[0], pair[1]].map(|tick| tick as f64 * seconds_per_tick)));
    }
    Ok(spans)
}
