//! How slow a peer may be.

use std::time::{Duration, Instant};

use super::later;

/// Prevents a peer from sending an octet a minute for ever.
///
/// For each request a peer has [`SLOWNESS`] times its patience. Each octet that is transferred gives some of that time
/// back: a body of any length may come at more than [`OCTETS_A_SECOND`], and a server may take a while if it says
/// something in between.
pub(super) struct Pace {
    pub(super) until: Instant,
    /// How much time a new request gives the peer.
    full: Duration,
    /// The most time that the peer had since the last request.
    pub(super) allowance: Duration,
    /// How much of that is left.
    left: Duration,
}

impl Pace {
    pub(super) const fn new(now: Instant) -> Self {
        Self { until: now, full: Duration::ZERO, allowance: Duration::ZERO, left: Duration::ZERO }
    }

    /// Starts again for a new request, or after a silence, which the caller has to judge.
    pub(super) fn start(&mut self, now: Instant) {
        (self.allowance, self.left) = (self.full, self.full);
        self.until = later(now, self.left);
    }

    pub(super) fn resume(&mut self, now: Instant, patience: Duration) {
        self.full = patience.saturating_mul(SLOWNESS);
        let more = self.full.saturating_sub(self.allowance);
        self.allowance = self.allowance.saturating_add(more);
        self.left = self.left.saturating_add(more);
        self.until = later(now, self.left);
    }

    pub(super) fn pause(&mut self, now: Instant) {
        self.left = self.until.saturating_duration_since(now);
    }

    pub(super) fn moved(&mut self, now: Instant, octets: usize) {
        let octets = u32::try_from(octets).unwrap_or(u32::MAX);
        let back =
            Duration::from_secs(1).checked_div(OCTETS_A_SECOND).unwrap_or_default().saturating_mul(octets);
        self.until = later(self.until, back).min(later(now, self.allowance));
    }
}

const SLOWNESS: u32 = 10;
const OCTETS_A_SECOND: u32 = 100;
