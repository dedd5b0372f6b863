use core::time::Duration;

/// How long a server's words ask to be left alone, at most a day.
///
/// Protocols without a field for it say it in words: `Suggested Backoff Time: 299910 milliseconds` (Exchange),
/// `try again in 60 seconds`, `Greylisted, come back in 00:05:00`. A number without a unit is in seconds. Returns
/// `None` if they say nothing of the kind.
#[must_use]
pub fn suggested_wait(text: &str) -> Option<Duration> {
    PHRASES
        .iter()
        .find_map(|phrase| time(after(text.as_bytes(), phrase.as_bytes())?))
        .map(|wait| wait.min(LONGEST))
}

/// What announces a time. In lower case.
const PHRASES: &[&str] = &[
    "backoff time",
    "again in",
    "again after",
    "retry in",
    "retry after",
    "retry-after",
    "back in",
    "greylisted for",
    "wait",
];

const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Octets between the announcement and its number, such as `: ` or ` for `.
const GAP: usize = 12;

fn after<'t>(text: &'t [u8], phrase: &[u8]) -> Option<&'t [u8]> {
    let at = text.windows(phrase.len()).position(|window| window.eq_ignore_ascii_case(phrase))?;
    text.get(at.checked_add(phrase.len())?..)
}

fn time(text: &[u8]) -> Option<Duration> {
    let start = text.iter().take(GAP).position(u8::is_ascii_digit)?;
    let (first, mut rest) = number(text.get(start..)?)?;
    // Hours, minutes and seconds, or minutes and seconds.
    let mut seconds = first;
    let mut is_clock = false;
    while let [b':', after @ ..] = rest {
        let Some((next, end)) = number(after) else { break };
        seconds = seconds.checked_mul(60)?.checked_add(next)?;
        (rest, is_clock) = (end, true);
    }
    if is_clock {
        return Some(Duration::from_secs(seconds));
    }
    let unit = rest.trim_ascii_start();
    let starts = |name: &[u8]| unit.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    if starts(b"ms") || starts(b"milli") {
        return Some(Duration::from_millis(first));
    }
    let factor = match () {
        () if starts(b"min") => 60,
        () if starts(b"hour") => 60 * 60,
        () if starts(b"day") => 24 * 60 * 60,
        () => 1,
    };
    Some(Duration::from_secs(first.checked_mul(factor)?))
}

/// The digits at the start, and what follows.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let end = text.iter().position(|octet| !octet.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    let number = core::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_from_words() {
        let rows = [
            ("Request is throttled. Suggested Backoff Time: 299910 milliseconds", Some(299_910)),
            ("4.7.0 Too many, try again in 60 seconds", Some(60_000)),
            ("Try again in 5 minutes", Some(300_000)),
            ("please RETRY AFTER 2 hours", Some(7_200_000)),
            ("Greylisted, come back in 00:05:00", Some(300_000)),
            ("Greylisting in action, please come back in 05:30", Some(330_000)),
            ("Greylisted for 300 seconds", Some(300_000)),
            ("retry-after: 7", Some(7_000)),
            ("wait 1 day", Some(86_400_000)),
            ("wait 400 days", Some(86_400_000)),
            ("wait 99999999999999999999 s", None),
            ("Please try again later. PRX4", None),
            ("try again in a while, or call 110", None),
            ("4.3.2 Concurrent connections limit exceeded", None),
            ("", None),
        ];
        for (text, want) in rows {
            assert_eq!(suggested_wait(text), want.map(Duration::from_millis), "{text}");
        }
    }
}
