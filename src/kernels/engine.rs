//! `GpuEngine`: a program's buffers, bind groups and pipelines, all made before the first step.

use std::sync::Arc;

use super::bind::{Binder, UNIFORM_STRIDE, Uniforms, scratch};
use super::lower::Lowered;
use super::roofline;
use super::tuning::Tuning;
use super::waves::{Waves, lists, row_bytes};
use crate::engine::{Clock, Engine, EngineKind, Pass, Roofline, Span, Tally, Timed, run_by_wall_clock};
use crate::error::Result;
use crate::gpu::buffer::{self, POISON, Staging};
use crate::gpu::pass::{BOUND_SECONDS, Prepared, Submitter};
use crate::gpu::timing::{self, Stamps};
use crate::gpu::{AdapterClass, Devices, Gpu};
use crate::program::check::check;
use crate::program::{Fill, List, Program, Tensor, TensorId};

/// How an engine is built. Only `class` and `tuning` change bits of results.
#[derive(Debug, Clone, Default)]
pub struct GpuOptions {
    /// Overrides the device's reported binding limit (tests: smaller forces waves, larger simulates a lying driver).
    pub max_binding_bytes: Option<u64>,
    /// Most estimated seconds of a submission; `None` is 0.5.
    pub max_submission_seconds: Option<f64>,
    /// Most steps of one dispatch of a recurrent kernel.
    pub max_steps_per_dispatch: Option<usize>,
    /// The class of adapter to cut kernels for; `None` is the adapter's own.
    pub class: Option<AdapterClass>,
    /// The choices of an earlier [`autotune`](super::autotune) on this adapter for this program.
    pub tuning: Option<Tuning>,
    /// Fills tensors that must be written before they are read with -12345, so that tests notice an early read.
    pub poison: bool,
}

impl GpuOptions {
    fn bound(&self) -> f64 {
        self.max_submission_seconds.unwrap_or(BOUND_SECONDS)
    }

    /// Operations that even the slow adapters of the class do within half the bound.
    pub(super) fn work_of_a_submission(&self, gpu: &Gpu) -> u64 {
        (0.5 * self.bound() * self.class.unwrap_or(gpu.summary().class()).speed()) as u64
    }
}

/// Replicas whose tensors share buffers.
struct Wave {
    /// By tensor; `None` for those that all waves share.
    tensors: Vec<Option<wgpu::Buffer>>,
    scratch: Vec<wgpu::Buffer>,
    /// By list, then op, then dispatch.
    lists: Vec<Vec<Vec<Prepared>>>,
    /// The wave's replica, counted from its first, in each row; those that rest come last.
    order: Vec<usize>,
    /// How many work.
    working: usize,
}

/// Runs programs on a GPU.
pub struct GpuEngine {
    gpu: Arc<Gpu>,
    program: Program,
    class: AdapterClass,
    options: GpuOptions,
    /// What its dispatches are cut to, as far as they can be, and the largest one, in operations.
    most_work: u64,
    largest: u64,
    waves: Waves,
    /// By tensor; `Some` for those that all replicas share.
    shared: Vec<Option<wgpu::Buffer>>,
    groups: Vec<Wave>,
    submitter: Submitter,
    staging: Staging,
}

impl GpuEngine {
    /// An engine on the first of the devices that compiles the program's shaders; `None` where that is left to the CPU engine.
    pub fn open(devices: &mut Devices, program: &Program, options: &GpuOptions) -> Result<Option<Self>> {
        devices.make(|gpu| Self::new(gpu.clone(), program.clone(), options.clone()))
    }

