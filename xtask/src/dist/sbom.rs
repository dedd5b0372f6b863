//! The software bill of materials (SBOM) of the program, in CycloneDX's form.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::{binary, install, text};
use crate::{Result, checks, process};

/// Writes it, and compares it with what cargo builds.
pub(super) fn make(folder: &Path) -> Result<String> {
    install("cyclonedx", "0.5.9")?;
    let target = binary::target()?;
    let mut command = checks::cargo_command();
    command.args(["cyclonedx", "--manifest-path", "crates/cli/Cargo.toml"]);
    command.args(["--format", "json", "--spec-version", "1.5", "--target", &target]);
    // cargo-cyclonedx writes one beside each manifest of the workspace.
    command.args(["--override-filename", NAME]).env("CARGO_NET_OFFLINE", "true");
    let made = process::output(&mut command);
    let file = folder.join("mailbearer.cdx.json");
    let own = process::workspace().join("crates/cli").join(WRITTEN);
    let moved = made.and_then(|_| {
        // Published files name no folder of the machine that built them.
        let here = format!("file://{}", process::workspace().display());
        Ok(fs::write(&file, fs::read_to_string(own)?.replace(&here, "file://"))?)
    });
    let crates = process::workspace().join("crates").read_dir()?;
    let others = ["benches", "tests", "tests/footprint", "xtask"].map(|name| process::workspace().join(name));
    for beside in crates.map_while(|entry| Some(entry.ok()?.path())).chain(others) {
        let _ = fs::remove_file(beside.join(WRITTEN));
    }
    moved?;
    let listed = text(Command::new("python3").args(["-c", NAMES]).arg(&file))?;
    let listed: BTreeSet<String> = listed.lines().map(String::from).collect();
    let tree = checks::tree(&["-p", "mailbearer-cli", "--target", &target])?;
    let missing: Vec<&String> = tree.difference(&listed).collect();
    if !missing.is_empty() {
        return Err(format!("it does not name {missing:?}").into());
    }
    Ok(format!("{} components", listed.len()))
}

const NAME: &str = "mailbearer-dist";
const WRITTEN: &str = "mailbearer-dist.json";

/// Prints the names of the components, the program's own among them.
const NAMES: &str = "
import json, sys
bom = json.load(open(sys.argv[1]))
assert bom['bomFormat'] == 'CycloneDX'
own = bom['metadata']['component']
print(own['name'])
for component in bom['components']:
    assert component['version'] and component.get('licenses'), component
    print(component['name'])
";
