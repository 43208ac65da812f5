//! prune_select, prune_apply: a histogram and a pick for each digit, a count of ties per piece, the pass that picks; the mask.

use super::lower::{Dispatch, Lowered, Shapes, groups, uniform};
use super::prune::SHIFTS;
use crate::dims::padded;
use crate::program::op::{Prune, PruneApply, PruneCount, PruneSelect};
use crate::program::scope::{TILE_WORDS, table};
use crate::program::tensor::{MASK, STEPS};
use crate::program::{ReplicaStep, TensorId};

/// Places in the op's scratch: of each group the prefix found so far and how many of its keys are to be picked; ties by piece.
const STATE: usize = 0;
const TIES: usize = 1;
const STATE_WORDS: usize = 2;

/// What the stages of an op have in common.
struct Stages<'a> {
    op: &'a PruneSelect,
    shapes: &'a Shapes<'a>,
    tiles: usize,
    words: usize,
}

pub(super) fn prune_select(op: &PruneSelect, shapes: &Shapes) -> Lowered {
    let words = op.groups.iter().map(|group| group.size()).sum();
    let stages = Stages { op, shapes, tiles: table(&op.groups).len() / TILE_WORDS, words };
    let digits = SHIFTS.into_iter().flat_map(|shift| [stages.histogram(shift), stages.pick(shift)]);
    let dispatches = digits.chain([stages.ties(), stages.select()]).collect();
    Lowered { scratch: vec![STATE_WORDS * op.groups.len(), stages.tiles], dispatches }
}

uniform! {
    SelectHistogramParams {
        shift: u32,
        tiles: u32,
        key: u32,
        flipped: u32,
        steps_row: u32,
        scores_row: u32,
        mask_row: u32,
        within_row: u32,
        state_row: u32,
        histogram_row: u32,
        first_group: u32,
    }
}

uniform! {
    SelectPickParams {
        shift: u32,
        prune_groups: u32,
        all_but: u32,
        steps_row: u32,
        counts_replica: u32,
        counts_slot: u32,
        counts_first: u32,
        histogram_row: u32,
        state_row: u32,
        first_group: u32,
    }
}

uniform! {
    SelectTiesParams {
        tiles: u32,
        key: u32,
        flipped: u32,
        steps_row: u32,
        scores_row: u32,
        mask_row: u32,
        within_row: u32,
        state_row: u32,
        ties_row: u32,
        first_group: u32,
    }
}

uniform! {
    PruneSelectParams {
        tiles: u32,
        key: u32,
        flipped: u32,
        steps_row: u32,
        scores_row: u32,
        mask_row: u32,
        within_row: u32,
        state_row: u32,
        ties_row: u32,
        picked_row: u32,
        first_group: u32,
    }
}

