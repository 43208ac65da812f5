//! The engine that a configuration's device means, and the cuts of matrix products that it was measured for.

use std::sync::Arc;

use super::Say;
use crate::config::Config;
use crate::data::counted;
use crate::engine::Engine;
use crate::error::{Error, Result, Text};
use crate::gpu::{Choice, Devices, Gpu};
use crate::kernels::tuning::Tuning;
use crate::kernels::{GpuEngine, GpuOptions, autotune};
use crate::program::Program;
use crate::reference::CpuEngine;

/// The devices that a choice allows, the first of them open, and what makes engines on them.
#[derive(Debug)]
pub struct Engines {
    devices: Devices,
    choice: Choice,
    /// Of the CPU engine; `None`: one per core.
    threads: Option<usize>,
}

/// What has a GPU's choices made, or takes them.
const CHOOSE: &str = "choose ‹device gpu›, or part of an adapter's name as in `microglia devices`";

impl Engines {
    /// Opens the first device that can be. `say` hears a line of each that gives way.
    ///
    /// # Errors
    /// Where no adapter is meant, or the chosen one cannot be opened.
    pub fn open(choice: &Choice, threads: Option<usize>, say: &Say) -> Result<Engines> {
        let say = say.clone();
        let devices = Devices::open(choice, move |error| say(&passed_over(error)))?;
        Ok(Engines { devices, choice: choice.clone(), threads })
    }

    /// The GPU in use; `None` is the CPU engine.
    pub fn gpu(&self) -> Option<&Arc<Gpu>> {
        self.devices.gpu()
    }

    /// The devices themselves.
    pub fn devices(&mut self) -> &mut Devices {
        &mut self.devices
    }

    /// An engine on the GPU in use, or the first after it that compiles the program, else on the CPU; and a line that says which.
    /// `tuning` is for the adapter that it names, and for no other.
    ///
    /// # Errors
    /// Where the device does not hold the program, or is not the one that was tuned for.
    pub fn make(&mut self, program: &Program, tuning: Option<&Tuning>) -> Result<(Box<dyn Engine>, Text)> {
        let options = GpuOptions { tuning: tuning.cloned(), ..GpuOptions::default() };
        if let Some(engine) = GpuEngine::open(&mut self.devices, program, &options)? {
            let line = format!("training on {}", engine.device());
            return Ok((Box::new(engine), line.into()));
        }
        if let Some(tuning) = tuning {
            return Err(no_adapter_for(tuning));
        }
        let engine = CpuEngine::<f32>::new(program.clone(), self.threads)?;
        let why = if self.choice == Choice::Auto { "no GPU that serves: " } else { "" };
        let threads = counted(engine.threads(), "thread");
        let line = format!("{why}training on the CPU engine, {threads} of {}", engine.device());
        Ok((Box::new(engine), line.into()))
    }

    /// Rejects, before anything is read, a configuration that asks a GPU for its choices where the run is on the CPU engine.
    ///
    /// # Errors
    /// Says what to leave out, or which device to choose.
    pub fn check_tuning(&self, config: &Config) -> Result<()> {
        match (self.gpu(), &config.tuning) {
            (None, _) if config.autotune => {
                let problem = "this run is on the CPU engine, which has nothing to tune";
                Err(Error::config("autotune", problem, Text::from("leave it out, or ").and(CHOOSE)))
            }
            (None, Some(tuning)) => Err(no_adapter_for(tuning)),
            _ => Ok(()),
        }
    }

    /// How a run's products are cut: measured now where that is asked for, else as the configuration says, if it does.
    ///
    /// # Errors
    /// As [`Engines::check_tuning`], or where the device fails.
    pub fn tuned(&mut self, config: &Config, program: &Program, say: &Say) -> Result<Option<Tuning>> {
        if !config.autotune {
            return Ok(config.tuning.clone());
        }
        let tuning = self.devices.make(|gpu| {
            say(&format!("autotune: timing the matrix products on {}", gpu.summary().name).into());
            autotune(gpu, program)
        })?;
        // The last GPU may just have given way.
        self.check_tuning(config)?;
        for tuned in tuning.iter().flat_map(|tuning| &tuning.products) {
            say(&format!("autotune: {tuned}").into());
        }
        Ok(tuning)
    }
}

fn no_adapter_for(tuning: &Tuning) -> Error {
    Error::config(
        "tuning",
        format!("made for the adapter `{}`, and this run is on the CPU engine", tuning.adapter),
        Text::from("remove the table [tuning] from the configuration, or ").and(CHOOSE),
    )
}

/// A line for an adapter that gives way: which, and why, in its driver's words.
pub fn passed_over(error: &Error) -> Text {
    let words = error.problem().to_string();
    format!("passed over: {}", words.split_whitespace().collect::<Vec<_>>().join(" ")).into()
}
