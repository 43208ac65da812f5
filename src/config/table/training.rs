//! Options of training and pruning: see [`TrainOptions`](crate::train::TrainOptions).

use toml::Value;

use super::super::Config;
use super::super::field::{Field, at};
use super::super::kind::{Bounds, Kind};
use super::super::option::{Access, AtResume, Opt};
use crate::models::{PruneAmong, PruneScore, Regrow};
use crate::train::length::MOST;
use crate::train::loss::Loss;
use crate::train::options::{LrSchedule, PruneUnit, Regularizer, Regularizers, Schedule, Select};

fn drops(config: &Config) -> bool {
    config.train.regularizers.drops()
}

fn averages(config: &Config) -> bool {
    config.train.regularizers.has(Regularizer::McDropout)
}

fn decays(config: &Config) -> bool {
    config.train.regularizers.has(Regularizer::L2) || config.train.regularizers.has(Regularizer::WeightDecay)
}

fn prunes(config: &Config) -> bool {
    config.train.regularizers.prunes()
}

fn ranks(config: &Config) -> bool {
    config.train.regularizers.has(Regularizer::Pruning)
}

fn regrows(config: &Config) -> bool {
    prunes(config) && config.train.prune_rule.regrow != Regrow::None
}

fn forecasts_quantiles(config: &Config) -> bool {
    config.train.loss == Loss::Quantile
}

fn one_cycle(config: &Config) -> bool {
    config.train.lr_schedule == LrSchedule::OneCycle
}

const PRUNING_REGULARIZER: &str = "‹regularizer pruning›";

