//! What goes wrong on a device, as errors: memory that is not there, calls that are not valid, work that is lost.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use super::device::{Gpu, lock};
use crate::error::{Error, Result};

/// The first error that no call could be blamed for, or the reason the device was lost.
#[derive(Debug, Clone, Default)]
pub(super) struct Fault(Arc<Mutex<Option<String>>>);

impl Fault {
    /// Takes the device's callbacks: from here on what they report is noted.
    pub(super) fn watch(&self, device: &wgpu::Device) {
        let fault = self.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| fault.note(error.to_string())));
        let fault = self.clone();
        device.set_device_lost_callback(move |reason, message| {
            let why = if message.is_empty() { format!("{reason:?}").to_lowercase() } else { message };
            fault.note(format!("the device was lost ({why})"));
        });
    }

    fn note(&self, text: String) {
        lock(&self.0).get_or_insert(text);
    }

    fn first(&self) -> Option<String> {
        lock(&self.0).clone()
    }
}

/// What may be done about a device that fails.
const GO_ON: &str = "a run continues from its last checkpoint with ‹resume›, on another device too (‹device cpu›); if it \
                     happens again, run `microglia compare` on this one and update its driver";

impl Gpu {
    /// Fails if the driver has reported an error or lost the device.
    pub fn check(&self) -> Result<()> {
        self.fault.first().map_or(Ok(()), |problem| Err(self.failed(problem)))
    }

    fn failed(&self, problem: impl Display) -> Error {
        Error::device(format!("{}: {problem}", self.summary().name), GO_ON)
    }

    /// Runs `make`, and turns the errors it raises on the device into one that names `what`.
    pub(crate) fn scoped<T>(&self, what: impl Display, make: impl FnOnce() -> T) -> Result<T> {
        let filters = [wgpu::ErrorFilter::OutOfMemory, wgpu::ErrorFilter::Validation, wgpu::ErrorFilter::Internal];
        let scopes = filters.map(|filter| self.device.push_error_scope(filter));
        let made = make();
        self.close(scopes, &what)?;
        Ok(made)
    }

    fn close(&self, scopes: [wgpu::ErrorScopeGuard; 3], what: &dyn Display) -> Result<()> {
        // In the reverse order.
        let errors: Vec<_> = scopes.into_iter().rev().map(|scope| pollster::block_on(scope.pop())).collect();
        let error = errors.into_iter().flatten().next();
        if error.is_some() {
            // What a lost device rejects is rejected for being lost, which is reported with the next look at it.
            let _ = poll(&self.device, wgpu::PollType::Poll);
            self.check()?;
        }
        match error {
            None => Ok(()),
            Some(wgpu::Error::OutOfMemory { .. }) => Err(self.out_of_memory(what)),
            Some(error) => Err(Error::device(
                format!("{}: {what}: {error}", self.summary().name),
                "update the driver, or use ‹device cpu›",
            )),
        }
    }

    /// With what is taken already, where the backend counts it, and the largest buffer that the device names.
    fn out_of_memory(&self, what: impl Display) -> Error {
        let held = self.device.generate_allocator_report();
        let held = held
            .map_or(String::new(), |report| format!("{} bytes are taken already, and ", report.total_reserved_bytes));
        Error::device(
            format!(
                "{}: out of memory for {what}: {held}one buffer may have {} bytes",
                self.summary().name,
                self.summary().max_buffer_bytes
            ),
            "choose a smaller ‹batch›, ‹lookback›, ‹hidden› (of patchtst ‹d-model›, ‹ff› or ‹heads›) or ‹replicas›, \
                   or use ‹device cpu›",
        )
    }

    /// Records commands and hands them in; errors name `what`.
    pub(crate) fn submit(
        &self,
        what: impl Display,
        record: impl FnOnce(&mut wgpu::CommandEncoder),
    ) -> Result<wgpu::SubmissionIndex> {
        let index = self.scoped(what, || {
            let mut encoder = self.device.create_command_encoder(&Default::default());
            record(&mut encoder);
            self.queue.submit([encoder.finish()])
        })?;
        self.check()?;
        Ok(index)
    }

    /// Waits for a submission and everything before it.
    pub(crate) fn wait(&self, submission: wgpu::SubmissionIndex, what: impl Display) -> Result<()> {
        let waited = poll(&self.device, wgpu::PollType::Wait { submission_index: Some(submission), timeout: None });
        let lost = match waited {
            Ok(()) => return self.check(),
            // The reason comes with the next look at the device.
            Err(lost) => poll(&self.device, wgpu::PollType::Poll).err().unwrap_or(lost),
        };
        Err(self.failed(format!("{} while it ran {what}", self.fault.first().unwrap_or(lost))))
    }
}

/// Looks at a device or waits for it; what went wrong, in words.
fn poll(device: &wgpu::Device, how: wgpu::PollType) -> Result<(), String> {
    caught(|| device.poll(how).map(drop))
}

/// wgpu panics where a wait finds the device lost, which happens to drivers that are reset.
fn caught(poll: impl FnOnce() -> Result<(), wgpu::PollError>) -> Result<(), String> {
    match catch_unwind(AssertUnwindSafe(poll)) {
        Ok(Ok(())) => Ok(()),
        // What was handed in to a lost device never counts as submitted.
        Ok(Err(wgpu::PollError::WrongSubmissionIndex(..))) => Err("the device was lost: it took no more work".into()),
        Ok(Err(error)) => Err(format!("waiting failed ({error})")),
        Err(_) => Err("the device was lost".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::caught;

    #[test]
    fn a_wait_that_panics_or_fails_is_an_error() {
        assert_eq!(caught(|| Ok(())), Ok(()));
        assert_eq!(caught(|| panic!("Error in Device::poll: lost")), Err("the device was lost".into()));
        assert!(caught(|| Err(wgpu::PollError::WrongSubmissionIndex(2, 1))).unwrap_err().contains("lost"));
        assert!(caught(|| Err(wgpu::PollError::Timeout)).unwrap_err().contains("waiting failed"));
    }
}
