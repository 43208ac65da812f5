//! The devices that a choice allows, tried one after the other until one serves.

use std::fmt;
use std::sync::Arc;

use super::adapter::{Choice, allowed};
use super::device::Gpu;
use crate::error::{Error, Result};

/// Opens a device, when its turn comes.
pub type OpenDevice = Box<dyn FnOnce() -> Result<Arc<Gpu>> + Send>;
/// Hears of an adapter that gives way.
type Tell = Box<dyn FnMut(&Error) + Send>;

/// The device in use, and those that come after it. Under [`Choice::Auto`] an adapter that cannot be opened, or does not
/// compile the shaders of the program at hand, is reported and gives way to the next, at last to the CPU engine. Any other
/// choice stands: there such an adapter is an error. A device that fails while it works is one always.
pub struct Devices {
    /// `None` is the CPU engine.
    gpu: Option<Arc<Gpu>>,
    /// Best last.
    next: Vec<OpenDevice>,
    /// `None` where none gives way.
    tell: Option<Tell>,
}

impl Devices {
    /// The devices that `choice` allows, of which the first that can be opened is. `tell` is called for those that give way.
    ///
    /// # Errors
    /// [`Error::Device`] where no adapter is meant; [`Error::Adapter`] where the chosen one cannot be opened.
    pub fn open(choice: &Choice, tell: impl FnMut(&Error) + Send + 'static) -> Result<Devices> {
        let order =
            allowed(choice)?.into_iter().map(|adapter| Box::new(move || Gpu::on(&adapter)) as OpenDevice).collect();
        let tell = (*choice == Choice::Auto).then(|| Box::new(tell) as Tell);
        Self::of(order, tell)
    }

    /// Devices in the caller's own order, best first: each gives way to the next, and the last to the CPU engine.
    pub fn among(order: impl IntoIterator<Item = OpenDevice>, tell: impl FnMut(&Error) + Send + 'static) -> Devices {
        let devices = Self::of(order.into_iter().collect(), Some(Box::new(tell)));
        devices.expect("what gives way is no error")
    }

    fn of(mut order: Vec<OpenDevice>, tell: Option<Tell>) -> Result<Devices> {
        order.reverse();
        let mut devices = Devices { gpu: None, next: order, tell };
        devices.go_on()?;
        Ok(devices)
    }

    /// The device in use; `None` is the CPU engine.
    #[must_use]
    pub fn gpu(&self) -> Option<&Arc<Gpu>> {
        self.gpu.as_ref()
    }

    /// What `make` makes on the device in use, or on the first after it that compiles what it needs; `None` where that is left
    /// to the CPU engine.
    ///
    /// # Errors
    /// As `make`, but for [`Error::Adapter`] where adapters give way.
    pub fn make<T>(&mut self, mut make: impl FnMut(&Arc<Gpu>) -> Result<T>) -> Result<Option<T>> {
        while let Some(gpu) = &self.gpu {
            match make(gpu) {
                Err(error @ Error::Adapter { .. }) => self.give_way(error)?,
                made => return made.map(Some),
            }
            self.go_on()?;
        }
        Ok(None)
    }

    /// Opens the next one that can be.
    fn go_on(&mut self) -> Result<()> {
        self.gpu = None;
        while let Some(open) = self.next.pop() {
            match open() {
                Ok(gpu) => {
                    self.gpu = Some(gpu);
                    break;
                }
                Err(error) => self.give_way(error)?,
            }
        }
        Ok(())
    }

    fn give_way(&mut self, error: Error) -> Result<()> {
        match &mut self.tell {
            Some(tell) => {
                tell(&error);
                Ok(())
            }
            None => Err(error),
        }
    }
}

impl fmt::Debug for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Devices").field("gpu", &self.gpu).field("left", &self.next.len()).finish_non_exhaustive()
    }
}
