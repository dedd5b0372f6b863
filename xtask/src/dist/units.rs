//! The units for systemd.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::{root::Root, text};
use crate::{Result, process};

/// Opens a port by `systemd-socket-activate`, and checks that the relay answers on it.
pub(super) fn check(folder: &Path) -> Result<String> {
    let program = super::program(folder)?;
    let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let spool = Root::new("spool")?;
    let mut activate = Command::new("systemd-socket-activate");
    activate.args(["--listen", &free]);
    // The relay only has to start: it never asks for a token of this account.
    let settings = [
        ("PROVIDER", "microsoft365"),
        ("USER", "robot@contoso.com"),
        ("OAUTH_GRANT", "client_credentials"),
        ("OAUTH_TENANT", "contoso.onmicrosoft.com"),
        ("OAUTH_CLIENT_ID", "11111111-2222-3333-4444-555555555555"),
        ("OAUTH_CLIENT_SECRET", "s3cret"),
    ];
    for (key, value) in settings {
        activate.args(["--setenv", &format!("MAILBEARER_{key}={value}")]);
    }
    activate.arg(program).args(["relay", "--spool"]).arg(spool.path());
    let said = fs::File::create(folder.join("relay.log"))?;
    let mut child = activate.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said).spawn()?;
    let greeted = greeting(&free);
    child.kill()?;
    child.wait()?;
    match greeted? {
        greeting if greeting.starts_with("220 ") => Ok("the relay takes the port that systemd opened".into()),
        other => Err(format!("the relay greets with {other:?}").into()),
    }
}

fn greeting(address: &str) -> Result<String> {
    let mut tries = 0_u32;
    let socket = loop {
        match TcpStream::connect(address) {
            Ok(socket) => break socket,
            Err(error) if tries >= 100 => return Err(error.into()),
            Err(_) => tries = tries.saturating_add(1),
        }
        thread::sleep(Duration::from_millis(100));
    };
    socket.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut line = String::new();
    BufReader::new(socket).read_line(&mut line)?;
    Ok(line)
}

/// Checks the installed units: that systemd accepts them, and that they are hardened.
pub(super) fn look(debian: &Root) -> Result<()> {
    let analyze = |arguments: &[&str]| {
        let mut analyze = Command::new("systemd-analyze");
        // The root has no `man`, which systemd would check the documentation links with.
        analyze.args(["--man=no", "--root"]).arg(debian.path()).args(arguments);
        analyze
    };
    for unit in UNITS {
        let said = text(
            Command::new("sh")
                .args(["-c", "exec \"$@\" 2>&1", "sh"])
                .args(words(&analyze(&["verify", unit]))),
        )?;
        if let Some(line) = said.lines().find(|line| line.contains("mailbearer")) {
            return Err(format!("systemd says of {unit}: {line}").into());
        }
    }
    for service in UNITS.into_iter().filter(|unit| unit.ends_with(".service")) {
        process::output(&mut analyze(&["security", "--offline=yes", "--threshold", EXPOSURE, service]))?;
    }
    Ok(())
}

fn words(command: &Command) -> impl Iterator<Item = &std::ffi::OsStr> {
    [command.get_program()].into_iter().chain(command.get_args())
}

const UNITS: [&str; 4] = [
    "mailbearer-relay.service",
    "mailbearer-relay.socket",
    "mailbearer-queue.service",
    "mailbearer-queue.timer",
];

/// The highest exposure that a service may have, in tenths, as `systemd-analyze security` counts it.
const EXPOSURE: &str = "25";
