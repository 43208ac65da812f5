//! One op of a program, alone, on whichever engines there are: what `microglia compare` does for all of them.
//!
//! `cargo run --release --example one_kernel [ADAPTER]`, such as `llvmpipe`.

use microglia::compare::Case;
use microglia::engine::Engine;
use microglia::gpu::Choice;
use microglia::kernels::GpuEngine;
use microglia::models::ModelKind;
use microglia::program::{List, Op};
use microglia::reference::CpuEngine;

fn main() -> microglia::Result<()> {
    // One LSTM: batch 4, 6 steps, 8 hidden units, random data.
    let case = Case::new(ModelKind::Lstm, 1, 4, 6, 8);
    let program = case.program()?;
    for (i, op) in program.forward.iter().enumerate() {
        println!(
            "{i} {} reads {:?}, writes {:?}",
            op.label(),
            names(&program, op.reads()),
            names(&program, op.writes())
        );
    }

    let choice: Choice = std::env::args().nth(1).unwrap_or_else(|| "auto".into()).parse()?;
    let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(CpuEngine::<f32>::new(program.clone(), None)?)];
    match GpuEngine::open(&choice, program.clone())? {
        Some(engine) => engines.push(Box::new(engine)),
        None => println!("no GPU here: the CPU engine alone"),
    }
    for engine in &mut engines {
        case.load(engine.as_mut(), 1)?;
        for index in 0..3 {
            engine.run_op(List::Forward, index, 0)?;
        }
        let Op::LstmForward(lstm) = &program.forward[2] else { unreachable!("the third op is the cell") };
        let states = engine.read_f32(lstm.states, 0)?;
        println!("{}: h of the last step of window 0: {:?}", engine.device(), &states[6 * 8..7 * 8]);
    }
    Ok(())
}

fn names(program: &microglia::program::Program, ids: Vec<microglia::program::TensorId>) -> Vec<&str> {
    ids.into_iter().map(|id| program.tensor(id).name.as_str()).collect()
}
