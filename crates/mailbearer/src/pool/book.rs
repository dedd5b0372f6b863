use std::time::Duration;

/// How far an account has used what its server allows: when messages were sent, and what the server asked for. All
/// times are milliseconds of one clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Book {
    /// The times of the messages of the last minute.
    sent: Vec<u64>,
    /// Until when to send the server nothing.
    quiet_until: u64,
    /// The most connections, and until when.
    most: Option<(usize, u64)>,
}

impl Book {
    /// Counts one more message before it is sent. Returns its stamp.
    ///
    /// # Errors
    ///
    /// Returns how long to wait if `limit` messages were sent in the last minute.
    pub(super) fn permit(&mut self, now: u64, limit: usize) -> Result<u64, Duration> {
        match self.full(now, limit) {
            Some(wait) => Err(wait),
            None => {
                self.sent.push(now);
                Ok(now)
            }
        }
    }

    /// Returns how long to wait if `limit` messages were sent in the last minute.
    pub(super) fn full(&mut self, now: u64, limit: usize) -> Option<Duration> {
        self.forget(now);
        let over = self.sent.len().checked_sub(limit.max(1))?;
        self.sent.sort_unstable();
        let first = self.sent.get(over).copied().unwrap_or(now);
        Some(Duration::from_millis(first.saturating_add(MINUTE).saturating_sub(now).max(1)))
    }

    /// Moves the count of a message from `stamp` to `now`: the server counts it when it is complete.
    pub(super) fn renew(&mut self, stamp: u64, now: u64) {
        if let Some(sent) = self.sent.iter_mut().find(|sent| **sent == stamp) {
            *sent = now;
        }
    }

    /// Removes the count of a message that was not sent.
    pub(super) fn take_back(&mut self, stamp: u64) {
        if let Some(index) = self.sent.iter().position(|sent| *sent == stamp) {
            self.sent.swap_remove(index);
        }
    }

    /// Returns how long the server must still be sent nothing.
    pub(super) fn quiet(&self, now: u64) -> Option<Duration> {
        let left = self.quiet_until.saturating_sub(now);
        (1..=LONGEST).contains(&left).then(|| Duration::from_millis(left))
    }

    /// Sends the server nothing for this long at least.
    pub(super) fn keep_quiet(&mut self, now: u64, wait: Duration) {
        let wait = millis(wait).min(LONGEST);
        if self.quiet(now).is_none_or(|left| millis(left) < wait) {
            self.quiet_until = now.saturating_add(wait);
        }
    }

    /// Returns the most connections, of `all` that are allowed.
    pub(super) fn most(&self, now: u64, all: usize) -> usize {
        match self.most {
            Some((most, until)) if (1..=LOWERED).contains(&until.saturating_sub(now)) => most.min(all),
            _ => all,
        }
    }

    /// Allows fewer connections than `open` for a while, but at least one.
    pub(super) fn lower(&mut self, now: u64, open: usize) {
        self.most = Some((open.saturating_sub(1).max(1), now.saturating_add(LOWERED)));
    }

    /// A stamp of the future comes from a clock that was wrong.
    fn forget(&mut self, now: u64) {
        self.sent.retain(|sent| *sent <= now.saturating_add(MINUTE) && now.saturating_sub(*sent) < MINUTE);
    }

    #[cfg(feature = "file-store")]
    pub(super) fn to_text(&self) -> String {
        let mut text = format!("quiet {}\n", self.quiet_until);
        if let Some((most, until)) = self.most {
            text.push_str(&format!("most {most} {until}\n"));
        }
        for sent in &self.sent {
            text.push_str(&format!("sent {sent}\n"));
        }
        text
    }

    /// Reads what a process wrote that may have been killed meanwhile. Skips lines that make no sense.
    #[cfg(feature = "file-store")]
    pub(super) fn of_text(text: &str) -> Self {
        let mut book = Self::default();
        for line in text.lines() {
            let mut words = line.split(' ');
            let (name, mut number) = (words.next(), || words.next()?.parse::<u64>().ok());
            match (name, number(), number()) {
                (Some("quiet"), Some(until), None) => book.quiet_until = until,
                (Some("sent"), Some(sent), None) => book.sent.push(sent),
                (Some("most"), Some(most), Some(until)) => {
                    book.most = usize::try_from(most).ok().map(|most| (most.max(1), until));
                }
                _ => {}
            }
        }
        book
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

const MINUTE: u64 = 60_000;
/// For how long a server that refused a connection gets fewer.
const LOWERED: u64 = 10 * MINUTE;
/// The longest time for which a server is sent nothing. A later time comes from a clock that was wrong.
const LONGEST: u64 = 24 * 60 * MINUTE;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minute_has_more_than_its_limit() {
        let mut book = Book::default();
        assert_eq!(
            (0..3).map(|second| book.permit(second * 1000, 3)).collect::<Vec<_>>(),
            [Ok(0), Ok(1000), Ok(2000)]
        );
        assert_eq!(book.permit(2000, 3), Err(Duration::from_secs(58)));
        assert_eq!(book.permit(59_999, 3), Err(Duration::from_millis(1)));
        assert_eq!(book.permit(60_000, 3), Ok(60_000));
        // The first of the remaining ones is of second 1; a lower limit waits for more of them.
        assert_eq!(book.permit(60_000, 3), Err(Duration::from_secs(1)));
        assert_eq!(book.permit(60_000, 1), Err(Duration::from_secs(60)));
        // Counted at its end.
        book.renew(1000, 60_500);
        assert_eq!(book.permit(61_000, 3), Err(Duration::from_secs(1)));
        book.take_back(60_500);
        assert_eq!(book.permit(61_000, 3), Ok(61_000));
        // A limit of zero would let no message pass.
        assert_eq!(Book::default().permit(0, 0), Ok(0));
    }

    #[test]
    fn a_clock_that_was_wrong_stops_nothing() {
        let mut book = Book::default();
        let future = 10 * LONGEST;
        assert_eq!(book.permit(future, 1), Ok(future));
        book.keep_quiet(future, Duration::from_secs(5));
        book.lower(future, 3);
        assert_eq!((book.permit(0, 1), book.quiet(0), book.most(0, 3)), (Ok(0), None, 3));
    }

    #[test]
    fn the_longer_wait_counts_and_fewer_connections_are_for_a_while() {
        let mut book = Book::default();
        book.keep_quiet(0, Duration::from_secs(60));
        book.keep_quiet(1000, Duration::from_secs(5));
        assert_eq!(book.quiet(1000), Some(Duration::from_secs(59)));
        assert_eq!(book.quiet(60_000), None);
        book.lower(0, 3);
        assert_eq!((book.most(0, 3), book.most(LOWERED - 1, 3), book.most(LOWERED, 3)), (2, 2, 3));
        book.lower(0, 1);
        assert_eq!(book.most(0, 3), 1);
    }

    #[test]
    fn what_is_written_is_read_also_where_a_line_is_cut() {
        let mut book = Book::default();
        book.keep_quiet(5, Duration::from_secs(1));
        book.lower(5, 3);
        (book.permit(7, 2), book.permit(8, 2)).0.unwrap();
        let text = book.to_text();
        assert_eq!(Book::of_text(&text), book);
        for end in 0..text.len() {
            let cut = Book::of_text(&text[..end]);
            assert!(cut.sent.len() <= 2 && cut.most.is_none_or(|(most, _)| most == 2), "{end}");
        }
        assert_eq!(Book::of_text("sent x\nquiet\nmost 0 9\nsent 1 2\n").most, Some((1, 9)));
    }
}
