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
    interrupt::Interrupts,
    output::{self, Output},
};

/// Shows lines that are [`wrapped`] already where they can be, in a pager if they fill the terminal.
pub(crate) fn show(
    lines: &[String],
    interrupts: &Interrupts,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let is_long = out.rows().is_some_and(|rows| taken(lines, out.width()) >= rows);
    // Ctrl-C is for the pager, as any other key: without us it would fight with the shell for the terminal.
    if is_long && interrupts.without(|| page(lines)) {
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
    let mut command = pager();
    command.stdin(Stdio::piped());
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
    // A shell says so by these codes if it can't start a program.
    !matches!(child.wait().map(|status| status.code()), Ok(Some(126 | 127)))
}

/// `PAGER` is a command for the shell (POSIX, `man`): it may have arguments in quotes, and pipes.
fn pager() -> Command {
    let named = env::var("PAGER").ok().filter(|value| !value.trim().is_empty());
    match named {
        Some(named) if cfg!(unix) => {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", &named]);
            shell
        }
        named => Command::new(named.as_deref().unwrap_or("less").trim()),
    }
}

/// The lines of a text from the first that is not blank, tabs made spaces, without what nobody sees; where a person is
/// looking, broken between words to fit into `width` columns.
pub(crate) fn wrapped(text: &str, width: Option<usize>, lines: &mut Vec<String>) {
    // Newsletters are full of it, and an escape for each would bury the text. It can't hide who a text is from.
    let text: String = text.chars().filter(|c| !is_unseen(*c)).collect();
    for line in text.lines().skip_while(|line| line.trim().is_empty()) {
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

/// Places to break a word, joiners, fillers and marks of direction for one place: none of them moves other text.
const fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}'
            | '\u{e0000}'..='\u{e007f}'
    )
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
            ("\r\n \u{200c}\u{a0}\u{34f}\n\n a\n\nb", Some(6), &[" a", "", "b"]),
            ("Do\u{ad}nau \u{feff}a\u{200b}b\u{e0041}\u{202e}", None, &["Donau ab\u{202e}"]),
        ] {
            let mut lines = Vec::new();
            wrapped(text, width, &mut lines);
            assert_eq!(lines, want, "{text:?}");
        }
    }
}
