use std::{fmt, future::Future, io};

use ::tokio::runtime::{Builder, Handle, Runtime};

/// Threads that run tasks of [`Tokio`](crate::Tokio), for a server without a runtime of its own.
///
/// When it is dropped, its tasks end at their next await.
pub struct TokioPool {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl TokioPool {
    /// Starts `threads` threads, at least one. Look-ups of names use more threads while they last.
    ///
    /// # Errors
    ///
    /// Fails if the system has no threads or descriptors left.
    pub fn new(threads: usize) -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(threads.max(1)).max_blocking_threads(BLOCKING_THREADS).enable_all();
        let runtime = builder.build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Runs `task` concurrently with the others.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.handle.spawn(task));
    }

    /// Calls `operation` in the context of the pool, which [`Runtime::listen`](crate::Runtime::listen) of `Tokio`
    /// needs.
    pub fn enter<T>(&self, operation: impl FnOnce() -> T) -> T {
        let _entered = self.handle.enter();
        operation()
    }

    /// Waits for `task` on this thread, which must not belong to the pool.
    pub fn block_on<T>(&self, task: impl Future<Output = T>) -> T {
        self.handle.block_on(task)
    }
}

impl Drop for TokioPool {
    fn drop(&mut self) {
        // Waits for nothing: not for a look-up, and not in a task, where waiting would be an error.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Runs `task` concurrently with the others, from within a task of a [`TokioPool`].
///
/// # Panics
///
/// Panics outside a tokio runtime.
pub fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    drop(::tokio::spawn(task));
}

/// Runs work that blocks, such as writing a file, on a thread of its own. The calling task of a [`TokioPool`] waits
/// without blocking.
///
/// # Errors
///
/// Fails if `work` panics, or the pool ends meanwhile.
pub async fn unblock<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    ::tokio::task::spawn_blocking(work).await.map_err(io::Error::other)
}

/// The most threads of a pool for work that blocks. More work waits until one is free.
const BLOCKING_THREADS: usize = 32;

impl fmt::Debug for TokioPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioPool").finish_non_exhaustive()
    }
}
