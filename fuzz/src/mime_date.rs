//! A date is what its text says, and is never made up.

use mailbearer_mime::{DateTime, decode::date_time};

/// `data` is the value of a date field.
pub fn run(data: &[u8]) {
    if let Ok(date) = date_time(data) {
        reads_back(date);
        // The day, the hour and the minute stand in the text as numbers; a 60th second is the first of the next minute.
        let numbers: Vec<u32> = data
            .split(|octet| !octet.is_ascii_digit())
            .filter_map(|run| str::from_utf8(run).ok()?.parse().ok())
            .collect();
        let leap = numbers.contains(&60);
        assert!(leap || numbers.contains(&date.date().day().into()), "{date} in {}", data.escape_ascii());
        assert!(numbers.len() >= 3, "{date} in {}", data.escape_ascii());
        let (hour, minute, _) = date.time();
        let is_there = |number: u8| numbers.contains(&number.into());
        assert!(leap || is_there(minute), "{date} in {}", data.escape_ascii());
        // An afternoon's hour may be one of twelve.
        assert!(leap || is_there(hour) || is_there((hour + 12) % 24), "{date} in {}", data.escape_ascii());
    }
    if let Some((seconds, zone)) =
        data.first_chunk::<4>().zip(data.get(4..).and_then(<[u8]>::first_chunk::<2>))
    {
        let date = DateTime::new(u32::from_le_bytes(*seconds).into(), i16::from_le_bytes(*zone) % 720);
        reads_back(date.expect("a year that is near"));
    }
}

fn reads_back(date: DateTime) {
    let text = date.to_string();
    assert_eq!(date_time(text.as_bytes()), Ok(date), "{text}");
}
