//! Long calls. The library works in a thread of its own, on threads of its own, and never touches Python: what it tells goes through a
//! channel to the thread that called, which runs the callbacks, and looks for signals in between. So the interpreter is free
//! meanwhile, Ctrl-C stops the work after its step, and a forked process, which has no threads of its parent's, starts new ones.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use microglia::error::{Notation, Text};
use microglia::experiment::StudyObserver;
use microglia::runs::Say;
use microglia::train::{EpochRow, Observer, Progress};
use microglia::{Error, Result};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::errors::raised;
use crate::options::json_value;

/// How long a signal may wait.
const LOOK: Duration = Duration::from_millis(50);

/// Stack of a thread that reads data: that of a main thread.
const STACK: usize = 8 << 20;

/// What the library tells.
enum Event {
    Notice(String),
    Progress(Progress),
    /// The answer says whether to stop.
    Epoch(EpochRow, SyncSender<bool>),
    /// Parts done, of all, the share of the current one, seconds left.
    Part(usize, usize, f64, Option<f64>),
}

/// The library's end of a call: what observes its work.
#[derive(Clone)]
pub(crate) struct Link {
    events: Sender<Event>,
    stop: Arc<AtomicBool>,
}

impl Link {
    /// Hears what is found while a run is prepared.
    pub(crate) fn say(&self) -> Say {
        let events = Mutex::new(self.events.clone());
        Arc::new(move |line| {
            if let Ok(events) = events.lock() {
                let _ = events.send(notice(line));
            }
        })
    }

    /// Tells an event. Nobody may be listening any more.
    fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }
}

fn notice(line: &Text) -> Event {
    Event::Notice(line.to(Notation::Keywords))
}

impl Observer for Link {
    fn notice(&mut self, line: &Text) {
        self.tell(notice(line));
    }

    fn progress(&mut self, progress: &Progress) {
        self.tell(Event::Progress(progress.clone()));
    }

    fn epoch(&mut self, row: &EpochRow) {
        // The next epoch begins when the callbacks of this one have ended.
        let (answer, answered) = sync_channel(1);
        self.tell(Event::Epoch(row.clone(), answer));
        if answered.recv().unwrap_or(false) {
            self.stop.store(true, Ordering::SeqCst);
        }
    }

    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

impl StudyObserver for Link {
    fn line(&mut self, line: &Text) {
        self.tell(notice(line));
    }

    fn progress(&mut self, done: usize, all: usize, part: f64, seconds_left: Option<f64>) {
        self.tell(Event::Part(done, all, part, seconds_left));
    }

    fn interrupted(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

/// Runs `work` as this module says. `watcher` has the methods `notice`, `progress`, `epoch` and `part`.
pub(crate) fn call<T: Send>(
    watcher: &Bound<'_, PyAny>,
    threads: Option<usize>,
    work: impl FnOnce(Link) -> Result<T> + Send,
) -> PyResult<T> {
    let py = watcher.py();
    let (events, received) = channel();
    let received = Mutex::new(received);
    let stop = Arc::new(AtomicBool::new(false));
    let link = Link { events, stop: stop.clone() };
    let (done, raised_here) = thread::scope(|scope| {
        let worker = thread::Builder::new().name("microglia".into()).stack_size(STACK).spawn_scoped(scope, || {
            // Rayon's own threads are those of the process that first used them: after a fork there are none.
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).stack_size(STACK).build();
            let pool = pool
                .map_err(|error| Error::config("threads", format!("no threads: {error}"), "give a smaller number"))?;
            pool.install(|| work(link))
        });
        match worker {
            Ok(worker) => {
                let raised = listen(watcher, &received, &stop);
                (py.detach(|| worker.join().map_err(|panic| panic_words(&*panic))), raised)
            }
            Err(error) => (Err(error.to_string()), None),
        }
    });
    if let Some(error) = raised_here {
        return Err(error);
    }
    match done {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(raised(py, &error)),
        Err(words) => Err(PyRuntimeError::new_err(format!("internal error, please report it: {words}"))),
    }
}

/// Passes events on until the work has ended; what a callback or a signal raised meanwhile, which also ends the work.
fn listen(watcher: &Bound<'_, PyAny>, received: &Mutex<Receiver<Event>>, stop: &AtomicBool) -> Option<PyErr> {
    let py = watcher.py();
    let mut raised: Option<PyErr> = None;
    let next = || match received.lock() {
        Ok(received) => received.recv_timeout(LOOK),
        Err(_) => Err(RecvTimeoutError::Disconnected),
    };
    loop {
        let passed = match py.detach(next) {
            Ok(event) if raised.is_none() => pass(watcher, event),
            Ok(_) | Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => return raised,
        };
        if let Err(error) = passed.and_then(|()| py.check_signals()) {
            raised.get_or_insert(error);
            stop.store(true, Ordering::SeqCst);
        }
    }
}

fn pass(watcher: &Bound<'_, PyAny>, event: Event) -> PyResult<()> {
    match event {
        Event::Notice(line) => watcher.call_method1("notice", (line,))?,
        Event::Progress(Progress { epoch, epochs, step, steps }) => {
            watcher.call_method1("progress", (epoch, epochs, step, steps))?
        }
        Event::Epoch(row, answer) => {
            let stop = watcher.call_method1("epoch", (json_value(watcher.py(), &row)?,))?;
            let _ = answer.send(stop.is_truthy()?);
            stop
        }
        Event::Part(done, all, part, left) => watcher.call_method1("part", (done, all, part, left))?,
    };
    Ok(())
}

fn panic_words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_string()
}
