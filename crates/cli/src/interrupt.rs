use std::{
    fs,
    path::{Path, PathBuf},
    process,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::{error::Error, exit::Exit};

/// What Ctrl-C, SIGTERM and SIGHUP do: take partial files away and end the program, or wake who waits for them.
///
/// Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Interrupts {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    came: Condvar,
}

#[derive(Default)]
struct State {
    /// Files that may not be left behind.
    partial: Vec<PathBuf>,
    /// Whether someone waits for the signal and ends the program by himself.
    awaited: bool,
    came: bool,
}

impl Interrupts {
    /// Catches the signals from now on.
    ///
    /// # Errors
    ///
    /// Fails if the system does not let them be caught.
    pub(crate) fn install() -> Result<Self, Error> {
        let interrupts = Self::default();
        let handler = interrupts.clone();
        ctrlc::set_handler(move || handler.signal())
            .map_err(|error| Error::new(Exit::Internal, format!("cannot catch signals: {error}")))?;
        Ok(interrupts)
    }

    /// Has `file` removed if a signal comes.
    pub(crate) fn register(&self, file: &Path) {
        self.lock().partial.push(file.to_owned());
    }

    /// Does `last` with a registered file, then forgets it. No signal comes between.
    pub(crate) fn release<T>(&self, file: &Path, last: impl FnOnce() -> T) -> T {
        let mut state = self.lock();
        let result = last();
        state.partial.retain(|partial| partial != file);
        result
    }

    /// From now on a signal does not end the program.
    pub(crate) fn hold(&self) {
        self.lock().awaited = true;
    }

    /// Waits for a signal, after [`hold`](Self::hold).
    pub(crate) fn wait(&self) {
        let mut state = self.lock();
        while !state.came {
            state = self.shared.came.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn signal(&self) {
        let mut state = self.lock();
        state.came = true;
        self.shared.came.notify_all();
        if !state.awaited {
            clean_up(&mut state);
            // The lock is kept: nothing is renamed or created any more.
            process::exit(Exit::Interrupted.code().into());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn clean_up(state: &mut State) {
    for file in state.partial.drain(..) {
        // Nothing can be done, and nobody told, if that fails.
        let _ = fs::remove_file(file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_removes_what_is_registered() {
        let folder = tempfile::tempdir().unwrap();
        let [partial, done] = ["partial", "done"].map(|name| folder.path().join(name));
        let interrupts = Interrupts::default();
        for file in [&partial, &done] {
            fs::write(file, "x").unwrap();
            interrupts.register(file);
        }
        interrupts.release(&done, || ());
        clean_up(&mut interrupts.lock());
        assert!(!partial.exists() && done.exists());
    }

    #[test]
    fn a_held_signal_wakes_who_waits() {
        let interrupts = Interrupts::default();
        interrupts.hold();
        let waiting = std::thread::spawn({
            let interrupts = interrupts.clone();
            move || interrupts.wait()
        });
        interrupts.signal();
        waiting.join().unwrap();
    }
}
