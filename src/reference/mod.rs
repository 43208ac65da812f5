//! The CPU engine: a twin of every kernel, one file per family. Knows nothing about any GPU.
//!
//! Generic over the float: f32 trains, f64 is the oracle. Work is cut into tiles by one model's shape alone and every sum
//! runs in index order, so that the number of threads changes no bit.
//!
//! Of the engine tier: it may change in any version.

mod activation;
mod attention;
mod batch_norm;
mod decoder;
mod decompose;
mod distribution;
mod dropout;
mod embedding;
mod forecast;
mod gamma;
mod gru;
mod instance_norm;
mod layer_norm;
mod linear;
mod link;
pub(crate) use link::inverse;
mod loss;
mod lstm;
pub(crate) mod matrix;
mod optimizer;
mod patches;
mod processor;
mod prune;
mod rnn;
mod roofline;
mod scalar;
mod scores;
mod select;
mod storage;
mod tasks;
mod units;
mod vector;
mod window;

use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use crate::engine::{Clock, Engine, EngineKind, Pass, Roofline, Span, Timed};
use crate::error::{Error, Result};
use crate::program::check::check;
use crate::program::{Cell, Element, Fill, List, Op, Program, TensorId};

pub use scalar::Scalar;
#[doc(hidden)]
pub use storage::Storage;
#[doc(hidden)]
pub use vector::{Vectorized, Vectors};

/// More than any machine has cores; each thread takes memory and time to start.
pub const MAX_THREADS: usize = 1024;

/// Runs programs on the processor.
///
/// Each replica goes through all passes by itself, so that what it reads and writes stays in a cache; its ops spread over
/// the threads that the other replicas leave idle.
pub struct CpuEngine<T> {
    program: Program,
    replicas: Vec<Storage<T>>,
    resting: Vec<bool>,
    pool: rayon::ThreadPool,
}

impl<T: Scalar> CpuEngine<T> {
    /// `threads`: `None` for one per core; at most [`MAX_THREADS`].
    ///
    /// # Errors
    /// As [`check`], and where there are not so many threads or not as much memory.
    pub fn new(program: Program, threads: Option<usize>) -> Result<Self> {
        if threads.is_some_and(|threads| threads > MAX_THREADS) {
            let problem = format!("{} is more than {MAX_THREADS}", threads.unwrap_or_default());
            return Err(Error::config("threads", problem, "choose ‹threads› up to the number of cores"));
        }
        check(&program)?;
        program.check_memory("the CPU engine", size_of::<T>() as u64)?;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build().map_err(|error| {
            Error::config("threads", format!("cannot start {threads:?} threads: {error}"), "choose a smaller ‹threads›")
        })?;
        let mut engine = CpuEngine {
            replicas: (0..program.replicas).map(|_| Storage::new(&program)).collect::<Result<_>>()?,
            resting: vec![false; program.replicas],
            program,
            pool,
        };
        for i in 0..engine.program.tensors.len() {
            let (id, tensor) = (TensorId(i as u32), &engine.program.tensors[i]);
            match (tensor.element, &tensor.fill) {
                _ if !tensor.shared => {}
                (Element::U32, Fill::Integers(values)) => engine.set_integers(id, 0, &values.clone()),
                (Element::U32, _) => engine.set_integers(id, 0, &vec![0; tensor.words()]),
                (Element::F32, Fill::Constant(values)) => {
                    let values = values.iter().map(|value| T::from_f32(*value)).collect();
                    engine.set_values(id, 0, values);
                }
                (Element::F32, _) => engine.set_values(id, 0, vec![T::ZERO; tensor.words()]),
            }
        }
        Ok(engine)
    }

    /// Threads that share its work; how many changes no bit.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// One replica's row of a float tensor in the engine's own precision.
    #[must_use]
    pub fn values(&self, tensor: TensorId, replica: usize) -> &[T] {
        self.replicas[replica].floats(tensor)
    }

    /// The same, to set; a shared tensor's in all replicas. Panics where there are more or fewer than the tensor has words.
    pub fn set_values(&mut self, tensor: TensorId, replica: usize, values: Vec<T>) {
        assert_eq!(self.program.tensor(tensor).words(), values.len(), "words of tensor {}", tensor.0);
        if self.program.tensor(tensor).shared {
            let values = Arc::new(values);
            self.replicas.iter_mut().for_each(|storage| storage.share(tensor, values.clone()));
        } else {
            self.replicas[replica].put_floats(tensor, values);
        }
    }

    /// The same of integers.
    fn set_integers(&mut self, tensor: TensorId, replica: usize, words: &[u32]) {
        if self.program.tensor(tensor).shared {
            let words = Arc::new(words.to_vec());
            self.replicas.iter_mut().for_each(|storage| storage.share_integers(tensor, words.clone()));
        } else {
            self.replicas[replica].integers_mut(tensor).copy_from_slice(words);
        }
    }

