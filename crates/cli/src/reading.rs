//! Shows text to a person: in lines that fit, without anything that steers the terminal, in a pager if it is long.

use std::{
    env,
    io::Write,
    process::{Command, Stdio},
};

use mailbearer::proto::wire::printable;
use unicode_width::UnicodeWidthChar;

use crate::{
    error::Error,
    output::{self, Output},
};

/// Shows lines that are [`wrapped`] already where they can be, in a pager if they fill the terminal.
pub(crate) fn show(lines: &[String], out: &mut Output<impl Write>) -> Result<(), Error> {
    if out.rows().is_some_and(|rows| taken(lines, out.width()) >= rows) && page(lines) {
        return Ok(());
    }
    lines.iter().try_for_each(|line| out.line(line))
}

/// Rows of a terminal that lines take.
fn taken(lines: &[String], columns: Option<usize>) -> usize {
    let columns = columns.unwrap_or(usize::MAX).max(1);
    let rows = |line: &String| output::width(&printable(line)).div_ceil(columns).max(1);
    lines.iter().map(rows).fold(0, usize::saturating_add)
}

/// Shows the lines in the pager. Returns false if there is none.
fn page(lines: &[String]) -> bool {
    let pager = env::var("PAGER").ok().filter(|value| !value.trim().is_empty());
    let pager = pager.unwrap_or_else(|| "less".into());
    let mut words = pager.split_whitespace();
    let Some(program) = words.next() else { return false };
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::piped());
    if env::var_os("LESS").is_none() {
        // `less` ends by itself where all of it fits, and leaves the text on the screen.
        command.env("LESS", "FX");
    }
    let Ok(mut child) = command.spawn() else { return false };
    if let Some(stdin) = child.stdin.take() {
        let mut stdin = std::io::BufWriter::new(stdin);
        // The person may quit before the end, which closes the pipe.
        let _ = lines.iter().try_for_each(|line| writeln!(stdin, "{}", printable(line)));
        let _ = stdin.flush();
    }
    let _ = child.wait();
    true
}

/// The lines of a text, tabs made spaces; where a person is looking, broken between words to fit into `width` columns.
pub(crate) fn wrapped(text: &str, width: Option<usize>, lines: &mut Vec<String>) {
    for line in text.lines() {
        let line = without_tabs(line.trim_end());
        let Some(width) = width.filter(|&width| output::width(&line) > width) else {
            lines.push(line);
            continue;
        };
        // Each line of a broken quotation is marked as one.
        let mark: String = line.chars().take_while(|c| matches!(c, '>' | ' ')).take(width / 2).collect();
        let mut current = mark.clone();
        let mut columns = output::width(&mark);
        let mut has_words = false;
        for word in line.get(mark.len()..).unwrap_or_default().split(' ') {
            let mut space = usize::from(has_words);
            for piece in unbroken(word) {
                let more = output::width(piece);
                if has_words && columns.saturating_add(space).saturating_add(more) > width {
                    lines.push(std::mem::replace(&mut current, mark.clone()));
                    (columns, space) = (output::width(&mark), 0);
                }
                current.push_str(if space > 0 { " " } else { "" });
                current.push_str(piece);
                columns = columns.saturating_add(space).saturating_add(more);
                (has_words, space) = (true, 0);
            }
        }
        lines.push(current);
    }
}

/// The pieces of a word that stay on one line: those of a text without spaces are its wide characters, as in Chinese and
/// Japanese, each with the punctuation that does not begin or end a line there.
fn unbroken(word: &str) -> Vec<&str> {
    let (mut pieces, mut start, mut before) = (Vec::new(), 0_usize, None);
    for (at, character) in word.char_indices() {
        let columns = UnicodeWidthChar::width(character).unwrap_or_default();
        if let Some((last, wide)) = before
            && columns > 0
            && (wide || columns > 1)
            && !NOT_FIRST.contains(character)
            && !NOT_LAST.contains(last)
        {
            pieces.push(word.get(start..at).unwrap_or_default());
            start = at;
        }
        if columns > 0 {
            before = Some((character, columns > 1));
        }
    }
    pieces.push(word.get(start..).unwrap_or_default());
    pieces
}

/// Punctuation that no line begins with, and that no line ends with.
const NOT_FIRST: &str = ",.:;!?)]}%\"'…’”、。〉》」』】〕〗〟・ー々〜，．：；！？）］｝％";
const NOT_LAST: &str = "([{\"'‘“〈《「『【〔〖〝（［｛";

fn without_tabs(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut column = 0_usize;
    for (number, field) in line.split('\t').enumerate() {
        if number > 0 {
            let to = column.saturating_add(8) & !7;
            out.extend(std::iter::repeat_n(' ', to.saturating_sub(column)));
            column = to;
        }
        out.push_str(field);
        column = column.saturating_add(output::width(field));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_takes_several_rows() {
        for (lines, columns, want) in [
            (&[][..], Some(10), 0),
            (&["", "0123456789"], Some(10), 2),
            (&["0123456789a", "你好你好你好"], Some(10), 4),
            (&["\x1b[2J"], Some(4), 2),
            (&["0123456789a"], None, 1),
            (&["ab"], Some(0), 2),
        ] {
            let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            assert_eq!(taken(&lines, columns), want, "{lines:?} {columns:?}");
        }
    }

    #[test]
    fn lines_fit() {
        for (text, width, want) in [
            ("one two three\n", Some(8), &["one two", "three"][..]),
            ("one two three", None, &["one two three"]),
            ("> one two three", Some(9), &["> one two", "> three"]),
            ("a\tb\tc  ", Some(40), &["a       b       c"]),
            ("a-word-that-is-long x", Some(8), &["a-word-that-is-long", "x"]),
            ("你好 你好", Some(6), &["你好", "你好"]),
            ("您的订单已发货，请查收（附件）。", Some(10), &["您的订单已", "发货，请查", "收（附", "件）。"]),
            ("> 您的订单", Some(6), &["> 您的", "> 订单"]),
            ("见https://x.test/a-long-path吧", Some(8), &["见", "https://x.test/a-long-path", "吧"]),
            ("a\r\n\r\nb", Some(6), &["a", "", "b"]),
            ("", Some(6), &[]),
        ] {
            let mut lines = Vec::new();
            wrapped(text, width, &mut lines);
            assert_eq!(lines, want, "{text:?}");
        }
    }
}
