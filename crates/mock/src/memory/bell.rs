//! Wakes what waits when something changed.

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// Rung at every change; each [`Ear`] hears it once.
#[derive(Debug, Default)]
pub(crate) struct Bell(Mutex<Rung>);

#[derive(Debug, Default)]
struct Rung {
    times: u64,
    next_ear: u64,
    waiting: BTreeMap<u64, Waker>,
}

impl Bell {
    pub(crate) fn ring(&self) {
        let mut rung = self.lock();
        rung.times = rung.times.wrapping_add(1);
        let waiting = std::mem::take(&mut rung.waiting);
        drop(rung);
        waiting.into_values().for_each(Waker::wake);
    }

    /// Hears what rings from now on.
    pub(crate) fn ear(self: &Arc<Self>) -> Ear {
        let mut rung = self.lock();
        let id = rung.next_ear;
        rung.next_ear = id.wrapping_add(1);
        Ear { bell: Arc::clone(self), id, heard: rung.times }
    }

    fn lock(&self) -> MutexGuard<'_, Rung> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(crate) struct Ear {
    bell: Arc<Bell>,
    id: u64,
    heard: u64,
}

impl Ear {
    /// Waits for `task`, or for the next ring, which is `None`.
    pub(crate) async fn or_ring<T>(&mut self, task: impl Future<Output = T>) -> Option<T> {
        let mut task = pin!(task);
        poll_fn(|context| match task.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => self.poll_ring(context).map(|()| None),
        })
        .await
    }

    fn poll_ring(&mut self, context: &Context<'_>) -> Poll<()> {
        let mut rung = self.bell.lock();
        if rung.times != self.heard {
            self.heard = rung.times;
            return Poll::Ready(());
        }
        rung.waiting.insert(self.id, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.bell.lock().waiting.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[test]
    fn each_ear_hears_a_ring_once() {
        let bell = Arc::new(Bell::default());
        let (mut one, mut other) = (bell.ear(), bell.ear());
        let mut context = Context::from_waker(Waker::noop());
        let mut hears = |ear: &mut Ear| pin!(ear.or_ring(pending::<()>())).poll(&mut context).is_ready();
        assert!(!hears(&mut one) && !hears(&mut other));
        assert_eq!(bell.lock().waiting.len(), 2);
        bell.ring();
        bell.ring();
        assert_eq!(bell.lock().waiting.len(), 0);
        assert!(hears(&mut one) && !hears(&mut one) && hears(&mut other));
        bell.ring();
        let mut done = pin!(one.or_ring(ready(7)));
        assert_eq!(done.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Some(7)));
        drop(other);
        assert_eq!(bell.lock().waiting.len(), 0);
    }
}
