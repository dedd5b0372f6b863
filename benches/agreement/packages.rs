//! Where the messages come from.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A message and where it is from.
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) path: Option<PathBuf>,
    pub(crate) octets: Vec<u8>,
}

/// The messages of the packages.
pub(crate) fn messages() -> Vec<Message> {
    let mut messages = Vec::new();
    let python = debian("libpython3.11-testsuite").join("usr/lib/python3.11/test/test_email/data");
    add(&mut messages, "python", &python, &["txt"]);
    let enmime = debian("golang-github-jhillyerd-enmime-dev")
        .join("usr/share/gocode/src/github.com/jhillyerd/enmime/testdata");
    add(&mut messages, "enmime", &enmime, &["raw"]);
    add(&mut messages, "mail-parser", &of_crate("mail-parser").join("resources/eml"), &["eml"]);
    messages
}

/// A package of Debian's, unpacked. It is fetched and not installed.
fn debian(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.join("usr").is_dir() {
        return folder;
    }
    fs::create_dir_all(&folder).unwrap();
    run(Command::new("apt-get").args(["download", "-q", name]).current_dir(&folder));
    let archives = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let archive = archives
        .into_iter()
        .find(|path| path.extension().is_some_and(|end| end == "deb"))
        .expect("a package");
    run(Command::new("dpkg-deb").arg("-x").arg(archive).arg(&folder));
    folder
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The folder in which the source of a crate is.
fn of_crate(name: &str) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == name).expect("a dependency");
    Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned()
}

/// Every file of these kinds below a folder.
fn add(messages: &mut Vec<Message>, source: &str, folder: &Path, kinds: &[&str]) {
    let mut left = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|end| kinds.iter().any(|kind| end == *kind)) {
            found.push(path);
        }
    }
    found.sort();
    for path in found {
        let name = path.strip_prefix(folder).unwrap().display().to_string().replace(' ', "_");
        messages.push(Message {
            name: format!("{source}/{name}"),
            octets: fs::read(&path).unwrap(),
            path: Some(path),
        });
    }
}
