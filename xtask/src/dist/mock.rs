//! The mock server that the packed program is tried against.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::root::Root;
use crate::{Result, process};

/// A running `mailbearer mock`. Dropping it ends the process.
pub(super) struct Mock {
    child: Child,
    settings: Vec<(String, String)>,
    ca: PathBuf,
}

impl Mock {
    pub(super) fn start(program: &Path) -> Result<Self> {
        let mut child =
            Command::new(program).arg("mock").stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or("the mock has no output")?;
        let mut mock = Self { child, settings: Vec::new(), ca: PathBuf::new() };
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            let (key, value) = line.split_once('=').ok_or("the mock does not print settings")?;
            let value = value.trim_matches('\'');
            match key {
                // The root gets a copy of this file at a path of its own.
                CA_FILE => mock.ca = value.into(),
                LAST => return Ok(mock),
                _ => mock.settings.push((key.to_owned(), value.to_owned())),
            }
        }
        Err("the mock ended".into())
    }

    /// Runs in a root: gets a token, sends a message, and finds it in the list.
    ///
    /// `sendmail` is the command that sends. It gets the message on its standard input.
    pub(super) fn try_in(
        &self,
        root: &Root,
        user: Option<&str>,
        program: &str,
        sendmail: &[&str],
    ) -> Result<()> {
        root.put(&self.ca, CA, "644")?;
        let mut settings = self.settings.clone();
        settings.push((CA_FILE.to_owned(), CA.to_owned()));
        let run = |arguments: &[&str]| super::text(root.command(user, &settings, program).args(arguments));
        if run(&["token"])?.trim().is_empty() {
            return Err("the token is empty".into());
        }
        let subject = format!("from {}", root.path().display());
        let message = format!("To: ann@example.org\nSubject: {subject}\n\nhello\n");
        let (first, rest) = sendmail.split_first().ok_or("nothing sends")?;
        process::filter(root.command(user, &settings, first).args(rest), message.as_bytes())?;
        let listed = run(&["list"])?;
        if !listed.contains(&subject) {
            return Err(format!("what was sent is not listed, but: {listed}").into());
        }
        Ok(())
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const CA_FILE: &str = "MAILBEARER_TLS_CA_FILE";
/// The last line that the mock prints.
const LAST: &str = "MOCK_SMTP_TLS_PORT";
const CA: &str = "/ca.pem";
