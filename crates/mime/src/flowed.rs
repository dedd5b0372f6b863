//! Text whose lines may be joined again: `format=flowed` (RFC 3676).

use alloc::string::String;

use crate::lines::with_lf;

/// Joins the lines of a `format=flowed` text into paragraphs, each a line of its own.
///
/// `del_sp` is true for `delsp=yes`: the space that marks a line as one that goes on is no part of the text then, as in
/// languages without spaces between words. Quoted paragraphs begin with as many `>` as they are deep, and are joined
/// only with lines of the same depth. The line `-- ` in front of a signature stays. Line ends become LF. Takes time
/// linear in `text`.
///
/// ```
/// let text = "> To be, or \r\n> not to be\r\nIndeed, \r\nthat is it.\r\n";
/// assert_eq!(mailbearer_mime::unflow(text, false), "> To be, or not to be\nIndeed, that is it.\n");
/// ```
#[must_use]
pub fn unflow(text: &str, del_sp: bool) -> String {
    let mut out = String::with_capacity(text.len());
    // Depth of the paragraph that goes on, if one does.
    let mut open = None;
    for line in text.lines() {
        let (depth, content) = quoted(line);
        let content = content.strip_prefix(' ').unwrap_or(content);
        let signs = content == SIGNATURE;
        if open != Some(depth) || signs {
            if open.is_some() {
                out.push('\n');
            }
            begin(&mut out, depth, content);
        }
        let flows = content.ends_with(' ') && !signs;
        let kept = if flows && del_sp { content.strip_suffix(' ').unwrap_or(content) } else { content };
        out.push_str(kept);
        open = flows.then_some(depth);
        if !flows {
            out.push('\n');
        }
    }
    if open.is_some() {
        out.push('\n');
    }
    out
}

