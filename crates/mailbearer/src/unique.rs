use std::sync::atomic::{AtomicU64, Ordering};

/// Returns a number that this process uses once. What is detached from a session finds its own session by it.
pub(crate) fn unique() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}
