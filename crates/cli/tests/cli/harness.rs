//! Runs the program in an empty environment and looks at all that comes out of it.

use std::{
    env,
    ffi::OsString,
    fs,
    io::{BufRead, BufReader, Lines, Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver},
    },
    thread,
};

use mailbearer_mock::{Server, Transcript, memory::Options, spellings};
use tempfile::TempDir;

/// A submission server that goes on with `script` once its client has logged in.
pub(crate) fn logged_in(script: &str) -> Transcript {
    offering("", script)
}

/// The same, for a client that sends the commands of a message at once.
pub(crate) fn pipelining(script: &str) -> Transcript {
    offering("S: 250-PIPELINING\n", script)
}

fn offering(more: &str, script: &str) -> Transcript {
    let login = format!(
        "S: 220 ready
C: EHLO <any>
S: 250-hello
S: 250 STARTTLS
C: STARTTLS
S: 220 go on
--TLS--
C: EHLO <any>
S: 250-hello
{more}S: 250 AUTH XOAUTH2
C: AUTH XOAUTH2
S: 334 
C: <any>
S: 235 welcome
"
    );
    Transcript::parse(&(login + script)).unwrap()
}

/// A memory server, and a home for the program that knows it by its environment alone.
pub(crate) struct World {
    pub(crate) server: Server,
    home: TempDir,
    /// Changes to the variables of the server.
    variables: Vec<(String, Option<String>)>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(mut options: Options) -> Self {
        // It gets lost where a form is not encoded, and is found in an output however it is written there.
        options.client_secret.get_or_insert_with(|| "x7_~8Q+&=%.-4fGq2bWzR".into());
        let (server, home) = (Server::start(options).unwrap(), tempfile::tempdir().unwrap());
        fs::write(home.path().join("ca.pem"), server.ca_pem()).unwrap();
        Self { server, home, variables: Vec::new() }
    }

    /// Sets a variable for the program, in place of what the server says.
    pub(crate) fn set(mut self, name: &str, value: impl ToString) -> Self {
        self.variables.push((name.into(), Some(value.to_string())));
        self
    }

    /// Takes a variable of the server's away.
    pub(crate) fn unset(mut self, name: &str) -> Self {
        self.variables.push((name.into(), None));
        self
    }

    /// A path in the home.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The names of what is in a folder of the home.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        names(&self.path(folder))
    }

    /// The folder in which the program keeps tokens.
    pub(crate) fn cache(&self) -> PathBuf {
        self.path(if cfg!(target_os = "macos") { "Library/Caches/mailbearer" } else { ".cache/mailbearer" })
    }

    /// The file in `folder` that holds a token.
    pub(crate) fn kept(&self, folder: &Path) -> PathBuf {
        let names = names(folder);
        let mut names = names.iter().filter(|name| name.ends_with(".json"));
        let (Some(name), None) = (names.next(), names.next()) else { panic!("one file") };
        folder.join(name)
    }

    pub(crate) fn deliver(&self, octets: impl AsRef<[u8]>) -> u32 {
        self.server.mailbox().deliver(octets.as_ref()).unwrap()
    }

    /// The program, ready to be run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(self.home.path(), arguments);
        self.environment(&mut command);
        command
    }

    /// A shell script in which `$mailbearer` is the program.
    pub(crate) fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        home(&mut command, self.home.path());
        self.environment(&mut command);
        command.env("mailbearer", program());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, "")
    }

    /// Runs the program with this on its standard input. But for `token`, nothing secret may come out.
    pub(crate) fn run_with(&self, arguments: &[&str], input: impl AsRef<[u8]>) -> Outcome {
        let outcome = finish(self.command(arguments), input.as_ref());
        if !arguments.contains(&"token") {
            self.check_for_secrets(&outcome.stdout);
        }
        self.check_for_secrets(&outcome.stderr);
        outcome
    }

    pub(crate) fn check_for_secrets(&self, text: &str) {
        let server = &self.server;
        let (_, job_token) = server.actions();
        let known = [server.client_secret(), server.person_password(), job_token];
        let tokens = [server.tokens().latest(), server.tokens().latest_refresh()];
        for secret in tokens.iter().flatten().map(String::as_str).chain(known) {
            for form in spellings(secret) {
                assert!(!text.contains(&form), "{form:?} is in {text}");
            }
        }
    }

    fn environment(&self, command: &mut Command) {
        command.envs(self.server.env(&self.path("ca.pem")));
        for (name, value) in &self.variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }
}

