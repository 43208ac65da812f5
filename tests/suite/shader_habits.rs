//! Habits that every compiler's registers need: what is indexed by a number known only at run time lies in memory, in scratch
//! memory where it is an invocation's own, and Microsoft's FXC rejects a vector whose component is stored that way.

use naga::valid::{FunctionInfo, ModuleInfo};
use naga::{AddressSpace, Expression, Function, Handle, Module, Statement, TypeInner};

use crate::shaders::{each_resolved, parsed};

/// Bytes of an invocation's own array that an index may walk over: eight vec4, by a short loop that compilers unroll.
const MAX_INDEXED_BYTES: u32 = 128;

#[test]
fn no_shader_indexes_what_must_lie_in_registers() {
    each_resolved(|name, module, info| {
        let faults = faults(module, info);
        assert!(faults.is_empty(), "{name}: {}", faults.join("; "));
    });
}

/// What a module does by an index that is known only at run time: stores of a vector's component, large arrays of an invocation.
fn faults(module: &Module, info: &ModuleInfo) -> Vec<String> {
    let functions = module.functions.iter().map(|(handle, function)| (function, &info[handle]));
    let entries = module.entry_points.iter().enumerate().map(|(i, entry)| (&entry.function, info.get_entry_point(i)));
    let mut faults = Vec::new();
    for (function, info) in functions.chain(entries) {
        let name = function.name.as_deref().unwrap_or_default();
        for (_, expression) in function.expressions.iter() {
            let Expression::Access { base, index } = *expression else { continue };
            let bytes = own_bytes(module, function, info, base).filter(|_| !is_constant(function, index));
            if let Some(bytes) = bytes.filter(|bytes| *bytes > MAX_INDEXED_BYTES) {
                faults.push(format!(
                    "`{name}` indexes what is its own and takes {bytes} bytes, above {MAX_INDEXED_BYTES}"
                ));
            }
        }
        each_store(&function.body, &mut |pointer| {
            if stores_component(module, function, info, pointer) {
                faults.push(format!("`{name}` stores a vector's component by an index"));
            }
        });
    }
    faults
}

fn is_constant(function: &Function, index: Handle<Expression>) -> bool {
    matches!(function.expressions[index], Expression::Literal(_) | Expression::Constant(_))
}

/// Bytes of the whole variable or value that something belongs to, where that is an invocation's own.
fn own_bytes(module: &Module, function: &Function, info: &FunctionInfo, mut part: Handle<Expression>) -> Option<u32> {
    while let Expression::Access { base, .. } | Expression::AccessIndex { base, .. } = function.expressions[part] {
        part = base;
    }
    match *info[part].ty.inner_with(&module.types) {
        TypeInner::Pointer { base, space: AddressSpace::Function | AddressSpace::Private } => {
            Some(module.types[base].inner.size(module.to_ctx()))
        }
        TypeInner::Pointer { .. } => None,
        ref value => Some(value.size(module.to_ctx())),
    }
}

/// Whether a pointer leads to a component that an index picks, wherever the vector lies.
fn stores_component(module: &Module, function: &Function, info: &FunctionInfo, pointer: Handle<Expression>) -> bool {
    let Expression::Access { base, index } = function.expressions[pointer] else { return false };
    let is_vector = match *info[base].ty.inner_with(&module.types) {
        TypeInner::Pointer { base, .. } => matches!(module.types[base].inner, TypeInner::Vector { .. }),
        TypeInner::ValuePointer { size, .. } => size.is_some(),
        _ => false,
    };
    is_vector && !is_constant(function, index)
}

fn each_store(block: &naga::Block, found: &mut impl FnMut(Handle<Expression>)) {
    for statement in block {
        match statement {
            Statement::Store { pointer, .. } => found(*pointer),
            Statement::Block(block) => each_store(block, found),
            Statement::If { accept, reject, .. } => {
                [accept, reject].into_iter().for_each(|block| each_store(block, found))
            }
            Statement::Loop { body, continuing, .. } => {
                [body, continuing].into_iter().for_each(|block| each_store(block, found));
            }
            Statement::Switch { cases, .. } => cases.iter().for_each(|case| each_store(&case.body, found)),
            _ => {}
        }
    }
}

/// What is found in a kernel with such a body, and with other functions before it.
fn faults_of(functions: &str, body: &str) -> Vec<String> {
    let text = format!(
        "@group(0) @binding(0) var<storage, read_write> words: array<vec4<f32>>;\n{functions}\n\
         @compute @workgroup_size(1)\n\
         fn broken(@builtin(local_invocation_index) lane: u32) {{\n{body}\n}}\n"
    );
    let (module, info) = parsed(&text);
    faults(&module, &info)
}

#[test]
fn a_component_stored_by_an_index_is_found() {
    for body in [
        "var sum = vec4<f32>(0.0); sum[lane % 4u] = 1.0; words[0] = sum;",
        "var sums: array<vec4<f32>, 2>; for (var c = 0u; c < 4u; c++) { sums[1][c] = 1.0; } words[0] = sums[1];",
        "if (lane > 1u) { words[lane][lane % 4u] = 1.0; }",
        "var sum = mat4x4<f32>(); switch (lane) { case 1u: { sum[0][lane] = 1.0; } default: {} } words[0] = sum[0];",
    ] {
        assert_eq!(faults_of("", body), ["`broken` stores a vector's component by an index"], "{body}");
    }
}

#[test]
fn a_large_array_that_an_index_walks_over_is_found() {
    let into = "fn into(sums: ptr<function, array<vec4<f32>, 9>>, at: u32) { (*sums)[at].x = 1.0; }";
    for (functions, body, place) in [
        ("", "var sums: array<vec4<f32>, 9>; words[0] = sums[lane];", "broken"),
        ("", "let sums = array<vec4<f32>, 9>(); words[0] = sums[lane];", "broken"),
        ("", "var sums: array<array<f32, 12>, 3>; words[0].x = sums[0][lane];", "broken"),
        ("var<private> sums: array<f32, 36>;", "for (var i = 0u; i < 36u; i++) { sums[i] = words[i].x; }", "broken"),
        (into, "var sums: array<vec4<f32>, 9>; into(&sums, lane); words[0] = sums[0];", "into"),
    ] {
        let expected = format!("`{place}` indexes what is its own and takes 144 bytes, above 128");
        assert_eq!(faults_of(functions, body), [expected], "{body}");
    }
}

/// Arrays of eight vec4, indices known beforehand, components that are read, and memory that is not an invocation's own.
#[test]
fn what_compilers_keep_in_registers_is_no_fault() {
    let body = "var few: array<vec4<f32>, 8>; var many: array<vec4<f32>, 9>; few[lane].x = 1.0; many[3][2] = 1.0; \
                let sum = few[lane]; words[lane].y = sum[lane % 4u]; words[0] = many[3];";
    assert_eq!(faults_of("", body), [""; 0]);
}
