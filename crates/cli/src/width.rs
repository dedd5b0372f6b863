//! How many columns a text takes on a terminal: enough of Unicode's tables to line up mail headers.

/// Columns that `text` takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(columns).fold(0, usize::saturating_add)
}

/// `text`, with an ellipsis for what does not fit into `room` columns.
pub(crate) fn fit(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut left = room.saturating_sub(1);
    let mut fitting = String::new();
    for character in text.chars() {
        let Some(rest) = left.checked_sub(columns(character)) else { break };
        left = rest;
        fitting.push(character);
    }
    fitting.push('…');
    fitting
}

/// `text` with spaces behind it, `room` columns wide at least.
pub(crate) fn pad(text: &str, room: usize) -> String {
    format!("{text}{}", " ".repeat(room.saturating_sub(width(text))))
}

const fn columns(character: char) -> usize {
    match character {
        // Combining marks and variation selectors.
        '\u{300}'..='\u{36f}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{fe20}'..='\u{fe2f}' => 0,
        // East Asian wide and full-width characters, and emoji.
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_and_cuts() {
        for (text, want) in
            [("", 0), ("abc", 3), ("Grüße", 5), ("u\u{308}", 1), ("你好", 4), ("한국", 4), ("ｶﾅ", 2)]
        {
            assert_eq!(width(text), want, "{text}");
        }
        for (text, room, want) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("你好吗", 5, "你好…"),
            ("你好吗", 4, "你…"),
            ("ab", 1, "…"),
            ("", 0, ""),
        ] {
            assert_eq!(fit(text, room), want, "{text} {room}");
            assert!(width(want) <= room, "{text} {room}");
        }
        assert_eq!(pad("你", 4), "你  ");
    }
}