/// The program: the one that was built with the tests, or another that they are to be run with.
fn program() -> OsString {
    env::var_os(OTHER).unwrap_or_else(|| env!("CARGO_BIN_EXE_mailbearer").into())
}

/// Names the path of a program built for release, whose memory is what people see.
pub(crate) const OTHER: &str = "MAILBEARER_TEST_PROGRAM";

/// The program without any account.
pub(crate) fn bare(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments);
    home(&mut command, folder);
    command
}

fn home(command: &mut Command, folder: &Path) {
    command.env_clear().env("HOME", folder).env("TZ", "UTC").current_dir(folder);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

/// How the program ended, and what it said.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// The program did as it was told, without a word besides.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.stdout);
        self.stdout
    }

    /// The program failed with this code, these lines on standard error and nothing on standard output.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, stderr: &[&str]) {
        let lines: Vec<&str> = self.stderr.lines().collect();
        let fits =
            lines.len() == stderr.len() && lines.iter().zip(stderr).all(|(line, want)| matches(line, want));
        assert!(fits && self.code == Some(code) && self.stdout.is_empty(), "{self:#?}");
    }
}

/// Whether `line` is `want`, in which `…` stands for anything.
pub(crate) fn matches(line: &str, want: &str) -> bool {
    let mut parts = want.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut ended = true;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at.saturating_add(part.len())..];
        ended = !part.is_empty();
    }
    rest.is_empty() || !ended
}

pub(crate) fn finish(mut command: Command, input: &[u8]) -> Outcome {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // It may end without having read everything.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = |octets: Vec<u8>| String::from_utf8_lossy(&octets).into_owned();
    let outcome =
        Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
    outcome
}

/// All commands of the program and the commands of those, as `mailbearer help` lists them: `pop fetch` is one.
pub(crate) fn commands() -> Vec<String> {
    let world = World::new();
    let listed = |of: &str| {
        let words: Vec<&str> = ["help"].into_iter().chain(of.split_whitespace()).collect();
        let help = world.run(&words).ok();
        let list =
            help.split_once("\nCommands:\n").map(|(_, rest)| rest.split("\n\n").next().unwrap().to_owned());
        let names = list.unwrap_or_default();
        let names = names.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
        names
            .filter(|name| !name.is_empty())
            .map(|name| format!("{of} {name}").trim().to_owned())
            .collect::<Vec<_>>()
    };
    let mut all = listed("");
    assert!(all.len() > 25, "{all:?}");
    for command in all.clone() {
        // The manual is its own help.
        if !["help", "config"].contains(&command.as_str()) {
            all.extend(listed(&command).into_iter().filter(|inner| !inner.ends_with(" help")));
        }
    }
    all
}

/// Says which of `all` neither `rows` nor `others` has, and which of `others` there is not.
#[track_caller]
pub(crate) fn complete(all: &[String], rows: &[&[&str]], others: &[(&str, Other)]) {
    let has = |command: &str| {
        let words: Vec<&str> = command.split(' ').collect();
        rows.iter().any(|row| row.starts_with(&words)) || others.iter().any(|(other, _)| *other == command)
    };
    // Where each of its commands has a row, one that does nothing by itself needs none.
    let is_group = |command: &str| ["pop", "queue"].contains(&command);
    let missing: Vec<_> = all.iter().filter(|command| !has(command) && !is_group(command)).collect();
    let unknown: Vec<_> =
        others.iter().filter(|(other, _)| !all.iter().any(|command| command == other)).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "without a row: {missing:?}; not there: {unknown:?}");
    let own = Command::new(env::current_exe().unwrap()).arg("--list").output().unwrap().stdout;
    let own = String::from_utf8(own).unwrap();
    for (command, other) in others {
        let Other::In(test) = other else { continue };
        // Some are for Unix alone.
        let is_there = own.lines().any(|line| line.ends_with(&format!("::{test}: test")));
        assert!(is_there || !cfg!(unix), "{command}: there is no test {test}");
    }
}

/// Why a command has no row in a table of commands.
#[derive(Debug)]
pub(crate) enum Other {
    /// A test of this name has it.
    In(&'static str),
    /// There is nothing to test, for this reason.
    Nothing(#[expect(dead_code, reason = "it is for readers")] &'static str),
}

/// A server that says `greeting` to each client and then nothing, until the client leaves.
///
/// The receiver hears of every client that came.
pub(crate) fn speechless(greeting: &'static str) -> (u16, Receiver<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (came, coming) = mpsc::channel();
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            client.write_all(greeting.as_bytes()).unwrap();
            let _ = came.send(());
            thread::spawn(move || {
                let _ = client.read_to_end(&mut Vec::new());
            });
        }
    });
    (port, coming)
}

