//! Shaders that report every index which lies outside what it is applied to, rewritten in naga's representation.

use microglia::gpu::shader::{Constant, Shader};
use naga::back::wgsl;
use naga::proc::TypeResolution;
use naga::valid::{Capabilities, FunctionInfo, ValidationFlags, Validator};
use naga::{
    AddressSpace, ArraySize, AtomicFunction, BinaryOperator, Block, Expression, Function, GlobalVariable, Handle,
    Literal, Module, Range, ResourceBinding, Scalar, ScalarKind, Span, Statement, StorageAccess, Type, TypeInner,
    UniqueArena,
};

use crate::shaders::parsed;

/// Words of a report: how often, the largest such index, and 1 more than the place among [`Watched::places`] of one of them.
pub(super) const WORDS: usize = 3;

/// A shader that writes a report into group 1.
pub(super) struct Watched {
    pub wgsl: String,
    /// What each watched index is applied to.
    pub places: Vec<String>,
}

/// The shader with its open words set.
pub(super) fn watched(shader: &Shader, constants: &[Constant]) -> Watched {
    let (mut module, info) = parsed(&set(&shader.source, constants));
    let mut places = Vec::new();
    let report = report(&mut module);
    let Module { functions, entry_points, types, global_variables, .. } = &mut module;
    let entries = entry_points.iter_mut().enumerate().map(|(i, entry)| (&mut entry.function, info.get_entry_point(i)));
    for (function, info) in functions.iter_mut().map(|(handle, function)| (function, &info[handle])).chain(entries) {
        let globals = |handle: Handle<GlobalVariable>| global_variables[handle].name.clone().unwrap_or_default();
        let body = std::mem::take(&mut function.body);
        let known = function.expressions.len();
        let mut rewrite = Rewrite { function, known, info, types, report, globals: &globals, places: &mut places };
        let body = rewrite.block(body);
        function.body = body;
    }
    let info = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module);
    let info = info.unwrap_or_else(|error| panic!("{}: {error:#?}", shader.name));
    let wgsl = wgsl::write_string(&module, &info, wgsl::WriterFlags::empty()).unwrap();
    Watched { wgsl, places }
}

/// Every open word made a constant: naga writes no array whose size is open.
fn set(source: &str, constants: &[Constant]) -> String {
    let line = |line: &str| {
        let Some(open) = line.strip_prefix("override ") else { return line.to_string() };
        let name = open.split(':').next().unwrap_or_default();
        match constants.iter().find(|(word, _)| *word == name) {
            Some((_, value)) => format!("const {name}: u32 = {value}u;"),
            None => format!("const {open}"),
        }
    };
    source.lines().map(|one| line(one) + "\n").collect()
}

/// The report's variable.
fn report(module: &mut Module) -> Handle<GlobalVariable> {
    let name = |inner| Type { name: None, inner };
    let word = module.types.insert(name(TypeInner::Atomic(Scalar::U32)), Span::UNDEFINED);
    let size = ArraySize::Constant((WORDS as u32).try_into().unwrap());
    let ty = module.types.insert(name(TypeInner::Array { base: word, size, stride: 4 }), Span::UNDEFINED);
    let variable = GlobalVariable {
        name: Some("out_of_bounds".into()),
        space: AddressSpace::Storage { access: StorageAccess::LOAD | StorageAccess::STORE },
        binding: Some(ResourceBinding { group: 1, binding: 0 }),
        ty,
        init: None,
        memory_decorations: naga::MemoryDecorations::empty(),
    };
    module.global_variables.append(variable, Span::UNDEFINED)
}

struct Rewrite<'a> {
    function: &'a mut Function,
    /// Expressions that were there before.
    known: usize,
    info: &'a FunctionInfo,
    types: &'a UniqueArena<Type>,
    report: Handle<GlobalVariable>,
    globals: &'a dyn Fn(Handle<GlobalVariable>) -> String,
    places: &'a mut Vec<String>,
}

