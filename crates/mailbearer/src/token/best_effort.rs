use std::{
    fmt,
    future::ready,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::{AccountKey, Kept, Pending, StoreError, StoreLock, TokenStore};

/// A [`TokenStore`] that turns trouble into warnings. If a token is not kept, another is requested.
///
/// Use it for access tokens, which can be requested at any time. A refresh token belongs in a store that fails if it
/// can't keep it.
pub struct BestEffort<S, W> {
    store: S,
    warn: W,
    warned: AtomicBool,
    unlocked: AtomicBool,
}

impl<S: TokenStore, W: Fn(&StoreError) + Send + Sync> BestEffort<S, W> {
    /// `warn` is called for the first trouble only: later ones are most likely the same.
    pub const fn new(store: S, warn: W) -> Self {
        Self { store, warn, warned: AtomicBool::new(false), unlocked: AtomicBool::new(false) }
    }

    fn or_warn<T>(&self, result: Result<T, StoreError>, instead: T) -> T {
        result.unwrap_or_else(|error| {
            if !self.warned.swap(true, Ordering::Relaxed) {
                (self.warn)(&error);
            }
            instead
        })
    }
}

impl<S: TokenStore, W: Fn(&StoreError) + Send + Sync> TokenStore for BestEffort<S, W> {
    fn load<'a>(&'a self, account: &'a AccountKey) -> Pending<'a, Result<Option<Kept>, StoreError>> {
        Box::pin(async { Ok(self.or_warn(self.store.load(account).await, None)) })
    }

    fn save<'a>(&'a self, account: &'a AccountKey, kept: &'a Kept) -> Pending<'a, Result<(), StoreError>> {
        if self.unlocked.load(Ordering::Relaxed) {
            return Box::pin(ready(Ok(())));
        }
        Box::pin(async {
            self.or_warn(self.store.save(account, kept).await, ());
            Ok(())
        })
    }

    fn lock<'a>(
        &'a self,
        account: &'a AccountKey,
        patience: Duration,
    ) -> Pending<'a, Result<StoreLock, StoreError>> {
        Box::pin(async move {
            let lock = self.store.lock(account, patience).await;
            self.unlocked.store(lock.is_err(), Ordering::Relaxed);
            Ok(self.or_warn(lock, StoreLock::new(())))
        })
    }
}

impl<S, W> fmt::Debug for BestEffort<S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BestEffort").finish_non_exhaustive()
    }
}