/// Under "Training".
pub static TRAINING: &[Opt<Config>] = &[
    Opt::new("batch", Kind::Whole(1, 1 << 20), at!(train.batch), "Windows per step")
        .aliases(&[("windows-batch-size", "Nixtla"), ("batch-size", "Darts, Hugging Face")]),
    Opt::new("epochs", Kind::Whole(1, MOST as u64), at!(train.epochs?), "Passes over the training windows")
        .auto("20, or more if those are fewer than 1,000 steps")
        .aliases(&[("n-epochs", "Darts"), ("max-epochs", "PyTorch Lightning")])
        .at_resume(AtResume::Grows),
    Opt::new(
        "patience",
        Kind::at_least(0),
        at!(train.patience?),
        "Stop after this many epochs without a better validation loss; 0 never stops. With pruning, counting starts at \
         the epoch of full sparsity; but a network that never is better than its ridge stops after as many epochs",
    )
    .value("EPOCHS")
    .auto("3, or more if those are fewer than 150 steps"),
    Opt::new("lr", Kind::Number(Bounds::Positive), at!(train.lr), "Adam's learning rate; with one-cycle, its peak")
        .value("RATE")
        .aliases(&[("learning-rate", "Nixtla, Hugging Face")]),
    Opt::new(
        "lr-schedule",
        Kind::Words(LrSchedule::WORDS),
        at!(train.lr_schedule),
        "constant; step: ×0.1 after each third of the epochs; one-cycle: PyTorch's OneCycleLR; decay: ×0.9 after each \
         epoch from the third",
    )
    .value("SCHEDULE"),
    Opt::new(
        "pct-start",
        Kind::Number(Bounds::Share),
        at!(train.pct_start),
        "Share of the steps in which one-cycle rises",
    )
    .value("SHARE")
    .needs(one_cycle, "‹lr-schedule one-cycle›"),
    Opt::new(
        "clip-grad-norm",
        Kind::Number(Bounds::Positive),
        at!(train.clip_grad_norm?),
        "Largest L2 norm of all gradients together",
    )
    .value("NORM")
    .or_none(""),
    Opt::new(
        "loss",
        Kind::Text,
        at!(train.loss),
        "Training loss. Of scaled values: mse, mae, huber (linear from 1 on; huber:δ from δ). In the data's units: mape, smape, rmsse. \
         With intervals, which studies do not compare: quantile (pinball, at ‹levels›), poisson, negative-binomial, student-t",
    ),
    Opt::new(
        "levels",
        Kind::Text,
        at!(train.levels),
        "Levels of quantiles in percent, in pairs around the median, which is the point forecast",
    )
    .value("LIST")
    .needs(forecasts_quantiles, "‹loss quantile›"),
    Opt::new(
        "seed",
        Kind::Whole(0, u32::MAX as u64),
        at!(train.seed),
        "Seed of initial weights, batch order and dropout",
    )
    .aliases(&[("random-seed", "Nixtla")]),
    Opt::new(
        "replicas",
        Kind::Whole(1, 4096),
        at!(train.replicas),
        "Models trained side by side, with seeds N, N+1, …; each is bit-identical to a run of its own \
         with that seed and the options that were chosen",
    )
    .value("R"),
    Opt::new(
        "regularizer",
        Kind::Several(Regularizer::WORDS),
        Access {
            get: |config: &Config| Some(config.train.regularizers.write()),
            set: |config: &mut Config, text| {
                config.train.regularizers = text.map_or(Ok(Regularizers(Vec::new())), Field::read)?;
                Ok(())
            },
        },
        "What is done against overfitting",
    )
    .or_none("")
    .aliases(&[("regularizers", "plural"), ("regulariser", "British")]),
    Opt::new(
        "dropout",
        Kind::Number(Bounds::Fraction),
        at!(train.dropout),
        "Probability of dropping a hidden value, for dropout and mc-dropout",
    )
    .value("P")
    .needs(drops, "‹regularizer dropout› or mc-dropout"),
    Opt::new("mc-passes", Kind::Whole(1, 10_000), at!(train.mc_passes), "Forecasts averaged by mc-dropout")
        .needs(averages, "‹regularizer mc-dropout›"),
    Opt::new(
        "weight-decay",
        Kind::Number(Bounds::NotNegative),
        at!(train.weight_decay),
        "λ of l2 (added to gradients) and of weight-decay (AdamW); applies to weight matrices only",
    )
    .value("λ")
    .needs(decays, "‹regularizer l2› or weight-decay"),
    Opt::new(
        "select",
        Kind::Words(Select::WORDS),
        at!(train.select),
        "Keep the weights of the best validation epoch, or of the last. With pruning, only epochs of full sparsity are \
         compared",
    ),
    Opt::new(
        "no-shuffle",
        Kind::Flag,
        Access {
            get: |config: &Config| Some(Value::Boolean(!config.train.shuffle)),
            set: |config: &mut Config, text| {
                config.train.shuffle = text != Some("true");
                Ok(())
            },
        },
        "Visit the training windows in time order in every epoch",
    ),
    Opt::new(
        "max-steps",
        Kind::at_least(1),
        at!(train.max_steps?),
        "Stop after N optimizer steps and keep the last weights",
    )
    .or_none("")
    .at_resume(AtResume::Grows),
];

