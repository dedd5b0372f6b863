//! Writes `mailbearer help config` and docs/configuration.md from the table of settings.

use std::{fmt::Write as _, io::Write};

use serde_json::json;

use super::{
    service::LINES,
    table::{self, Kind, Row, SOURCES, TABLE},
};
use crate::{error::Error, output::Output};

/// Prints every setting; with `--json` each as an object.
pub(crate) fn print(out: &mut Output<impl Write>) -> Result<(), Error> {
    if out.is_json() {
        TABLE.iter().try_for_each(|row| out.json(&object(row)))?;
        return LINES.iter().try_for_each(|line| {
            let path = format!("{}.{}", line.table, line.key);
            out.json(&json!({ "top": path, "values": line.shape, "about": plain(line.about) }))
        });
    }
    text().lines().try_for_each(|line| out.line(line))
}

/// The reference for a terminal.
pub(crate) fn text() -> String {
    let mut text = format!("{}\n", filled(&plain(INTRODUCTION), ""));
    let mut last = None;
    for row in TABLE {
        let (table, key) = split(row);
        if last != Some(table) {
            let _ = writeln!(text, "\n{}", heading(table));
            last = Some(table);
        }
        let mut about = plain(row.about);
        if row.kind == Kind::Provider {
            // The line of the key has no room for them all.
            about = format!("{about}\nPresets: {}.", row.kind.words().join(", "));
        } else if shape(row) == WORD {
            about = format!("{about}\nWords: {}.", row.kind.words().join(", "));
        }
        let about = filled(&about, "      ");
        let _ = writeln!(text, "  {key} = {}\n{about}\n      {}", shape(row), variables(row).join(", "));
    }
    let mut last = "";
    for line in LINES {
        if last != line.table {
            let _ = writeln!(text, "\n[{}]", line.table);
            last = line.table;
        }
        let _ = writeln!(text, "  {} = {}\n{}", line.key, line.shape, filled(&plain(line.about), "      "));
    }
    let _ = write!(text, "\n{}", filled(&plain(SECRETS), ""));
    text
}

/// The reference as a page in Markdown.
#[cfg(test)]
fn page() -> String {
    let mut page = format!("# Settings\n\n{NOTE}\n\n{}\n\n{EXAMPLE}\n", filled(INTRODUCTION, ""));
    let mut last = None;
    for row in TABLE {
        let (table, key) = split(row);
        if last != Some(table) {
            let _ = writeln!(
                page,
                "\n## `{}`\n\n| key | value | meaning | variable |\n|---|---|---|---|",
                heading(table)
            );
            last = Some(table);
        }
        let variables: Vec<String> = variables(row).iter().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(page, "| `{key}` | {} | {} | {} |", meaning(row), row.about, variables.join(", "));
    }
    let mut last = "";
    for line in LINES {
        if last != line.table {
            let _ = writeln!(page, "\n## `[{}]`\n\n| key | value | meaning |\n|---|---|---|", line.table);
            last = line.table;
        }
        let shape = line.shape.replace('|', "\\|");
        let _ = writeln!(page, "| `{}` | `{shape}` | {} |", line.key, line.about);
    }
    let _ = write!(page, "\n## Secrets\n\n{}\n\n{SECRET_EXAMPLE}\n", filled(SECRETS, ""));
    page
}

fn object(row: &Row) -> serde_json::Value {
    let words = row.kind.words();
    json!({
        "path": row.path,
        "secret": row.secret,
        "values": if words.is_empty() { None } else { Some(words) },
        "about": plain(row.about),
        "variables": variables(row),
    })
}

/// The table of a setting, empty for the account itself, and its name in it.
fn split(row: &Row) -> (&'static str, &'static str) {
    row.path.rsplit_once('.').unwrap_or(("", row.path))
}

fn heading(table: &str) -> String {
    let dot = if table.is_empty() { "" } else { "." };
    format!("[accounts.NAME{dot}{table}]")
}

/// What a value looks like in the configuration file.
fn shape(row: &Row) -> String {
    match row.kind {
        _ if row.secret => "SECRET".into(),
        Kind::Text => "\"...\"".into(),
        Kind::File => "\"FILE\"".into(),
        Kind::Port => "PORT".into(),
        Kind::Count => "NUMBER".into(),
        Kind::Seconds => "SECONDS".into(),
        Kind::Command => "[\"PROGRAM\", \"ARGUMENT\", ...]".into(),
        Kind::Provider => "\"PROVIDER\"".into(),
        Kind::Word(words) => {
            let words = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" | ");
            if words.len() < WIDTH / 2 { words } else { WORD.into() }
        }
    }
}

/// The form of a value with more words than fit on a line.
const WORD: &str = "\"WORD\"";

/// What values look like, in words, for the page.
#[cfg(test)]
fn meaning(row: &Row) -> String {
    match row.kind {
        _ if row.secret => "[secret](#secrets)".into(),
        Kind::Text => "text".into(),
        Kind::File => "file".into(),
        Kind::Port | Kind::Count => "number, 1 to 65535".into(),
        Kind::Seconds => "seconds, more than 0".into(),
        Kind::Command => "list: program, arguments".into(),
        kind @ (Kind::Provider | Kind::Word(_)) => {
            kind.words().iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        }
    }
}

