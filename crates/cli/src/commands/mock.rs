use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use mailbearer_mock::{
    Server,
    memory::{Options, Ports},
};
use serde_json::{Map, Value};

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
    let folder = Folder::create().map_err(|error| {
        Error::new(Exit::CantCreate, format!("cannot create a folder for the CA certificate: {error}"))
    })?;
    let ca_file = folder.0.join("ca.pem");
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

/// A folder of its own that goes away with this.
struct Folder(PathBuf);

impl Folder {
    fn create() -> io::Result<Self> {
        (0..TRIES)
            .find_map(|number| {
                let path = env::temp_dir().join(format!("mailbearer-{}-{number}", process::id()));
                match create_private(&path) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
                    created => Some(created.map(|()| Self(path))),
                }
            })
            .unwrap_or_else(|| Err(io::ErrorKind::AlreadyExists.into()))
    }
}

/// How many names are tried; others only exist where an earlier process of the same number was killed.
const TRIES: u32 = 100;

impl Drop for Folder {
    fn drop(&mut self) {
        // Nobody can be told any more.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn create_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