/// Under "Pruning".
pub static PRUNING: &[Opt<Config>] = &[
    Opt::new(
        "sparsity",
        Kind::Text,
        at!(train.pruning.sparsity),
        "Sparsity at the start and at the end of pruning, as fractions of all weights that may be pruned: those in matrices, as far as \
         ‹prune-include› and ‹prune-exclude› leave them",
    )
    .value("MIN..MAX")
    .needs(prunes, PRUNING_REGULARIZER),
    Opt::new(
        "prune-unit",
        Kind::Words(PruneUnit::WORDS),
        at!(train.prune_unit),
        "What falls: single weights, or whole units: hidden units, feed-forward units and attention heads, with all \
         weights into and out of them. Sparsity is then the share of what units hold, and ‹export› makes the model smaller",
    )
    .value("UNIT")
    .needs(prunes, PRUNING_REGULARIZER),
    Opt::new(
        "compact-every",
        Kind::Text,
        at!(train.compact_every),
        "Train on without the units whose weights have all fallen, in a smaller and faster network: at the ends of epochs divisible by \
         this number; auto: where an epoch gains more than the change costs",
    )
    .value("EPOCHS|auto|none")
    .needs(prunes, PRUNING_REGULARIZER),
    Opt::new(
        "prune-scope",
        Kind::Words(PruneAmong::WORDS),
        at!(train.prune_rule.among),
        "What is ranked together: all weights, those of each layer, or those of each tensor; sparsity is then shared out by size. Of \
         units, layer and tensor mean each set, such as the heads of a layer",
    )
    .value("SCOPE")
    .needs(prunes, PRUNING_REGULARIZER),
    Opt::new(
        "prune-exclude",
        Kind::List,
        at!(train.prune_rule.exclude),
        "Tensors that are not pruned, by name as in a state dict, such as head.*; * stands for any text and ? for one character. \
         Of units, all that have weights in them stay. Goes before ‹prune-include›",
    )
    .value("PATTERNS")
    .default("")
    .needs(prunes, PRUNING_REGULARIZER),
    Opt::new(
        "prune-include",
        Kind::List,
        at!(train.prune_rule.include),
        "The only tensors that are pruned, of those that can be: matrices, and embeddings with ‹prune-embeddings›",
    )
    .value("PATTERNS")
    .default("")
    .needs(prunes, PRUNING_REGULARIZER),
    Opt::new(
        "prune-cap",
        Kind::Number(Bounds::Share),
        at!(train.prune_rule.cap?),
        "The largest share that a tensor may lose, such as 0.9; of units, a set of them",
    )
    .value("SHARE")
    .or_none("")
    .needs(prunes, PRUNING_REGULARIZER),
    Opt::new(
        "prune-score",
        Kind::Words(PruneScore::WORDS),
        at!(train.prune_rule.score),
        "What the weights that fall are the smallest of: magnitude; lamp: its square over those of all larger weights of the tensor; \
         gradient: mean of |w·∂L/∂w| over the last steps; movement: sum of −w·∂L/∂w over all steps",
    )
    .value("SCORE")
    .needs(ranks, "‹regularizer pruning›, which is not at random"),
    Opt::new(
        "regrow",
        Kind::Words(Regrow::WORDS),
        at!(train.prune_rule.regrow),
        "Whether pruned weights grow again: gradient (RigL) prunes more at each pruning step, and lets as many of the largest gradients \
         grow from 0",
    )
    .value("HOW")
    .needs(prunes, PRUNING_REGULARIZER),
    Opt::new(
        "regrow-fraction",
        Kind::Number(Bounds::Share),
        at!(train.pruning.regrow_fraction),
        "Share of the living weights that are exchanged at first; it falls to 0 along half a cosine",
    )
    .value("SHARE")
    .needs(regrows, "‹regrow gradient›"),
    Opt::new(
        "regrow-until",
        Kind::at_least(1),
        at!(train.pruning.regrow_until?),
        "Epoch after which no weight grows again",
    )
    .value("EPOCH")
    .auto("three quarters of the epochs")
    .needs(regrows, "‹regrow gradient›"),
    Opt::new(
        "schedule",
        Kind::Words(Schedule::WORDS),
        at!(train.pruning.schedule),
        "Growth of sparsity: cubic (per epoch) and cubic-step (per step) are slow first; zhu-gupta is fast first; \
         linear; constant prunes all at once",
    )
    .value("CURVE")
    .needs(prunes, PRUNING_REGULARIZER),
    Opt::new(
        "warmup",
        Kind::at_least(1),
        at!(train.pruning.warmup?),
        "First epoch that may prune, counted from 1, so 2 leaves one dense epoch",
    )
    .value("EPOCH")
    .auto("2")
    .needs(prunes, PRUNING_REGULARIZER),
    Opt::new(
        "prune-every",
        Kind::at_least(1),
        at!(train.pruning.every),
        "Prune at steps divisible by this number. An epoch without such a step prunes at its last step",
    )
    .value("STEPS")
    .needs(prunes, PRUNING_REGULARIZER),
    Opt::new(
        "prune-until",
        Kind::at_least(1),
        at!(train.pruning.until?),
        "Epoch that reaches full sparsity; the later epochs are for recovery",
    )
    .value("EPOCH")
    .auto("a quarter of the epochs")
    .needs(prunes, PRUNING_REGULARIZER),
];
