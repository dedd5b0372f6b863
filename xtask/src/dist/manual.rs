//! Manual pages, and completions of bash, zsh and fish.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::text;
use crate::{Result, process};

/// Has the program write them, and checks them with groff and the shells.
pub(super) fn make(folder: &Path) -> Result<String> {
    let program = super::program(folder)?;
    let pages = folder.join("man");
    if pages.exists() {
        fs::remove_dir_all(&pages)?;
    }
    fs::create_dir_all(&pages)?;
    process::output(Command::new(&program).args(["man", "--dir"]).arg(&pages))?;
    let mut count = 0_usize;
    for page in fs::read_dir(&pages)? {
        let page = page?.path();
        let mut groff = Command::new("sh");
        // groff writes warnings to standard error, and exits with 0 all the same.
        groff.args(["-c", "groff -man -Tutf8 -ww \"$1\" 2>&1 >/dev/null", "sh"]).arg(&page);
        let doubts = text(&mut groff)?;
        if !doubts.trim().is_empty() {
            return Err(format!("groff says of {}: {doubts}", page.display()).into());
        }
        count = count.saturating_add(1);
    }
    // There is a page for the program and one for each command.
    if count < 20 || !pages.join("mailbearer-relay.1").exists() {
        return Err(format!("there are {count} manual pages").into());
    }
    for shell in SHELLS {
        let file = folder.join(format!("mailbearer.{shell}"));
        fs::write(&file, process::output(Command::new(&program).args(["completions", shell]))?)?;
        let checked = process::output(Command::new(shell).arg("-n").arg(&file));
        checked.map_err(|error| format!("{shell} does not read its completions: {error}"))?;
        if !fs::read_to_string(&file)?.contains("doctor") {
            return Err(format!("the completions of {shell} do not know the commands").into());
        }
    }
    // bash can be asked what it would offer.
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", BASH, "bash"]).arg(folder.join("mailbearer.bash"));
    if text(&mut bash)?.trim() != "doctor" {
        return Err("bash does not complete `mailbearer doc`".into());
    }
    Ok(format!("{count} pages, completions for {}", SHELLS.join(", ")))
}

const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

const BASH: &str = r#". "$1"
COMP_WORDS=(mailbearer doc) COMP_CWORD=1
_mailbearer mailbearer doc mailbearer
echo "${COMPREPLY[@]}""#;
