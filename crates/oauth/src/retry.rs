use core::time::Duration;

/// How often and how long a request is repeated that failed for a reason that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retry {
    /// Requests in all. Default 3.
    pub attempts: u32,
    /// From the first request to the end of the last wait. A server that asks for a longer wait is not asked again.
    /// Default 30 seconds.
    pub budget: Duration,
    /// The wait after the first failure; it doubles with each that follows. Default half a second.
    pub first: Duration,
}

impl Retry {
    /// The defaults.
    pub const DEFAULT: Self =
        Self { attempts: 3, budget: Duration::from_secs(30), first: Duration::from_millis(500) };
    /// One request, whatever comes of it.
    pub const NEVER: Self = Self { attempts: 1, ..Self::DEFAULT };

    /// How long to wait after the failure of request number `attempt`, from 1, `elapsed` after the first one was sent;
    /// `None` if that was the last. `asked` is how long the server wants to be left alone. `jitter` is a random octet, by
    /// which up to half is added, so that those who failed together do not come back together.
    #[must_use]
    pub fn wait(
        &self,
        attempt: u32,
        elapsed: Duration,
        asked: Option<Duration>,
        jitter: u8,
    ) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
        let wait = doubled.max(asked.unwrap_or_default());
        let wait =
            wait.saturating_add(doubled.checked_div(512).unwrap_or_default().saturating_mul(jitter.into()));
        (elapsed.saturating_add(wait) <= self.budget).then_some(wait)
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_longer_each_time_and_not_for_ever() {
        let ms = Duration::from_millis;
        let rows = [
            (1, 0, None, 0, Some(500)),
            (1, 0, None, 255, Some(749)),
            (2, 0, None, 0, Some(1000)),
            (3, 0, None, 0, None),
            (1, 0, Some(7_000), 0, Some(7_000)),
            (1, 0, Some(100), 0, Some(500)),
            (1, 29_500, None, 0, Some(500)),
            (1, 29_501, None, 0, None),
            (1, 0, Some(30_000), 0, Some(30_000)),
            (1, 0, Some(30_000), 255, None),
            (1, 0, Some(86_400_000), 0, None),
        ];
        for (attempt, elapsed, asked, jitter, want) in rows {
            let found = Retry::DEFAULT.wait(attempt, ms(elapsed), asked.map(ms), jitter);
            assert_eq!(found.map(|wait| wait.as_millis()), want, "{attempt} {elapsed} {asked:?} {jitter}");
        }
        assert_eq!(Retry::NEVER.wait(1, Duration::ZERO, None, 0), None);
        let many = Retry { attempts: u32::MAX, budget: Duration::MAX, ..Retry::DEFAULT };
        assert!(many.wait(u32::MAX - 1, Duration::ZERO, None, 255).is_some());
    }
}
