use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use tempfile::NamedTempFile;

use crate::{error::Error, exit::Exit, program};

/// Handles Ctrl-C, SIGTERM and SIGHUP: removes partial files, kills the programs that a setting named and ends this one, or
/// wakes the thread that waits.
///
/// All clones share one state.
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
    /// Files to remove when a signal ends the program.
    partial: Vec<PathBuf>,
    /// Whether a thread waits for the signal and ends the program itself.
    awaited: bool,
    came: bool,
}

impl Interrupts {
    /// Catches the signals from now on.
    ///
    /// # Errors
    ///
    /// Fails if the system does not let us catch them.
    pub(crate) fn install() -> Result<Self, Error> {
        let interrupts = Self::default();
        let handler = interrupts.clone();
        ctrlc::set_handler(move || handler.signal())
            .map_err(|error| Error::new(Exit::Internal, format!("cannot catch signals: {error}")))?;
        Ok(interrupts)
    }

    /// Makes a file that a signal removes. Signals wait until the file is noted.
    ///
    /// # Errors
    ///
    /// Fails if `make` does.
    pub(crate) fn create(
        &self,
        make: impl FnOnce() -> io::Result<NamedTempFile>,
    ) -> io::Result<NamedTempFile> {
        let mut state = self.lock();
        let file = make()?;
        state.partial.push(file.path().to_owned());
        Ok(file)
    }

    /// Does `last` with a file of [`create`](Self::create), then forgets the file. Signals wait until both are done.
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

    /// Does `work`, during which a signal does not end the program.
    pub(crate) fn without<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = std::mem::replace(&mut self.lock().awaited, true);
        let result = work();
        self.lock().awaited = before;
        result
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
            let _programs = program::kill_all();
            // This keeps the lock, so that no thread renames or creates another file.
            process::exit(Exit::Interrupted.code().into());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn clean_up(state: &mut State) {
    for file in state.partial.drain(..) {
        // If that fails, there is nothing left to do and nobody to tell.
        let _ = fs::remove_file(file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_removes_what_is_registered() {
        let folder = tempfile::tempdir().unwrap();
        let interrupts = Interrupts::default();
        let create = || {
            let file = interrupts.create(|| NamedTempFile::new_in(folder.path())).unwrap();
            file.keep().unwrap().1
        };
        let [partial, done] = [create(), create()];
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