    /// Makes everything the program needs. Fails, before it allocates anything, where one model alone is too large.
    ///
    /// # Errors
    /// [`Error::Adapter`](crate::Error::Adapter) where the device does not compile a shader; [`Error::Shape`](crate::Error::Shape)
    /// where an op reaches outside a tensor; all else is [`Error::Device`](crate::Error::Device).
    pub fn new(gpu: Arc<Gpu>, program: Program, options: GpuOptions) -> Result<Self> {
        // Also what no builder made: kernels do not check an index.
        check(&program)?;
        let class = options.class.unwrap_or(gpu.summary().class());
        let waves = Waves::of(&gpu, &program, &options)?;
        if gpu.summary().class() != AdapterClass::Discrete {
            program.check_memory(&gpu.summary().name, 4)?;
        }
        let most_work = options.work_of_a_submission(&gpu);
        let lowered: Vec<Lowered> = lists(&gpu, &program, &options, most_work).into_iter().flatten().collect();

        let fill = |tensor: &Tensor| match tensor.fill {
            // Written below.
            Fill::Constant(_) | Fill::Integers(_) | Fill::Zeros => 0,
            Fill::Ones => u32::MAX,
            Fill::Unwritten => {
                if options.poison {
                    POISON
                } else {
                    0
                }
            }
        };
        let make = |(i, tensor): (usize, &Tensor), rows: usize| {
            let op = program.first_use(TensorId(i as u32));
            let user = op.map_or("what a run keeps".to_string(), |op| format!("op `{op}`"));
            let label = format!("{user}: tensor `{}` of {rows} replicas", tensor.name);
            buffer::storage(&gpu, &label, row_bytes(tensor) as usize / 4 * rows, fill(tensor))
        };
        let tensors = || program.tensors.iter().enumerate();
        let shared = tensors().map(|one| one.1.shared.then(|| make(one, 1)).transpose()).collect::<Result<_>>()?;
        let mut groups = Vec::new();
        for (_, count) in waves.ranges() {
            let tensors =
                tensors().map(|one| (!one.1.shared).then(|| make(one, count)).transpose()).collect::<Result<_>>()?;
            let scratch = scratch(&gpu, &lowered, count, options.poison)?;
            groups.push(Wave { tensors, scratch, lists: Vec::new(), order: (0..count).collect(), working: count });
        }
        let submitter = Submitter::new(class.speed(), options.bound());
        let staging = Staging::default();
        let mut engine = GpuEngine {
            gpu,
            program,
            class,
            options,
            most_work,
            largest: 0,
            waves,
            shared,
            groups,
            submitter,
            staging,
        };
        engine.prepare(most_work)?;
        for i in 0..engine.program.tensors.len() {
            match engine.program.tensors[i].fill.clone() {
                Fill::Constant(values) => engine.write_f32(TensorId(i as u32), 0, &values)?,
                Fill::Integers(values) => engine.write_u32(TensorId(i as u32), 0, &values)?,
                Fill::Unwritten | Fill::Zeros | Fill::Ones => {}
            }
        }
        engine.gpu.check()?;
        Ok(engine)
    }

    /// Makes all dispatches, of at most so many operations each as far as ops can be cut.
    fn prepare(&mut self, most_work: u64) -> Result<()> {
        let lists = lists(&self.gpu, &self.program, &self.options, most_work);
        let most = most_work / self.waves.size.max(1) as u64;
        let lists: Vec<Vec<Lowered>> =
            lists.iter().map(|list| list.iter().map(|one| one.cut(most)).collect()).collect();
        let all: Vec<Lowered> = lists.iter().flatten().cloned().collect();
        let uniforms = Uniforms::new(&self.gpu, &all, self.program.slots)?;
        for wave in &mut self.groups {
            let binder = Binder {
                gpu: &self.gpu,
                uniforms: &uniforms,
                shared: &self.shared,
                tensors: &wave.tensors,
                scratch: &wave.scratch,
            };
            let mut indices = 0..;
            let mut prepared = |one: &Lowered| -> Result<Vec<Prepared>> {
                let each = one.dispatches.iter().zip(indices.by_ref());
                each.map(|(dispatch, index)| binder.prepare(dispatch, index, wave.order.len())).collect()
            };
            wave.lists = lists
                .iter()
                .map(|list| list.iter().map(&mut prepared).collect::<Result<_>>())
                .collect::<Result<_>>()?;
        }
        let all = self.groups.iter().flat_map(|wave| wave.lists.iter().flatten().flatten());
        (self.largest, self.most_work) = (all.map(|dispatch| dispatch.work).max().unwrap_or(0), most_work);
        Ok(())
    }

    /// Cuts dispatches anew where the device turns out slower than those of its class, so that the largest is estimated to
    /// stay within the bound.
    fn keep_the_bound(&mut self) -> Result<()> {
        let most = self.submitter.most();
        if self.largest as f64 <= most || most > self.most_work as f64 {
            return Ok(());
        }
        self.prepare((most / 2.0) as u64)
    }

    /// How many groups the replicas run in.
    #[must_use]
    pub fn waves(&self) -> usize {
        self.groups.len()
    }