/// Passes on to the server at `port`, and of what it says the first `octets`; then it holds the rest back.
///
/// The receiver hears of it when that begins.
pub(crate) fn stalling(port: u16, octets: u64) -> (u16, Receiver<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let own = listener.local_addr().unwrap().port();
    let (stalled, stalling) = mpsc::channel();
    thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let upwards = thread::spawn(move || {
            let _ = std::io::copy(&mut from_client, &mut to_server);
            let _ = to_server.shutdown(Shutdown::Both);
        });
        let _ = std::io::copy(&mut Read::by_ref(&mut server).take(octets), &mut client);
        stalled.send(()).unwrap();
        upwards.join().unwrap();
    });
    (own, stalling)
}

/// Passes on to the server at `port`, and of what the client says the first `octets`; then it takes no more of it.
///
/// The receiver hears of it when that begins.
pub(crate) fn deaf(port: u16, octets: u64) -> (u16, Receiver<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let own = listener.local_addr().unwrap().port();
    let (stalled, stalling) = mpsc::channel();
    thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let (mut to_client, mut from_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let downwards = thread::spawn(move || {
            let _ = std::io::copy(&mut from_server, &mut to_client);
        });
        let _ = std::io::copy(&mut Read::by_ref(&mut client).take(octets), &mut server);
        stalled.send(()).unwrap();
        downwards.join().unwrap();
    });
    (own, stalling)
}

/// Passes everything on to a server, until the connections are cut.
pub(crate) struct Relay {
    pub(crate) port: u16,
    open: Arc<Mutex<Vec<TcpStream>>>,
    refusing: Arc<AtomicBool>,
}

impl Relay {
    pub(crate) fn new(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let own = listener.local_addr().unwrap().port();
        let (open, refusing): (Arc<Mutex<Vec<TcpStream>>>, Arc<AtomicBool>) = Default::default();
        let (streams, refuses) = (Arc::clone(&open), Arc::clone(&refusing));
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                if refuses.load(Ordering::SeqCst) {
                    continue;
                }
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                streams.lock().unwrap().extend([client, server]);
            }
        });
        Self { port: own, open, refusing }
    }

    /// How many clients came since it began, or since they were cut.
    #[cfg(target_os = "linux")]
    pub(crate) fn clients(&self) -> usize {
        self.open.lock().unwrap().len() / 2
    }

    /// Whether who connects is turned away.
    pub(crate) fn refuse(&self, refusing: bool) {
        self.refusing.store(refusing, Ordering::SeqCst);
    }

    pub(crate) fn cut(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// A program that runs, with its lines as they come.
pub(crate) struct Running {
    pub(crate) child: Ended,
    pub(crate) stdout: Lines<BufReader<ChildStdout>>,
    pub(crate) stderr: Receiver<String>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (tell, stderr) = mpsc::channel();
        thread::spawn(move || {
            for line in lines {
                let _ = tell.send(line.unwrap());
            }
        });
        Self { child: Ended(child), stdout, stderr }
    }

    /// The next line on standard output.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        self.stdout.next().unwrap().unwrap()
    }

    /// Waits for a line on standard error with this in it, and returns all up to it.
    #[track_caller]
    pub(crate) fn wait_for(&self, part: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for line in &self.stderr {
            lines.push(line);
            if lines.last().unwrap().contains(part) {
                return lines;
            }
        }
        panic!("{part} never came: {lines:#?}");
    }

    /// Stops it by Ctrl-C; returns what else it said.
    #[cfg(unix)]
    pub(crate) fn stop(self) -> Outcome {
        self.stop_by("INT")
    }

    /// As [`stop`](Self::stop), by another signal.
    #[cfg(unix)]
    pub(crate) fn stop_by(mut self, signal: &str) -> Outcome {
        send_signal(&self.child.0, signal);
        let stdout: Vec<String> = self.stdout.by_ref().map(Result::unwrap).collect();
        let code = self.child.0.wait().unwrap().code();
        let stderr: Vec<String> = self.stderr.iter().collect();
        Outcome { code, stdout: stdout.join("\n"), stderr: stderr.join("\n") }
    }
}

/// A program that does not outlive the test.
pub(crate) struct Ended(pub(crate) Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(unix)]
pub(crate) fn send_signal(child: &Child, signal: &str) {
    let status = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
    assert!(status.unwrap().success());
}
