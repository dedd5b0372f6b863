use std::{fs, io::Write, time::Duration};

use mailbearer_mock::{
    Server,
    memory::{Options, Ports},
};
use serde_json::{Map, Value};
use tempfile::Builder;

use crate::{cli::MockArgs, error::Error, exit::Exit, interrupt::Interrupts, output::Output};

pub(crate) fn run(
    arguments: &MockArgs,
    interrupts: &Interrupts,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let mut options = Options::default();
    options.user.clone_from(&arguments.user);
    options.token_lifetime = Duration::from_secs(arguments.token_lifetime);
    options.ports = Ports {
        token: arguments.token_port,
        smtp: arguments.smtp_port,
        smtps: arguments.smtps_port,
        imap: arguments.imap_port,
        imaps: arguments.imaps_port,
    };
    let server = Server::start(options)
        .map_err(|error| Error::new(Exit::Unavailable, format!("the servers can't be started: {error}")))?;
    // From here on a signal must not end the program before the folder is gone.
    interrupts.hold();
    let folder = Builder::new().prefix("mailbearer-").tempdir().map_err(|error| {
        Error::new(Exit::CantCreate, format!("cannot create a folder for the CA certificate: {error}"))
    })?;
    let ca_file = folder.path().join("ca.pem");
    fs::write(&ca_file, server.ca_pem())
        .map_err(|error| Error::new(Exit::Io, format!("cannot write {}: {error}", ca_file.display())))?;
    print(&server.env(&ca_file), out)?;
    interrupts.wait();
    Ok(())
}

fn print(variables: &[(&str, String)], out: &mut Output<impl Write>) -> Result<(), Error> {
    if out.is_json() {
        let object: Map<String, Value> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))).collect();
        out.json(&object.into())?;
    } else {
        for (name, value) in variables {
            out.line(&format!("{name}={value}"))?;
        }
    }
    out.flush()
}