    /// The buffer that holds a replica's row of a tensor, and the byte at which the row starts: for shaders and copies of the
    /// caller's own on the [`Gpu`]'s device. Usages are `STORAGE`, `COPY_SRC` and `COPY_DST`; what [`Engine::run`] submitted
    /// comes before what the caller submits later. Valid until [`Engine::rest`], which may move rows.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) where there is no such replica.
    pub fn buffer(&self, id: TensorId, replica: usize) -> Result<(&wgpu::Buffer, u64)> {
        self.program.check_replica(id, replica)?;
        if let Some(shared) = &self.shared[id.index()] {
            return Ok((shared, 0));
        }
        let (wave, row) = self.row_of(replica);
        let own = self.groups[wave].tensors[id.index()].as_ref();
        let own = own.expect("a tensor that is not shared lies in every wave");
        Ok((own, row as u64 * row_bytes(self.program.tensor(id))))
    }

    /// The wave and row in which a replica lies.
    fn row_of(&self, replica: usize) -> (usize, usize) {
        let (wave, own) = self.waves.place(replica);
        let rows = self.groups.get(wave).map_or(&[][..], |wave| &wave.order);
        (wave, rows.iter().position(|one| *one == own).unwrap_or(own))
    }

    /// Exchanges two rows of every tensor of a wave, by way of two rows of their own.
    fn swap(&mut self, wave: usize, a: usize, b: usize) -> Result<()> {
        let group = &self.groups[wave];
        let own =
            || self.program.tensors.iter().zip(&group.tensors).filter_map(|(t, b)| Some((row_bytes(t), b.as_ref()?)));
        let words = own().map(|(bytes, _)| bytes).max().unwrap_or(4) as usize / 4;
        let spare = || buffer::storage(&self.gpu, "spare row", words, 0);
        let (first, second) = (spare()?, spare()?);
        self.gpu.submit("an exchange of two replicas", |encoder| {
            for (bytes, tensor) in own() {
                let (at_a, at_b) = (a as u64 * bytes, b as u64 * bytes);
                encoder.copy_buffer_to_buffer(tensor, at_a, &first, 0, bytes);
                encoder.copy_buffer_to_buffer(tensor, at_b, &second, 0, bytes);
                encoder.copy_buffer_to_buffer(&first, 0, tensor, at_b, bytes);
                encoder.copy_buffer_to_buffer(&second, 0, tensor, at_a, bytes);
            }
        })?;
        self.groups[wave].order.swap(a, b);
        Ok(())
    }

    fn write(&mut self, id: TensorId, replica: usize, bytes: &[u8]) -> Result<()> {
        self.program.check_row(self.program.check_replica(id, replica)?, bytes.len() / 4)?;
        let (buffer, start) = self.buffer(id, replica)?;
        if !bytes.is_empty() {
            let what = format_args!("a write of {} bytes to tensor `{}`", bytes.len(), self.program.tensor(id).name);
            self.gpu.scoped(what, || self.gpu.queue.write_buffer(buffer, start, bytes))?;
        }
        self.gpu.check()
    }

    fn read(&mut self, id: TensorId, replica: usize) -> Result<Vec<u8>> {
        let bytes = self.program.check_replica(id, replica)?.words() as u64 * 4;
        let (buffer, start) = self.buffer(id, replica)?;
        // A handle: the buffer stays the engine's.
        let buffer = buffer.clone();
        self.staging.read(&self.gpu, &buffer, start, bytes)
    }
}

