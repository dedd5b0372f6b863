//! Helpers shared by the test binaries.

use std::{env, path::PathBuf};

/// The program `mailbearer`, as the build of these tests left it beside them.
///
/// # Panics
///
/// Where it is not there: only a build of the whole workspace makes it.
#[must_use]
pub fn program() -> PathBuf {
    let mut path = env::current_exe().expect("a test knows its own path");
    path.pop();
    path.pop();
    path.push(format!("mailbearer{}", env::consts::EXE_SUFFIX));
    assert!(path.is_file(), "{} is missing: build the whole workspace", path.display());
    path
}

/// The code of the page is compiled.
#[cfg(doctest)]
#[doc = include_str!("../docs/machines.md")]
mod machines_page {}

/// The code of the page is compiled.
#[cfg(doctest)]
#[doc = include_str!("../docs/task.md")]
mod task_page {}