impl Rewrite<'_> {
    fn block(&mut self, block: Block) -> Block {
        let mut out = Block::new();
        for statement in block.iter().cloned() {
            match statement {
                Statement::Emit(range) => self.emit(range, &mut out),
                Statement::Block(inner) => push(&mut out, Statement::Block(self.block(inner))),
                Statement::If { condition, accept, reject } => {
                    let (accept, reject) = (self.block(accept), self.block(reject));
                    push(&mut out, Statement::If { condition, accept, reject });
                }
                Statement::Switch { selector, mut cases } => {
                    for case in &mut cases {
                        case.body = self.block(std::mem::take(&mut case.body));
                    }
                    push(&mut out, Statement::Switch { selector, cases });
                }
                Statement::Loop { body, continuing, break_if } => {
                    let (body, continuing) = (self.block(body), self.block(continuing));
                    push(&mut out, Statement::Loop { body, continuing, break_if });
                }
                other => push(&mut out, other),
            }
        }
        out
    }

    /// The same expressions, with a check before each index.
    fn emit(&mut self, range: Range<Expression>, out: &mut Block) {
        let mut waiting: Option<(Handle<Expression>, Handle<Expression>)> = None;
        let flush = |waiting: &mut Option<(Handle<Expression>, Handle<Expression>)>, out: &mut Block| {
            if let Some((first, last)) = waiting.take() {
                push(out, Statement::Emit(Range::new_from_bounds(first, last)));
            }
        };
        for handle in range {
            let index = match self.function.expressions[handle] {
                Expression::Access { base, index } => Some((base, index)),
                // Of arrays without a size alone: of all else naga has checked it.
                Expression::AccessIndex { base, index } if matches!(self.size(base), Some(Size::Dynamic)) => {
                    Some((base, self.add(Expression::Literal(Literal::U32(index)))))
                }
                _ => None,
            };
            if let Some((base, index)) = index {
                flush(&mut waiting, out);
                self.check(base, index, out);
            }
            waiting = Some((waiting.map_or(handle, |(first, _)| first), handle));
        }
        flush(&mut waiting, out);
    }

    fn check(&mut self, base: Handle<Expression>, index: Handle<Expression>, out: &mut Block) {
        let size =
            self.size(base).unwrap_or_else(|| panic!("an index applied to {:?}", self.inner(&self.info[base].ty)));
        self.places.push(format!("{} in {}", self.describe(base), self.function.name.as_deref().unwrap_or("?")));
        let place = self.add(Expression::Literal(Literal::U32(self.places.len() as u32)));
        let one = self.add(Expression::Literal(Literal::U32(1)));
        let report = self.add(Expression::GlobalVariable(self.report));
        let signed = self.is_signed(index);
        let constant = match size {
            Size::Words(words) => Some(self.add(Expression::Literal(Literal::U32(words)))),
            Size::Dynamic => None,
        };
        // What must be emitted lies together, after all that must not.
        let mut own = Vec::new();
        let index = match signed {
            true => {
                own.push(self.add(Expression::As { expr: index, kind: ScalarKind::Uint, convert: None }));
                own[0]
            }
            false => index,
        };
        let size = constant.unwrap_or_else(|| {
            own.push(self.add(Expression::ArrayLength(base)));
            own[own.len() - 1]
        });
        let outside = self.add(Expression::Binary { op: BinaryOperator::GreaterEqual, left: index, right: size });
        push(out, Statement::Emit(Range::new_from_bounds(own.first().copied().unwrap_or(outside), outside)));
        let words: Vec<Handle<Expression>> =
            (0..WORDS as u32).map(|word| self.add(Expression::AccessIndex { base: report, index: word })).collect();
        let mut accept = Block::new();
        push(&mut accept, Statement::Emit(Range::new_from_bounds(words[0], words[WORDS - 1])));
        for (pointer, fun, value) in [
            (words[0], AtomicFunction::Add, one),
            (words[1], AtomicFunction::Max, index),
            (words[2], AtomicFunction::Max, place),
        ] {
            push(&mut accept, Statement::Atomic { pointer, fun, value, result: None });
        }
        push(out, Statement::If { condition: outside, accept, reject: Block::new() });
    }

    fn add(&mut self, expression: Expression) -> Handle<Expression> {
        self.function.expressions.append(expression, Span::UNDEFINED)
    }

    fn inner(&self, resolution: &'_ TypeResolution) -> TypeInner {
        resolution.inner_with(self.types).clone()
    }

    fn is_signed(&self, index: Handle<Expression>) -> bool {
        // What this rewrite has added is a literal of its own.
        if index.index() >= self.known {
            return false;
        }
        match self.inner(&self.info[index].ty) {
            TypeInner::Scalar(scalar) => scalar.kind == ScalarKind::Sint,
            other => panic!("an index of type {other:?}"),
        }
    }

    /// How many elements an expression has, if it has any.
    fn size(&self, base: Handle<Expression>) -> Option<Size> {
        let of = |inner: &TypeInner| match *inner {
            TypeInner::Array { size: ArraySize::Constant(words), .. } => Some(Size::Words(words.get())),
            TypeInner::Array { size: ArraySize::Dynamic, .. } => Some(Size::Dynamic),
            TypeInner::Vector { size, .. } | TypeInner::ValuePointer { size: Some(size), .. } => {
                Some(Size::Words(size as u32))
            }
            TypeInner::Matrix { columns, .. } => Some(Size::Words(columns as u32)),
            _ => None,
        };
        match self.inner(&self.info[base].ty) {
            TypeInner::Pointer { base, .. } => of(&self.types[base].inner),
            inner => of(&inner),
        }
    }

    fn describe(&self, base: Handle<Expression>) -> String {
        match self.function.expressions[base] {
            Expression::GlobalVariable(variable) => (self.globals)(variable),
            Expression::LocalVariable(variable) => {
                self.function.local_variables[variable].name.clone().unwrap_or("a local".into())
            }
            Expression::Access { base, .. } | Expression::AccessIndex { base, .. } => {
                format!("{}[]", self.describe(base))
            }
            Expression::Load { pointer } => self.describe(pointer),
            _ => self.function.named_expressions.get(&base).cloned().unwrap_or("a value".into()),
        }
    }
}

/// Elements that can be indexed.
enum Size {
    Words(u32),
    /// As many as are bound.
    Dynamic,
}

fn push(block: &mut Block, statement: Statement) {
    block.push(statement, Span::UNDEFINED);
}
