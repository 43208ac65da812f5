//! The pipelines that engines make, apart from any engine: to find out what a device compiles.

use std::collections::BTreeSet;
use std::fmt;

use super::lower::Shapes;
use super::{lower, sources};
use crate::error::Result;
use crate::gpu::shader::Constant;
use crate::gpu::{AdapterClass, Gpu};
use crate::program::{List, Program};

/// A shader, with what one pipeline makes of its open words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pipeline {
    /// The shader's name.
    pub shader: &'static str,
    /// Its open words and their values.
    pub constants: Vec<Constant>,
}

impl Pipeline {
    /// Compiles it, and keeps it for engines on this device.
    ///
    /// # Errors
    /// [`Error::Adapter`](crate::Error::Adapter) with the driver's words.
    pub fn compile(&self, gpu: &Gpu) -> Result<()> {
        gpu.kernel(self.shader, &self.constants, || sources::shader(self.shader)).map(drop)
    }
}

impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shader)?;
        self.constants.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

/// Every pipeline that engines for these programs make on an adapter of this class, and those that measure it.
#[must_use]
pub fn pipelines(programs: &[Program], class: AdapterClass) -> BTreeSet<Pipeline> {
    let ops = programs.iter().flat_map(|program| List::ALL.map(|list| (program, list)));
    let planned = ops.flat_map(|(program, list)| {
        let shapes = Shapes::of(program, class);
        program.list(list).iter().flat_map(move |op| lower(op, &shapes).dispatches).collect::<Vec<_>>()
    });
    let planned = planned.map(|dispatch| Pipeline { shader: dispatch.shader, constants: dispatch.constants });
    let measuring = sources::ROOFLINE.iter().map(|(shader, _)| Pipeline { shader, constants: Vec::new() });
    planned.chain(measuring).collect()
}