    /// Hands the replicas that do not rest to some work on the engine's threads.
    fn working<R: Send>(&mut self, work: impl FnOnce(&Program, &mut [&mut Storage<T>]) -> R + Send) -> R {
        let CpuEngine { program, replicas, resting, pool } = self;
        let working = replicas.iter_mut().zip(resting).filter(|(_, rests)| !**rests);
        let mut working: Vec<_> = working.map(|(storage, _)| storage).collect();
        pool.install(|| work(program, &mut working))
    }
}

/// The twin of the first of the ops, or of as many as one pass does, for [`Scalar::run`]; how many.
fn twin<T: Scalar>(storage: &mut Storage<T>, ops: &[Op], slot: usize) -> usize {
    let Some(op) = ops.first() else { return 0 };
    if let Some(op) = attention::whole_backward(op, ops.get(1)) {
        attention::attention_backward_whole(storage, op, slot);
        return 2;
    }
    match op {
        Op::WindowGather(op) => window::window_gather(storage, op, slot),
        Op::InstanceNormForward(op) => instance_norm::instance_norm_forward(storage, op, slot),
        Op::Decompose(op) => decompose::decompose(storage, op),
        Op::FutureGather(op) => decoder::future_gather(storage, op, slot),
        Op::DecoderForward(op) => decoder::decoder_forward(storage, op),
        Op::DecoderBackward(op) => decoder::decoder_backward(storage, op),
        Op::MatrixTranspose(op) => decoder::matrix_transpose(storage, op),
        Op::EmbeddingForward(op) => embedding::embedding_forward(storage, op),
        Op::EmbeddingBackward(op) => embedding::embedding_backward(storage, op),
        Op::LinearForward(op) => linear::linear_forward(storage, op, slot),
        Op::LinearBackwardInput(op) => linear::linear_backward_input(storage, op, slot),
        Op::LinearBackwardWeight(op) => linear::linear_backward_weight(storage, op),
        Op::RecurrentForward(op) => match op.cell {
            Cell::Rnn(activation) => rnn::rnn_forward(storage, op, activation),
            Cell::Lstm => lstm::lstm_forward(storage, op),
            Cell::Gru => gru::gru_forward(storage, op),
        },
        Op::RecurrentBackward(op) => match op.cell {
            Cell::Rnn(activation) => rnn::rnn_backward(storage, op, activation),
            Cell::Lstm => lstm::lstm_backward(storage, op),
            Cell::Gru => gru::gru_backward(storage, op),
        },
        Op::Dropout(op) => dropout::dropout(storage, op, slot),
        Op::PatchGather(op) => patches::patch_gather(storage, op),
        Op::PatchGatherBackward(op) => patches::patch_gather_backward(storage, op),
        Op::InstanceAffineBackward(op) => instance_norm::instance_affine_backward(storage, op),
        Op::PositionsForward(op) => patches::positions_forward(storage, op, slot),
        Op::PositionsBackward(op) => patches::positions_backward(storage, op),
        Op::BatchNormStatistics(op) => batch_norm::batch_norm_statistics(storage, op, slot),
        Op::BatchNormForward(op) => batch_norm::batch_norm_forward(storage, op),
        Op::BatchNormBackwardWeight(op) => batch_norm::batch_norm_backward_weight(storage, op),
        Op::BatchNormBackwardInput(op) => batch_norm::batch_norm_backward_input(storage, op, slot),
        Op::LayerNormForward(op) => layer_norm::layer_norm_forward(storage, op),
        Op::LayerNormBackwardWeight(op) => layer_norm::layer_norm_backward_weight(storage, op),
        Op::LayerNormBackwardInput(op) => layer_norm::layer_norm_backward_input(storage, op),
        Op::AttentionForward(op) => attention::attention_forward(storage, op, slot),
        Op::AttentionBackwardQuery(op) => attention::attention_backward_query(storage, op, slot),
        Op::AttentionBackwardKeyValue(op) => attention::attention_backward_key_value(storage, op, slot),
        Op::MeanPoolForward(op) => patches::mean_pool_forward(storage, op),
        Op::MeanPoolBackward(op) => patches::mean_pool_backward(storage, op),
        Op::Loss(op) => loss::loss(storage, op, slot),
        Op::PredictionStore(op) => forecast::prediction_store(storage, op, slot),
        Op::LinkInput(op) => link::link_input(storage, op),
        Op::ScaleGather(op) => distribution::scale_gather(storage, op, slot),
        Op::QuantileLoss(op) => distribution::quantile_loss(storage, op, slot),
        Op::LikelihoodLoss(op) => distribution::likelihood_loss(storage, op, slot),
        Op::DistributionStore(op) => distribution::distribution_store(storage, op, slot),
        Op::GradNorm(op) => optimizer::grad_norm(storage, op),
        Op::AdamMasked(op) => optimizer::adam_masked(storage, op, slot),
        Op::Prune(op) => prune::prune(storage, op, slot),
        Op::PruneSelect(op) => select::prune_select(storage, op, slot),
        Op::ScoreUpdate(op) => scores::score_update(storage, op, slot),
        Op::LampScore(op) => scores::lamp_score(storage, op),
        Op::PruneApply(op) => select::prune_apply(storage, op),
        Op::UnitImportance(op) => units::unit_importance(storage, op),
        Op::UnitPrune(op) => units::unit_prune(storage, op, slot),
    }
    1
}