/// The environment variables of a setting.
fn variables(row: &Row) -> Vec<String> {
    let own = |path: &str| path.strip_prefix(row.path).is_some_and(|rest| rest.is_empty() || is_source(rest));
    table::variables().filter(|(path, _)| own(path)).map(|(path, _)| table::variable(&path)).collect()
}

fn is_source(rest: &str) -> bool {
    rest.strip_prefix('.').is_some_and(|rest| SOURCES.iter().any(|(name, _)| *name == rest))
}

/// Makes text for a terminal from Markdown: code loses its backticks, or gets quotes if it has a space.
fn plain(text: &str) -> String {
    let pieces = text.split('`').enumerate();
    pieces
        .map(
            |(number, piece)| {
                if number % 2 == 1 && piece.contains(' ') { format!("`{piece}`") } else { piece.into() }
            },
        )
        .collect()
}

/// Breaks paragraphs into lines of at most [`WIDTH`] columns, each with `indent` before it.
fn filled(text: &str, indent: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = indent.to_owned();
        for word in paragraph.split(' ') {
            if line.len() > indent.len() && line.len().saturating_add(word.len()) >= WIDTH {
                lines.push(std::mem::replace(&mut line, indent.to_owned()));
            }
            if line.len() > indent.len() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

/// Columns that nearly every terminal has.
const WIDTH: usize = 80;

const INTRODUCTION: &str = "\
Settings come from a file in TOML, `config.toml` in the folder `mailbearer` of the platform's configuration folder \
(`~/.config` on Linux, `~/Library/Application Support` on macOS, `%APPDATA%` on Windows), where that is not there in \
`/etc/mailbearer/config.toml`, or in the file that `--config` or \
the environment variable MAILBEARER_CONFIG names. The file has a table for each account, `[accounts.NAME]`, and may say \
which one to use, `default = \"NAME\"`; `--account` and MAILBEARER_DEFAULT go before that.
\n\
An environment variable goes before the same setting of the file. With variables alone no file is needed. An empty \
variable is as good as none.";

const SECRETS: &str = "\
A secret is text, or a table that says where it is: `{ env = \"VARIABLE\" }` for an environment variable, \
`{ file = \"NAME\" }` for a file, `{ command = [\"PROGRAM\", \"ARGUMENT\"] }` for what a program prints within 120 s, before it \
is killed. A line end behind it is dropped. What is left is one line, but for a private key and the key of a service \
account. File names in the configuration file are relative to its folder. A file that holds a secret and can be read by \
others draws a warning.";

#[cfg(test)]
const NOTE: &str = "\
<!-- Made from the table in crates/cli/src/config/table.rs by
     MAILBEARER_UPDATE_DOCS=1 cargo test -p mailbearer-cli the_page_is_up_to_date -->
`mailbearer help config` shows the same.";

#[cfg(test)]
const EXAMPLE: &str = "\
```toml
default = \"robot\"

[accounts.robot]
provider = \"microsoft365\"
user = \"robot@contoso.com\"

[accounts.robot.oauth]
tenant = \"contoso.onmicrosoft.com\"
client_id = \"8f1b2c3d-0000-0000-0000-000000000000\"
client_secret = { env = \"ROBOT_SECRET\" }
```";

#[cfg(test)]
const SECRET_EXAMPLE: &str = "\
```toml
client_secret = { command = [\"pass\", \"show\", \"robot\"] }
```";

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    use super::{
        super::{CONFIG, DEFAULT, settings::File},
        *,
    };
    use crate::program::PATIENCE;

    #[test]
    fn the_page_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
        if env::var_os("MAILBEARER_UPDATE_DOCS").is_some() {
            fs::write(&path, page()).unwrap();
        }
        assert!(
            fs::read_to_string(&path).unwrap_or_default() == page(),
            "docs/configuration.md is out of date: MAILBEARER_UPDATE_DOCS=1 cargo test -p mailbearer-cli \
             the_page_is_up_to_date"
        );
    }

    #[test]
    fn the_example_works() {
        let text = EXAMPLE.trim_matches('`').trim_start_matches("toml");
        let file = File::parse("example", text).unwrap();
        assert_eq!(file.default.unwrap().0, "robot");
        assert_eq!(file.accounts["robot"].text("oauth.client_secret.env").as_deref(), Some("ROBOT_SECRET"));
    }

    #[test]
    fn names_every_setting_and_variable() {
        let text = text();
        for row in TABLE {
            let (_, key) = split(row);
            assert!(text.contains(&format!("\n  {key} = ")), "{key}");
            for variable in variables(row) {
                assert!(text.contains(&variable), "{variable}");
            }
        }
        let patience = PATIENCE.as_secs();
        assert_eq!(
            text.matches(&format!("within {patience} s")).count(),
            5,
            "a secret, a store's two programs, two hooks"
        );
        for name in [CONFIG, DEFAULT] {
            assert!(text.contains(name), "{name}");
        }
        for line in text.lines().filter(|line| !line.contains("MAILBEARER_")) {
            assert!(line.len() <= WIDTH, "{line}");
        }
    }

    #[test]
    fn breaks_lines_between_words() {
        let long = "x".repeat(WIDTH);
        for (text, indent, want) in [
            ("a b", "  ", "  a b".to_owned()),
            ("a\n\nb", "  ", "  a\n\n  b".to_owned()),
            (&format!("a {long} b"), "", format!("a\n{long}\nb")),
        ] {
            assert_eq!(filled(text, indent), want, "{text}");
        }
    }
}
