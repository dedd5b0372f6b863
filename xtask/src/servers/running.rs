//! Starting the servers, waiting until they answer, and stopping what is left of them.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::configuration::{DOVECOTS, value};
use super::{PORTS, Settings};
use crate::Result;

/// How long a condition is tried, with [`PAUSE`] between, before it counts as failed; and how long a server may take to greet.
const PATIENCE: Duration = Duration::from_secs(30);
const GREETING: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// Starts the servers in the background and returns when every port answers.
///
/// # Errors
///
/// Fails with the servers' logs if one of them does not start.
pub(crate) fn start(dir: &Path, settings: &Settings) -> Result<()> {
    let result = launch(dir).and_then(|()| answering(settings));
    result.map_err(|error| format!("{error}\n{}", logs(dir)).into())
}

/// Stops every process of Dovecot and Postfix that works in this folder, gently at first.
///
/// It finds them by the folders that they have open, not by files with process ids. So it also works after a crash, and
/// never stops another process that got the same id.
pub(crate) fn stop(dir: &Path) -> Result<()> {
    for signal in ["TERM", "KILL"] {
        let found = processes(dir);
        if found.is_empty() {
            return Ok(());
        }
        // Some may have ended by now.
        let _ = Command::new("sh")
            .args(["-c", r#"kill "$@" 2> /dev/null"#, "sh", "-s", signal])
            .args(found)
            .status();
        if poll(|| processes(dir).is_empty()) {
            return Ok(());
        }
    }
    Err(format!("processes do not end: {}", processes(dir).join(" ")).into())
}

fn launch(dir: &Path) -> Result<()> {
    for (name, ..) in DOVECOTS {
        let file = dir.join(name).join("dovecot.conf");
        daemon(Command::new("dovecot").arg("-c").arg(file), dir)?;
    }
    daemon(Command::new("postfix").arg("-c").arg(dir.join("postfix/etc")).arg("start"), dir)
}

/// Runs a command that leaves a server in the background. Its output goes to a file: the server would keep a pipe open.
fn daemon(command: &mut Command, dir: &Path) -> Result<()> {
    let log = File::options().create(true).append(true).open(dir.join("log/start.log"))?;
    let status = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).status();
    match status.map_err(|error| format!("cannot run {command:?}: {error}"))? {
        status if status.success() => Ok(()),
        status => Err(format!("{command:?} failed ({status})").into()),
    }
}

fn answering(settings: &Settings) -> Result<()> {
    for key in PORTS {
        let port: u16 = value(settings, key)?.parse()?;
        // With implicit TLS it is for the client to speak first.
        let greets = !key.ends_with("S_PORT");
        if !poll(|| answers(port, greets).is_some()) {
            return Err(format!("{key} ({port}) does not answer").into());
        }
    }
    Ok(())
}

fn answers(port: u16, greets: bool) -> Option<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    if greets {
        stream.set_read_timeout(Some(GREETING)).ok()?;
        stream.read_exact(&mut [0; 4]).ok()?;
    }
    Some(())
}

fn poll(mut done: impl FnMut() -> bool) -> bool {
    let since = Instant::now();
    loop {
        if done() {
            return true;
        }
        if since.elapsed() > PATIENCE {
            return false;
        }
        thread::sleep(PAUSE);
    }
}

/// Ids of the processes whose program is a mail server's and that work in `dir`.
fn processes(dir: &Path) -> Vec<String> {
    let dir = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let Ok(all) = fs::read_dir("/proc") else { return Vec::new() };
    let ours = all.flatten().filter(|process| is_mail_server(&process.path(), &dir));
    ours.filter_map(|process| process.file_name().into_string().ok()).collect()
}

fn is_mail_server(process: &Path, dir: &Path) -> bool {
    let link = |name: &str| fs::read_link(process.join(name)).unwrap_or_else(|_| PathBuf::new());
    let program = link("exe");
    let program = program.to_string_lossy();
    if !program.contains("/dovecot") && !program.contains("/postfix") {
        return false;
    }
    let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
    let named = arguments
        .split(|&byte| byte == 0)
        .any(|argument| Path::new(String::from_utf8_lossy(argument).as_ref()).starts_with(dir));
    // Dovecot's login processes have their root here; the others of both servers work here.
    named || link("cwd").starts_with(dir) || link("root").starts_with(dir)
}

fn logs(dir: &Path) -> String {
    let files = fs::read_dir(dir.join("log")).into_iter().flatten().flatten();
    files.map(|file| fs::read_to_string(file.path()).unwrap_or_default()).collect()
}
