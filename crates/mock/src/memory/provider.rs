//! The provider's limits for one user.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::personality::ProviderLimits;

/// What the user has open and has sent.
#[derive(Debug)]
pub(crate) struct Provider {
    limits: &'static ProviderLimits,
    smtp: Arc<AtomicUsize>,
    imap: Arc<AtomicUsize>,
    sent: Mutex<VecDeque<Instant>>,
}

/// One of the user's connections, from its login on.
#[derive(Debug)]
pub(crate) struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Provider {
    pub(crate) fn new(limits: &'static ProviderLimits) -> Self {
        Self { limits, smtp: Arc::default(), imap: Arc::default(), sent: Mutex::default() }
    }

    pub(crate) const fn limits(&self) -> &'static ProviderLimits {
        self.limits
    }

    /// `None` where there is none left.
    pub(crate) fn smtp(&self) -> Option<Seat> {
        sit(&self.smtp, self.limits.smtp_connections)
    }

    /// `None` where there is none left.
    pub(crate) fn imap(&self) -> Option<Seat> {
        sit(&self.imap, self.limits.imap_connections)
    }

    /// Counts one more message; whether it may go.
    pub(crate) fn message(&self, now: Instant) -> bool {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        while sent.front().is_some_and(|first| now.saturating_duration_since(*first) >= MINUTE) {
            sent.pop_front();
        }
        let fits = sent.len() < self.limits.messages_a_minute;
        if fits {
            sent.push_back(now);
        }
        fits
    }
}

fn sit(taken: &Arc<AtomicUsize>, most: usize) -> Option<Seat> {
    let more = |count: usize| count.checked_add(1).filter(|count| *count <= most);
    taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
    Some(Seat(Arc::clone(taken)))
}

const MINUTE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Personality;

    #[test]
    fn seats_and_messages_are_counted() {
        let provider = Provider::new(&Personality::Exchange.voice().limits);
        let mut seats: Vec<Option<Seat>> = (0..4).map(|_| provider.smtp()).collect();
        assert_eq!(seats.iter().filter(|seat| seat.is_some()).count(), 3);
        assert!(provider.imap().is_some(), "each protocol counts for itself");
        seats.remove(0);
        assert!(provider.smtp().is_some() && provider.smtp().is_some(), "a seat that is left is free");

        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        assert!((0..30).all(|second| provider.message(later(second))));
        assert!(!provider.message(later(59)));
        assert!(provider.message(later(60)) && !provider.message(later(60)));
    }
}
