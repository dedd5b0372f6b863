//! Shows text to a person: in lines that fit, without anything that steers the terminal, in a pager if it is long.

use std::{
    env,
    io::Write,
    process::{Command, Stdio},
};

use mailbearer::proto::wire::printable;

use crate::{
    error::Error,
    output::{self, Output},
};

/// Shows lines that are [`wrapped`] already, in a pager if the terminal has too few.
pub(crate) fn show(lines: &[String], out: &mut Output<impl Write>) -> Result<(), Error> {
    if out.rows().is_some_and(|rows| lines.len() >= rows) && page(lines) {
        return Ok(());
    }
    lines.iter().try_for_each(|line| out.line(line))
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
        let mut has_words = false;
        for word in line.get(mark.len()..).unwrap_or_default().split(' ') {
            if has_words && output::width(&current).saturating_add(output::width(word)) >= width {
                lines.push(std::mem::replace(&mut current, mark.clone()));
                has_words = false;
            }
            if has_words {
                current.push(' ');
            }
            current.push_str(word);
            has_words = true;
        }
        lines.push(current);
    }
}

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
    fn lines_fit() {
        for (text, width, want) in [
            ("one two three\n", Some(8), &["one two", "three"][..]),
            ("one two three", None, &["one two three"]),
            ("> one two three", Some(9), &["> one two", "> three"]),
            ("a\tb\tc  ", Some(40), &["a       b       c"]),
            ("a-word-that-is-long x", Some(8), &["a-word-that-is-long", "x"]),
            ("你好 你好", Some(6), &["你好", "你好"]),
            ("a\r\n\r\nb", Some(6), &["a", "", "b"]),
            ("", Some(6), &[]),
        ] {
            let mut lines = Vec::new();
            wrapped(text, width, &mut lines);
            assert_eq!(lines, want, "{text:?}");
        }
    }
}