/// One task a replica.
fn each<T: Scalar>(replicas: &mut [&mut Storage<T>], work: impl Fn(&mut Storage<T>) + Sync) {
    replicas.par_iter_mut().with_max_len(1).for_each(|storage| work(storage));
}

impl<T: Scalar> Engine for CpuEngine<T> {
    fn kind(&self) -> EngineKind {
        EngineKind::Cpu
    }

    fn device(&self) -> String {
        processor::name()
    }

    fn threads(&self) -> Option<usize> {
        Some(self.threads())
    }

    fn program(&self) -> &Program {
        &self.program
    }

    fn run(&mut self, passes: &[Pass]) -> Result<()> {
        passes.iter().try_for_each(|pass| self.program.check_slot(pass.list, pass.slot))?;
        self.working(|program, replicas| {
            each(replicas, |storage| {
                for pass in passes {
                    let mut ops = program.list(pass.list);
                    while !ops.is_empty() {
                        ops = &ops[T::run(storage, ops, pass.slot)..];
                    }
                }
            });
        });
        Ok(())
    }

    /// Op by op, each of all replicas, also those that [`Engine::run`] does in one pass: their sum takes longer.
    fn run_timed(&mut self, passes: &[Pass]) -> Result<Timed> {
        passes.iter().try_for_each(|pass| self.program.check_slot(pass.list, pass.slot))?;
        let spans = self.working(|program, replicas| {
            let started = Instant::now();
            let mut spans = Vec::new();
            for (place, pass) in passes.iter().enumerate() {
                for (index, op) in program.list(pass.list).iter().enumerate() {
                    let begin = started.elapsed().as_secs_f64();
                    each(replicas, |storage| {
                        T::run(storage, std::slice::from_ref(op), pass.slot);
                    });
                    let end = started.elapsed().as_secs_f64();
                    spans.push(Span { pass: place, op: index, kernel: op.label(), begin, end });
                }
            }
            spans
        });
        Ok(Timed { clock: Clock::Wall, spans })
    }

    fn roofline(&mut self) -> Result<Roofline> {
        Ok(roofline::measure::<T>(&self.pool))
    }

    fn rest(&mut self, resting: &[bool]) -> Result<()> {
        self.program.check_resting(resting)?;
        self.resting.copy_from_slice(resting);
        Ok(())
    }

    fn run_op(&mut self, list: List, index: usize, slot: usize) -> Result<()> {
        self.program.check_op(list, index, slot)?;
        self.working(|program, replicas| {
            each(replicas, |storage| {
                T::run(storage, &program.list(list)[index..=index], slot);
            });
        });
        Ok(())
    }

    fn write_f32(&mut self, id: TensorId, replica: usize, values: &[f32]) -> Result<()> {
        self.program.check_row(self.program.check_floats("write", id, replica)?, values.len())?;
        self.set_values(id, replica, values.iter().map(|value| T::from_f32(*value)).collect());
        Ok(())
    }

    fn write_u32(&mut self, id: TensorId, replica: usize, values: &[u32]) -> Result<()> {
        let tensor = self.program.check_replica(id, replica)?;
        self.program.check_row(tensor, values.len())?;
        match tensor.element {
            Element::U32 => self.set_integers(id, replica, values),
            Element::F32 => {
                let floats = values.iter().map(|bits| T::from_f32(f32::from_bits(*bits)));
                self.set_values(id, replica, floats.collect());
            }
        }
        Ok(())
    }

    fn read_f32(&mut self, id: TensorId, replica: usize) -> Result<Vec<f32>> {
        self.program.check_floats("read", id, replica)?;
        Ok(self.values(id, replica).iter().map(|value| value.to_f32()).collect())
    }

    fn read_u32(&mut self, id: TensorId, replica: usize) -> Result<Vec<u32>> {
        Ok(match self.program.check_replica(id, replica)?.element {
            Element::U32 => self.replicas[replica].integers(id).to_vec(),
            Element::F32 => self.values(id, replica).iter().map(|value| value.to_f32().to_bits()).collect(),
        })
    }

    fn copy(&mut self, from: TensorId, to: TensorId, replica: usize) -> Result<()> {
        match self.program.check_copy(from, to, replica)?.element {
            Element::U32 => {
                let words = self.replicas[replica].integers(from).to_vec();
                self.replicas[replica].put_integers(to, words);
            }
            Element::F32 => {
                let values = self.values(from, replica).to_vec();
                self.set_values(to, replica, values);
            }
        }
        Ok(())
    }
}