/// What the passes record, in order: (pass, op) and the dispatch, the offset of its slot, and the replicas that work.
fn recorded<'a>(
    waves: &'a [Wave],
    passes: &'a [Pass],
) -> impl Iterator<Item = ((usize, usize), (&'a Prepared, u32, u32))> {
    passes.iter().enumerate().flat_map(move |(place, pass)| {
        let offset = (pass.slot * UNIFORM_STRIDE) as u32;
        waves.iter().filter(|wave| wave.working > 0).flat_map(move |wave| {
            let ops = wave.lists[pass.list as usize].iter().enumerate();
            let dispatches = ops.flat_map(|(op, dispatches)| dispatches.iter().map(move |prepared| (op, prepared)));
            dispatches.map(move |(op, prepared)| ((place, op), (prepared, offset, wave.working as u32)))
        })
    })
}

impl Engine for GpuEngine {
    fn kind(&self) -> EngineKind {
        EngineKind::Gpu
    }

    fn device(&self) -> String {
        self.gpu.summary().name.clone()
    }

    fn class(&self) -> &'static str {
        self.class.word()
    }

    fn program(&self) -> &Program {
        &self.program
    }

    fn run(&mut self, passes: &[Pass]) -> Result<()> {
        for pass in passes {
            self.program.check_slot(pass.list, pass.slot)?;
        }
        self.keep_the_bound()?;
        self.submitter.run(&self.gpu, recorded(&self.groups, passes).map(|(_, dispatch)| dispatch))
    }

    fn wait(&mut self) -> Result<()> {
        self.submitter.drain(&self.gpu)
    }

    fn run_timed(&mut self, passes: &[Pass]) -> Result<Timed> {
        let Some(stamps) = self.gpu.stamps else { return run_by_wall_clock(self, passes) };
        let clock = match stamps {
            Stamps::WithinPasses => Clock::DispatchTimestamps,
            Stamps::AroundPasses => Clock::PassTimestamps,
        };
        for pass in passes {
            self.program.check_slot(pass.list, pass.slot)?;
        }
        self.wait()?;
        self.keep_the_bound()?;
        let GpuEngine { gpu, groups, submitter, staging, .. } = self;
        let dispatches = recorded(groups, passes).map(|(_, dispatch)| dispatch);
        let times = timing::run(gpu, stamps, submitter.budget(), staging, dispatches)?;
        let spans = recorded(groups, passes).zip(times).map(|(((pass, op), (dispatch, ..)), [begin, end])| {
            let kernel = dispatch.name;
            Span { pass, op, kernel, begin, end }
        });
        Ok(Timed { clock, spans: spans.collect() })
    }

    fn tally(&self) -> Tally {
        let [allocated_bytes, dispatches, submissions, readbacks, host_nanos] = self.gpu.counters.counts();
        Tally { allocated_bytes, dispatches, submissions, readbacks, host_nanos }
    }

    fn roofline(&mut self) -> Result<Roofline> {
        self.wait()?;
        roofline::measure(&self.gpu)
    }

    fn rest(&mut self, resting: &[bool]) -> Result<()> {
        self.program.check_resting(resting)?;
        let ranges: Vec<(usize, usize)> = self.waves.ranges().collect();
        for (wave, (first, count)) in ranges.into_iter().enumerate() {
            let working = (0..count).filter(|one| !resting[first + one]).count();
            for row in 0..working {
                let rests = |row: usize| resting[first + self.groups[wave].order[row]];
                let other = (working..count).find(|&other| rests(row) && !rests(other));
                other.map_or(Ok(()), |other| self.swap(wave, row, other))?;
            }
            self.groups[wave].working = working;
        }
        Ok(())
    }

    fn run_op(&mut self, list: List, index: usize, slot: usize) -> Result<()> {
        self.program.check_op(list, index, slot)?;
        let offset = (slot * UNIFORM_STRIDE) as u32;
        let dispatches = self.groups.iter().filter(|wave| wave.working > 0).flat_map(|wave| {
            wave.lists[list as usize][index].iter().map(move |prepared| (prepared, offset, wave.working as u32))
        });
        self.submitter.run(&self.gpu, dispatches)
    }

    fn write_f32(&mut self, tensor: TensorId, replica: usize, values: &[f32]) -> Result<()> {
        self.program.check_floats("write", tensor, replica)?;
        self.write(tensor, replica, bytemuck::cast_slice(values))
    }

    fn write_u32(&mut self, tensor: TensorId, replica: usize, values: &[u32]) -> Result<()> {
        self.write(tensor, replica, bytemuck::cast_slice(values))
    }

    fn read_f32(&mut self, tensor: TensorId, replica: usize) -> Result<Vec<f32>> {
        self.program.check_floats("read", tensor, replica)?;
        Ok(bytemuck::pod_collect_to_vec(&self.read(tensor, replica)?))
    }

    fn read_u32(&mut self, tensor: TensorId, replica: usize) -> Result<Vec<u32>> {
        Ok(bytemuck::pod_collect_to_vec(&self.read(tensor, replica)?))
    }

    fn copy(&mut self, from: TensorId, to: TensorId, replica: usize) -> Result<()> {
        let source = self.program.check_copy(from, to, replica)?;
        if from == to || source.words() == 0 {
            return Ok(());
        }
        let (what, bytes) = (format_args!("a copy of tensor `{}`", source.name), source.words() as u64 * 4);
        let (source, source_start) = self.buffer(from, replica)?;
        let (target, target_start) = self.buffer(to, replica)?;
        let copy = |encoder: &mut wgpu::CommandEncoder| {
            encoder.copy_buffer_to_buffer(source, source_start, target, target_start, bytes);
        };
        self.gpu.submit(what, copy).map(drop)
    }
}
