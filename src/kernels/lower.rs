//! What an op becomes on the device: dispatches, as plain data.

use super::tuning::{Product, Tiling, Tuned, Tuning};
use crate::dims::padded;
use crate::gpu::AdapterClass;
use crate::gpu::shader::{Constant, LANES};
use crate::program::tensor::{STEPS, WINDOWS};
use crate::program::{Program, ReplicaStep, Rows, TensorId};

/// What a shader's storage variable is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operand {
    /// A tensor of the program.
    Tensor(TensorId),
    /// Working memory of one op, by index into [`Lowered::scratch`]; its contents are lost after the op.
    Scratch(usize),
}

/// One dispatch, for any number of replicas: `workgroup_id.z` is the replica.
#[derive(Debug, Clone)]
pub struct Dispatch {
    /// The shader's name.
    pub shader: &'static str,
    /// Values of the shader's override constants.
    pub constants: Vec<Constant>,
    /// The uniform `p`.
    pub params: Vec<u8>,
    /// Names and types of the words of `params`, in order.
    pub fields: Vec<(String, &'static str)>,
    /// The storage variables, by the names the WGSL gives them.
    pub bindings: Vec<(&'static str, Operand)>,
    /// Workgroups in x and y.
    pub workgroups: [u32; 2],
    /// A rough count of one replica's operations.
    pub work: u64,
}

/// The words of a uniform `p` that let a dispatch be cut: workgroups, or batch tiles in x, that dispatches before it run.
const FIRST: [&str; 2] = ["first_group", "first_tile"];

/// An op's dispatches, in order.
#[derive(Debug, Clone, Default)]
pub struct Lowered {
    /// Words per replica of each piece of working memory.
    pub scratch: Vec<usize>,
    /// In the order in which they run.
    pub dispatches: Vec<Dispatch>,
}

impl Lowered {
    /// The same work in dispatches of at most `most` operations of a replica each, if the kernels can be cut that far.
    #[must_use]
    pub fn cut(&self, most: u64) -> Lowered {
        let dispatches = self.dispatches.iter().flat_map(|dispatch| dispatch.cut(most)).collect();
        Lowered { scratch: self.scratch.clone(), dispatches }
    }

    /// An op that is one dispatch.
    #[must_use]
    pub fn one(dispatch: Dispatch) -> Self {
        Lowered { scratch: Vec::new(), dispatches: vec![dispatch] }
    }
}

impl Dispatch {
    /// A dispatch of one replica; `work` is a rough count of its operations.
    pub fn new<P: Uniform>(
        shader: &'static str,
        params: &P,
        bindings: &[(&'static str, TensorId)],
        workgroups: [u32; 2],
        work: usize,
    ) -> Self {
        let mut fields = Vec::new();
        P::words("", &mut fields);
        Dispatch {
            shader,
            constants: Vec::new(),
            params: params.bytes(),
            fields,
            bindings: bindings.iter().map(|&(name, id)| (name, Operand::Tensor(id))).collect(),
            workgroups,
            work: work as u64,
        }
    }

    /// The byte in `params` of the word that says where a part starts, the number of parts, and a part's workgroups in y.
    fn parts(&self) -> Option<(usize, u32, u32)> {
        let [x, y] = self.workgroups;
        let word = |name: &str| self.fields.iter().position(|(field, _)| field == name);
        let [group, tile] = FIRST.map(word);
        group.map(|word| (word * 4, x * y, 1)).or(tile.map(|word| (word * 4, x, y)))
    }

    /// Operations of the smallest part that it can be cut into.
    #[must_use]
    pub fn least_work(&self) -> u64 {
        self.parts().map_or(self.work, |(_, parts, _)| self.work.div_ceil(u64::from(parts)))
    }

    /// The same work in dispatches of at most `most` operations of a replica each, if the kernel can be cut that far. Each workgroup
    /// does the same as before, so no bit changes.
    #[must_use]
    pub fn cut(&self, most: u64) -> Vec<Dispatch> {
        let Some((at, parts, y)) = self.parts().filter(|_| self.work > most) else { return vec![self.clone()] };
        let pieces = self.work.div_ceil(most.max(1)).min(u64::from(parts)) as u32;
        let each = parts.div_ceil(pieces).min(MAX_WORKGROUPS);
        let piece = |first: u32| {
            let count = each.min(parts - first);
            let work = self.work * u64::from(count) / u64::from(parts);
            let mut piece = Dispatch { workgroups: [count, y], work, ..self.clone() };
            piece.params[at..at + 4].copy_from_slice(&first.to_le_bytes());
            piece
        };
        (0..parts).step_by(each as usize).map(piece).collect()
    }

    /// Invocations per workgroup.
    #[must_use]
    pub fn lanes(self, lanes: u32) -> Self {
        self.constant(LANES, lanes)
    }

    /// Sets an override constant of the shader.
    #[must_use]
    pub fn constant(mut self, name: &'static str, value: u32) -> Self {
        self.constants.push((name, value));
        self
    }

    /// Binds a tensor to a variable of the shader.
    #[must_use]
    pub fn tensor(mut self, name: &'static str, id: TensorId) -> Self {
        self.bindings.push((name, Operand::Tensor(id)));
        self
    }

    /// Binds working memory to a variable of the shader.
    #[must_use]
    pub fn scratch(mut self, name: &'static str, index: usize) -> Self {
        self.bindings.push((name, Operand::Scratch(index)));
        self
    }
}

/// What dispatches depend on besides the op. The load is not part of it, and a measurement only if the run asked for one. R changes
/// no bit.
pub struct Shapes<'a> {
    /// The program that the op belongs to.
    pub program: &'a Program,
    /// The adapter's class.
    pub class: AdapterClass,
    /// Most steps of one dispatch of a recurrent kernel; set by tests.
    pub max_steps: Option<usize>,
    /// What an earlier measurement chose.
    pub tuning: Option<&'a Tuning>,
    /// Most operations of one dispatch for all replicas, if the op can be cut; changes no bit.
    pub most_work: u64,
}

impl<'a> Shapes<'a> {
    /// Without limits or measurements.
    #[must_use]
    pub fn of(program: &'a Program, class: AdapterClass) -> Self {
        Shapes { program, class, max_steps: None, tuning: None, most_work: u64::MAX }
    }

    /// Words from one replica's row of a tensor to the next. The builder has checked that they fit.
    #[must_use]
    pub fn row(&self, id: TensorId) -> u32 {
        self.program.tensor(id).row() as u32
    }

    /// Slots from one replica's row of the step table to the next.
    #[must_use]
    pub fn steps_row(&self) -> u32 {
        self.row(STEPS) / ReplicaStep::WORDS as u32
    }

    /// What a measurement chose for a product.
    #[must_use]
    pub fn tuned(&self, product: &Product) -> Option<&Tuned> {
        self.tuning.and_then(|tuning| tuning.find(product))
    }

    /// How a product is computed: what was measured, else as [`Tiling::of`] says.
    #[must_use]
    pub fn tiling(&self, product: &Product, columns: &[usize], in_fours: bool) -> Tiling {
        self.tuned(product).map_or(Tiling::of(self.class, columns, in_fours), |tuned| tuned.tiling)
    }

    /// Words from one replica's row of the windows to the next.
    #[must_use]
    pub fn windows_row(&self) -> u32 {
        self.row(WINDOWS)
    }

    pub(crate) fn rows(&self, rows: &Rows) -> RowsWords {
        RowsWords {
            replica_row: self.row(rows.tensor),
            offset: rows.offset as u32,
            count: rows.count as u32,
            width: rows.width as u32,
            inner: rows.inner as u32,
            outer_stride: rows.outer_stride as u32,
            inner_stride: rows.inner_stride as u32,
            unused: 0,
        }
    }
}

/// How a sum over rows is cut, for workgroups of 16 columns: the splits' sums are working memory, added up by a last pass.
pub struct Splits {
    /// Number of splits.
    pub count: usize,
    /// Rows of a split.
    pub rows: usize,
    /// Workgroups that share a split.
    pub blocks: usize,
    /// Words that a split leaves.
    words: usize,
}

impl Splits {
    /// Rows of a split: enough that 16 lanes of rows have some to do each.
    const ROWS: usize = 512;
    /// Most splits: one invocation adds them up.
    const MOST: usize = 256;

    /// Of a sum over `rows` for so many columns, `words` per split.
    #[must_use]
    pub fn new(rows: usize, columns: usize, words: usize) -> Self {
        let count = rows.div_ceil(Self::ROWS).clamp(1, Self::MOST);
        let rows_each = rows.div_ceil(count).max(1);
        Splits { count: rows.div_ceil(rows_each).max(1), rows: rows_each, blocks: columns.div_ceil(16), words }
    }

    /// Words of working memory.
    #[must_use]
    pub fn words(&self) -> usize {
        self.count * self.words
    }

    /// Words from one replica's working memory to the next.
    #[must_use]
    pub fn words_row(&self) -> u32 {
        padded(self.words()) as u32
    }

    /// One per split and block.
    #[must_use]
    pub fn workgroups(&self) -> [u32; 2] {
        groups(self.count * self.blocks, 1)
    }
}

/// Most words of a model for which one workgroup is enough; more take several dispatches.
pub const FEW_WORDS: usize = 1 << 16;

/// Workgroups per dimension that every device allows.
const MAX_WORKGROUPS: u32 = 65_535;

/// Enough workgroups of `per_group` items, in x and, past what one dimension holds, in y.
///
/// The shader's index is `y · groups.x + x`; up to one row of groups may have nothing to do.
#[must_use]
pub fn groups(items: usize, per_group: usize) -> [u32; 2] {
    let total = items.div_ceil(per_group).max(1) as u32;
    let y = total.div_ceil(MAX_WORKGROUPS);
    [total.div_ceil(y), y]
}

/// The words of a uniform struct, so that a test can compare both sides.
pub trait Words {
    /// Adds the names and types of its words, below `name`.
    fn words(name: &str, out: &mut Vec<(String, &'static str)>);
}

impl Words for u32 {
    fn words(name: &str, out: &mut Vec<(String, &'static str)>) {
        out.push((name.to_string(), "u32"));
    }
}

impl Words for f32 {
    fn words(name: &str, out: &mut Vec<(String, &'static str)>) {
        out.push((name.to_string(), "f32"));
    }
}

/// A uniform struct `p`.
pub trait Uniform: Words {
    /// As WGSL lays it out.
    fn bytes(&self) -> Vec<u8>;
}

/// Declares a uniform struct whose fields are words, or structs of a multiple of four words that come first.
macro_rules! uniform {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $kind:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, encase::ShaderType)]
        pub(crate) struct $name {
            $(pub(crate) $field: $kind),*
        }

        impl $crate::kernels::lower::Words for $name {
            fn words(name: &str, out: &mut Vec<(String, &'static str)>) {
                $(
                    let dotted = if name.is_empty() { stringify!($field).to_string() }
                        else { format!("{name}.{}", stringify!($field)) };
                    <$kind as $crate::kernels::lower::Words>::words(&dotted, out);
                )*
            }
        }

        impl $crate::kernels::lower::Uniform for $name {
            fn bytes(&self) -> Vec<u8> {
                let mut bytes = encase::UniformBuffer::new(Vec::new());
                // Fails only where a fixed-size destination is too small.
                bytes.write(self).expect("a Vec grows");
                bytes.into_inner()
            }
        }
    };
}
pub(crate) use uniform;

uniform! {
    /// `Rows` as the shaders see them (`shaders/shared/rows.wgsl`).
    RowsWords {
        replica_row: u32,
        offset: u32,
        count: u32,
        width: u32,
        inner: u32,
        outer_stride: u32,
        inner_stride: u32,
        unused: u32,
    }
}

#[cfg(test)]
mod tests {
    use super::{Dispatch, TensorId, groups};

    uniform! {
        Flat { rows: u32, first_group: u32 }
    }

    uniform! {
        Tiles { first_tile: u32, rows: u32 }
    }

    uniform! {
        Whole { rows: u32 }
    }

    /// Every workgroup is run once, whatever the cut, and none beyond what one dimension holds.
    #[test]
    fn a_cut_runs_every_workgroup_once() {
        let bindings = [("x", TensorId(0))];
        let flat = |groups| Dispatch::new("x", &Flat { rows: 7, first_group: 0 }, &bindings, groups, 1_000);
        let spans = |pieces: &[Dispatch], word: usize| -> Vec<(u32, [u32; 2])> {
            let first = |d: &Dispatch| u32::from_le_bytes(d.params[4 * word..][..4].try_into().unwrap());
            pieces.iter().map(|piece| (first(piece), piece.workgroups)).collect()
        };
        assert_eq!(flat([10, 1]).cut(1_000).len(), 1);
        assert_eq!(spans(&flat([10, 1]).cut(250), 1), [(0, [3, 1]), (3, [3, 1]), (6, [3, 1]), (9, [1, 1])]);
        assert_eq!(flat([10, 1]).cut(1).len(), 10);
        assert_eq!(flat([10, 1]).cut(0).len(), 10);
        assert_eq!(flat([10, 1]).cut(250).iter().map(|piece| piece.work).sum::<u64>(), 1_000);
        assert_eq!(flat([10, 1]).least_work(), 100);
        let spilled = flat([40_000, 2]).cut(999);
        assert_eq!(spans(&spilled, 1), [(0, [40_000, 1]), (40_000, [40_000, 1])]);
        assert!(flat([65_535, 9]).cut(999).iter().all(|piece| piece.workgroups[0] <= 65_535));
        let tiles = Dispatch::new("x", &Tiles { first_tile: 0, rows: 7 }, &bindings, [5, 3], 1_000);
        assert_eq!(spans(&tiles.cut(400), 0), [(0, [2, 3]), (2, [2, 3]), (4, [1, 3])]);
        let whole = Dispatch::new("x", &Whole { rows: 7 }, &bindings, [5, 3], 1_000);
        assert_eq!((whole.cut(1).len(), whole.least_work()), (1, 1_000));
    }

    #[test]
    fn groups_spill_into_y() {
        assert_eq!(groups(0, 64), [1, 1]);
        assert_eq!(groups(1, 64), [1, 1]);
        assert_eq!(groups(65, 64), [2, 1]);
        assert_eq!(groups(65_535 * 64, 64), [65_535, 1]);
        let [x, y] = groups(65_535 * 64 + 1, 64);
        assert!(y == 2 && x * y >= 65_536 && x <= 65_535);
        let [x, y] = groups(1 << 30, 1);
        assert!(x <= 65_535 && y <= 65_535 && x as u64 * y as u64 >= 1 << 30);
    }
}