/// Breaks the lines of a text so that [`unflow`] joins them again, at most 72 columns long where that can be; and
/// whether it has to be sent with `delsp=yes`, as is so where a long word has letters outside ASCII.
///
/// Spaces at the end of a line are dropped, but for those of the line `-- `. Lines that begin with `>` are quotations.
pub(crate) fn flow(text: &str) -> (String, bool) {
    let text = with_lf(text);
    let is_long = |word: &str| !word.is_ascii() && word.chars().count() > WIDTH;
    let del_sp = text.split([' ', '\n']).any(is_long);
    let mut out = String::with_capacity(text.len().saturating_add(text.len() / 16));
    for line in text.lines() {
        let (depth, content) = quoted(line);
        // The space that belongs to the mark.
        let content = if depth > 0 { content.strip_prefix(' ').unwrap_or(content) } else { content };
        if content == SIGNATURE {
            write(&mut out, depth, content);
            continue;
        }
        let mut rest = content.trim_end_matches(' ');
        let width = WIDTH.saturating_sub(depth).max(20);
        while let Some(end) = break_of(rest, width, del_sp) {
            let (line, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            if del_sp {
                write(&mut out, depth, &[line, " "].concat());
            } else {
                write(&mut out, depth, line);
            }
            rest = after;
        }
        write(&mut out, depth, rest);
    }
    (out, del_sp)
}

/// Where a line that is too long is broken: behind the last space that fits, or the first one.
fn break_of(text: &str, width: usize, del_sp: bool) -> Option<usize> {
    let (end, _) = text.char_indices().nth(width)?;
    let (fits, rest) = text.split_at_checked(end)?;
    let behind = |at: usize| at.saturating_add(1);
    // A line of spaces alone would join what it should not, and what stands behind `-- ` is taken for a signature.
    let is_place =
        |at: usize| fits.get(..behind(at)).is_some_and(|line| !line.trim().is_empty() && line != SIGNATURE);
    match fits.rfind(' ').filter(|&at| is_place(at)) {
        Some(at) => Some(behind(at)),
        None if del_sp => Some(end),
        None => rest.find(' ').map(|at| behind(end.saturating_add(at))),
    }
    .filter(|&end| end < text.len())
}

fn write(out: &mut String, depth: usize, line: &str) {
    out.extend(core::iter::repeat_n('>', depth));
    // Space-stuffing (section 4.4): what could be taken for a mark or for the line of an mbox is not at the start.
    if depth > 0 && !line.is_empty() || line.starts_with([' ', '>']) || line.starts_with("From ") {
        out.push(' ');
    }
    out.push_str(line);
    out.push('\n');
}

fn begin(out: &mut String, depth: usize, content: &str) {
    out.extend(core::iter::repeat_n('>', depth));
    if depth > 0 && !content.is_empty() {
        out.push(' ');
    }
}

fn quoted(line: &str) -> (usize, &str) {
    let content = line.trim_start_matches('>');
    (line.len().saturating_sub(content.len()), content)
}

const SIGNATURE: &str = "-- ";
/// Section 4.2 asks for at most 78, and some readers show 72.
const WIDTH: usize = 72;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    #[test]
    fn joins_paragraphs() {
        let rows: &[(&str, bool, &str)] = &[
            ("", false, ""),
            ("a \nb\n", false, "a b\n"),
            ("a \r\nb\r\n\r\nc", false, "a b\n\nc\n"),
            ("日本 \n語\n", true, "日本語\n"),
            ("a  \nb\n", true, "a b\n"),
            // Section 4.5: a quotation ends where its depth changes, whatever the space says.
            (">> x \n>> y\n> z \nw\n", false, ">> x y\n> z \nw\n"),
            (">\n> a \n> b\n", false, ">\n> a b\n"),
            // Section 4.3: a signature is never joined.
            ("bye \n-- \nAnn\n", false, "bye \n-- \nAnn\n"),
            ("> -- \n> Ann\n", false, "> -- \n> Ann\n"),
            // Section 4.4: one space is taken off.
            (" From here\n  indented\n >no quote\n", false, "From here\n indented\n>no quote\n"),
            ("open ", false, "open \n"),
        ];
        for (text, del_sp, want) in rows {
            assert_eq!(unflow(text, *del_sp), *want, "{text:?}");
        }
    }

    #[test]
    fn breaks_lines() {
        let words = "word ".repeat(40);
        let (flowed, del_sp) = flow(&format!("> {words}\n{words}\nFrom me\n"));
        assert!(!del_sp && flowed.lines().all(|line| line.len() <= 74), "{flowed}");
        assert_eq!(unflow(&flowed, false), format!("> {0}\n{0}\nFrom me\n", words.trim_end()));
        let (flowed, del_sp) = flow(&"字".repeat(200));
        assert!(del_sp && flowed.lines().all(|line| line.chars().count() <= 73), "{flowed}");
        // Every line end is one, and no line is made that looks like that of a signature.
        let long = "x".repeat(100);
        for (text, want) in [
            ("a \rFrom b\r\r\nc".into(), "a\n From b\n\nc\n".into()),
            (format!("-- {long}"), format!("-- {long}\n")),
            (format!("-- {long} y"), format!("-- {long} \ny\n")),
        ] {
            assert_eq!(flow(&text), (want, false), "{text:?}");
        }
        // A word of ASCII is an address or the like: broken nowhere.
        let (flowed, del_sp) = flow(&format!("see {}", "x".repeat(200)));
        assert_eq!((flowed.lines().count(), del_sp), (2, false), "{flowed}");
    }

    proptest! {
        #[test]
        fn what_was_broken_is_joined(text in "(([a-zé字 ]{0,200}|From |-- |--? ?[a-z]{60,90} x|  )\n){0,5}") {
            let (flowed, del_sp) = flow(&text);
            let want: String = text
                .lines()
                .map(|line| format!("{}\n", if line == "-- " { line } else { line.trim_end_matches(' ') }))
                .collect();
            prop_assert_eq!(unflow(&flowed, del_sp), want);
        }
    }
}
