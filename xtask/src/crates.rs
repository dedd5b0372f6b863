//! The packages of the crates that are published, one for each folder of `crates`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Result, checks, process};

/// Makes the package of every published crate, and checks what is in it.
///
/// # Errors
///
/// Names the package that lacks a file or a field, or that includes a file from outside itself.
pub(crate) fn package() -> Result<()> {
    let mut command = checks::cargo_command();
    // `--allow-dirty`, so that a change can be checked before it is committed.
    command.args(["package", "--locked", "--quiet", "--allow-dirty", "--no-verify"]);
    for name in checks::PACKAGES {
        command.args(["--package", name]);
    }
    process::output(&mut command)?;
    for name in checks::PACKAGES {
        let file = file_of(name);
        look(name, &file).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(())
}

/// Makes the packages, and builds each from its own files and the packages of the others.
///
/// Cargo verifies packages too, but builds each into a folder of its own with all that it depends on, which takes half an
/// hour, and takes what it unpacked for an earlier package of the same version.
pub(crate) fn build_from_packages() -> Result<()> {
    package()?;
    let folder = process::target().join("from-packages");
    let unpacked = folder.join("crates");
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked)?;
    }
    fs::create_dir_all(&unpacked)?;
    // What one package needs of another is in no registry yet.
    let mut manifest =
        "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n\n[patch.crates-io]\n".to_owned();
    for name in checks::PACKAGES {
        // The files of a package are all of one day: without `--touch` cargo would see no change in them.
        let mut tar = Command::new("tar");
        tar.args(["--extract", "--gzip", "--touch", "--file"]).arg(file_of(name)).arg("--directory");
        process::output(tar.arg(&unpacked))?;
        let version = env!("CARGO_PKG_VERSION");
        manifest.push_str(&format!("{name} = {{ path = \"crates/{name}-{version}\" }}\n"));
    }
    let file = folder.join("Cargo.toml");
    fs::write(&file, manifest)?;
    fs::copy(process::workspace().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    for name in checks::PACKAGES {
        let mut build = checks::cargo_command();
        build.args(["build", "--package", name, "--manifest-path"]).arg(&file);
        process::output(build.arg("--target-dir").arg(folder.join("target")))?;
    }
    Ok(())
}

fn file_of(name: &str) -> PathBuf {
    process::target().join("package").join(format!("{name}-{}.crate", env!("CARGO_PKG_VERSION")))
}

fn look(name: &str, package: &Path) -> Result<()> {
    let unpacked = process::target().join("package").join("looked-at");
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked)?;
    }
    fs::create_dir_all(&unpacked)?;
    process::output(Command::new("tar").arg("-xzf").arg(package).arg("-C").arg(&unpacked))?;
    let folder = unpacked.join(format!("{name}-{}", env!("CARGO_PKG_VERSION")));
    for file in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        // A link packed as a link would hold a path and no text.
        let text = fs::read_to_string(folder.join(file)).map_err(|error| format!("{file}: {error}"))?;
        if text.lines().count() < 3 {
            return Err(format!("{file} says nothing").into());
        }
    }
    let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
    let fields =
        ["description = ", "readme = ", "keywords = ", "categories = ", "license = ", "repository = "];
    // docs.rs builds no documentation of a program.
    let docs = (name != "mailbearer-cli").then_some("[package.metadata.docs.rs]");
    if let Some(field) = fields.into_iter().chain(docs).find(|field| !manifest.contains(field)) {
        return Err(format!("its manifest has no `{field}`").into());
    }
    for source in checks::sources(&folder.join("src"))? {
        let text = fs::read_to_string(&source)?;
        // Tests are only run in the workspace, where all files are.
        let (code, _) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
        let depth = source.strip_prefix(&folder)?.components().count().saturating_sub(1);
        if let Some(path) = included(code).find(|path| ups(path) > depth) {
            return Err(format!("{} includes {path}, which is not in the package", source.display()).into());
        }
    }
    Ok(())
}

/// The paths of `include_str!` and `include_bytes!`.
fn included(code: &str) -> impl Iterator<Item = &str> {
    code.split("include_").skip(1).filter_map(|rest| rest.split('"').nth(1))
}

/// How many folders up a path leads before it leads down.
fn ups(path: &str) -> usize {
    path.split('/').take_while(|part| *part == "..").count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_included() {
        let code = "let a = include_str!(\"../../x/a.md\");\nlet b = include_bytes!(\n    \"b\"\n);";
        assert_eq!(included(code).collect::<Vec<_>>(), ["../../x/a.md", "b"]);
        assert_eq!((ups("../../x/a.md"), ups("b"), ups("a/../b")), (2, 0, 0));
    }
}
