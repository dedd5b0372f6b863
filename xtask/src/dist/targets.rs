//! Other systems that the program is for.

use std::path::Path;

use super::binary;
use crate::{Result, checks, process};

/// Checks the program for each target whose standard library is installed, and says which is not.
pub(super) fn check(_: &Path) -> Result<String> {
    let mut said = Vec::new();
    for target in TARGETS {
        if binary::is_installed(target)? {
            let check = ["check", "--locked", "--package", "mailbearer-cli", "--target", target];
            process::output(checks::cargo_command().args(check))?;
            said.push(format!("{target} passes"));
        } else {
            said.push(format!("{target} is not installed and was NOT checked"));
        }
    }
    Ok(said.join(", "))
}

const TARGETS: [&str; 3] = ["x86_64-pc-windows-gnu", "x86_64-pc-windows-msvc", "aarch64-apple-darwin"];