impl Stages<'_> {
    /// What turns the mask's bits into those that may be picked.
    fn flipped(&self) -> u32 {
        if self.op.dead { u32::MAX } else { 0 }
    }

    fn within(&self) -> TensorId {
        // Without bits of its own: the mask's.
        self.op.within.unwrap_or(MASK)
    }

    fn state_row(&self) -> u32 {
        padded(STATE_WORDS * self.op.groups.len()) as u32
    }

    fn ties_row(&self) -> u32 {
        padded(self.tiles) as u32
    }

    fn histogram(&self, shift: u32) -> Dispatch {
        let (op, shapes) = (self.op, self.shapes);
        let params = SelectHistogramParams {
            shift,
            tiles: self.tiles as u32,
            key: op.key as u32,
            flipped: self.flipped(),
            steps_row: shapes.steps_row(),
            scores_row: shapes.row(op.scores),
            mask_row: shapes.row(MASK),
            within_row: shapes.row(self.within()),
            state_row: self.state_row(),
            histogram_row: shapes.row(op.histogram),
            first_group: 0,
        };
        let bindings = [
            ("steps", STEPS),
            ("scores", op.scores),
            ("mask", MASK),
            ("within", self.within()),
            ("table", op.table),
            ("histogram", op.histogram),
        ];
        let dispatch = Dispatch::new("select_histogram", &params, &bindings, groups(self.tiles, 1), self.words * 20);
        dispatch.scratch("state", STATE)
    }

    fn pick(&self, shift: u32) -> Dispatch {
        let (op, shapes) = (self.op, self.shapes);
        let count = op.groups.len();
        let (counts, [counts_replica, counts_slot, counts_first]) = match op.count {
            PruneCount::Step => {
                let places = [shapes.row(STEPS), ReplicaStep::WORDS as u32, ReplicaStep::PRUNE_COUNT as u32];
                (STEPS, places)
            }
            PruneCount::Table(id) => (id, [shapes.row(id), count as u32, 0]),
            PruneCount::AllBut(id) => (id, [0, 0, 0]),
        };
        let params = SelectPickParams {
            shift,
            prune_groups: count as u32,
            all_but: matches!(op.count, PruneCount::AllBut(_)) as u32,
            steps_row: shapes.steps_row(),
            counts_replica,
            counts_slot,
            counts_first,
            histogram_row: shapes.row(op.histogram),
            state_row: self.state_row(),
            first_group: 0,
        };
        let bindings = [("steps", STEPS), ("counts", counts), ("histogram", op.histogram)];
        let work = count * Prune::DIGITS * 32;
        Dispatch::new("select_pick", &params, &bindings, groups(count, 1), work).scratch("state", STATE)
    }

    fn ties(&self) -> Dispatch {
        let (op, shapes) = (self.op, self.shapes);
        let params = SelectTiesParams {
            tiles: self.tiles as u32,
            key: op.key as u32,
            flipped: self.flipped(),
            steps_row: shapes.steps_row(),
            scores_row: shapes.row(op.scores),
            mask_row: shapes.row(MASK),
            within_row: shapes.row(self.within()),
            state_row: self.state_row(),
            ties_row: self.ties_row(),
            first_group: 0,
        };
        let bindings =
            [("steps", STEPS), ("scores", op.scores), ("mask", MASK), ("within", self.within()), ("table", op.table)];
        let dispatch = Dispatch::new("select_ties", &params, &bindings, groups(self.tiles, 1), self.words * 12);
        dispatch.scratch("state", STATE).scratch("ties", TIES)
    }

    fn select(&self) -> Dispatch {
        let (op, shapes) = (self.op, self.shapes);
        let params = PruneSelectParams {
            tiles: self.tiles as u32,
            key: op.key as u32,
            flipped: self.flipped(),
            steps_row: shapes.steps_row(),
            scores_row: shapes.row(op.scores),
            mask_row: shapes.row(MASK),
            within_row: shapes.row(self.within()),
            state_row: self.state_row(),
            ties_row: self.ties_row(),
            picked_row: shapes.row(op.picked),
            first_group: 0,
        };
        let bindings = [
            ("steps", STEPS),
            ("scores", op.scores),
            ("mask", MASK),
            ("within", self.within()),
            ("table", op.table),
            ("picked", op.picked),
        ];
        let dispatch = Dispatch::new("prune_select", &params, &bindings, groups(self.tiles, 1), self.words * 16);
        dispatch.scratch("state", STATE).scratch("ties", TIES)
    }
}

uniform! {
    PruneApplyParams {
        words: u32,
        mask_row: u32,
        fallen_row: u32,
        capped_row: u32,
        grown_row: u32,
        first_group: u32,
    }
}

pub(super) fn prune_apply(op: &PruneApply, shapes: &Shapes) -> Lowered {
    let words = op.prunable_words / 32;
    let params = PruneApplyParams {
        words: words as u32,
        mask_row: shapes.row(MASK),
        fallen_row: shapes.row(op.fallen),
        capped_row: shapes.row(op.capped),
        grown_row: shapes.row(op.grown),
        first_group: 0,
    };
    let bindings = [("mask", MASK), ("fallen", op.fallen), ("capped", op.capped), ("grown", op.grown)];
    Lowered::one(Dispatch::new("prune_apply", &params, &bindings, groups(words, 64), words * 6))
}
