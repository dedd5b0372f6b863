//! A memory server and programs of others that talk to it.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use mailbearer_mock::{Server, memory::Options};
use tempfile::NamedTempFile;

/// A memory server whose authority is in a file.
pub(crate) struct Bench {
    pub(crate) server: Server,
    ca_file: NamedTempFile,
}

impl Bench {
    pub(crate) fn start(options: Options) -> Self {
        let server = Server::start(options).unwrap();
        let mut ca_file = NamedTempFile::new().unwrap();
        ca_file.write_all(server.ca_pem().as_bytes()).unwrap();
        Self { server, ca_file }
    }

    pub(crate) fn ca_file(&self) -> &Path {
        self.ca_file.path()
    }
}

/// What a program did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) success: bool,
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    /// What it printed, if it succeeded.
    #[track_caller]
    pub(crate) fn out(self) -> String {
        assert!(self.success, "{self:?}");
        self.out
    }
}

/// Runs a program with `input` on its standard input.
pub(crate) fn run(command: &mut Command, input: &str) -> Done {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| {
        panic!(
            "{:?} is needed here and does not start ({error}); `cargo xtask test` installs it",
            command.get_program()
        )
    });
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Done {
        success: output.status.success(),
        code: output.status.code(),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}
