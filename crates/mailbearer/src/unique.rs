use std::sync::atomic::{AtomicU64, Ordering};

/// A number that this process uses once: for what is detached from a session, to know its own again.
pub(crate) fn unique() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}
