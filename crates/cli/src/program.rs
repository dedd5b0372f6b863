//! Runs the programs that the settings name, each for a bounded time.

use std::{
    fmt,
    io::{self, Read, Write},
    process::{Child, Command, ExitStatus},
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use mailbearer::Secret;

/// The longest time that a program may take. Some ask a person, who has to find a key first.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// How a program ended by itself, and what it printed.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    /// Nothing where its standard output is no pipe of ours.
    pub(crate) printed: Secret<Vec<u8>>,
    /// Whether it took all that it was given.
    pub(crate) written: io::Result<()>,
}

/// Why a program did not end by itself. Behind the name of the program it is a sentence.
#[derive(Debug)]
pub(crate) enum Failure {
    Start(io::Error),
    Io(io::Error),
    TooMuch(usize),
    Late(Duration),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => write!(f, "cannot be run: {error}"),
            Self::Io(error) => write!(f, "cannot be read: {error}"),
            Self::TooMuch(limit) => write!(f, "gives more than {limit} octets"),
            Self::Late(patience) => {
                write!(f, "did not end within {} s, and was killed", patience.as_secs_f64())
            }
        }
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Start(error) | Failure::Io(error) => error,
            Failure::TooMuch(_) => Self::other(format!("the program {failure}")),
            Failure::Late(_) => Self::new(io::ErrorKind::TimedOut, format!("the program {failure}")),
        }
    }
}

/// Runs `command` with `input` on its standard input, if that is a pipe.
///
/// # Errors
///
/// Fails if it can't be started, and kills it if it prints more than `limit` octets or takes longer than `patience`.
pub(crate) fn run(
    command: &mut Command,
    input: Option<Secret>,
    limit: usize,
    patience: Duration,
) -> Result<Ran, Failure> {
    let mut running = Running::start(command).map_err(Failure::Start)?;
    let until = Instant::now().checked_add(patience);
    // A program may leave others behind, which hold the pipes: nobody waits for these threads.
    let (pipe, from) = (running.child.stdin.take(), running.child.stdout.take());
    let writing =
        pipe.zip(input).map(|(mut pipe, input)| aside(move || pipe.write_all(input.expose().as_bytes())));
    let reading = from.map(|pipe| aside(move || read(pipe, limit)));
    let printed = match reading {
        Some(reading) => wait_for(&reading, until, patience)?.map_err(Failure::Io)?,
        None => Secret::new(Vec::new()),
    };
    if printed.expose().len() > limit {
        return Err(Failure::TooMuch(limit));
    }
    let written = match writing {
        Some(writing) => wait_for(&writing, until, patience)?,
        None => Ok(()),
    };
    let status = loop {
        if let Some(status) = running.ended().map_err(Failure::Io)? {
            break status;
        }
        if until.is_none_or(|until| Instant::now() >= until) {
            return Err(Failure::Late(patience));
        }
        thread::sleep(STEP);
    };
    Ok(Ran { status, printed, written })
}

/// Does `work` in a thread of its own, and tells what came of it.
fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || drop(tell.send(work())));
    told
}

fn wait_for<T>(told: &Receiver<T>, until: Option<Instant>, patience: Duration) -> Result<T, Failure> {
    let left = until.map_or(patience, |until| until.saturating_duration_since(Instant::now()));
    told.recv_timeout(left).map_err(|error| match error {
        RecvTimeoutError::Timeout => Failure::Late(patience),
        RecvTimeoutError::Disconnected => Failure::Io(io::ErrorKind::BrokenPipe.into()),
    })
}

fn read(from: impl Read, limit: usize) -> io::Result<Secret<Vec<u8>>> {
    let mut octets = Vec::with_capacity(limit.min(16 * 1024));
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let read = from.take(most).read_to_end(&mut octets);
    let octets = Secret::new(octets);
    read.map(|_| octets)
}

/// A program that is killed, with those that it started, unless it ended.
struct Running {
    child: Child,
}

impl Running {
    fn start(command: &mut Command) -> io::Result<Self> {
        let mut programs = programs();
        let by = thread::current().id();
        if programs.over || programs.stopped == Some(by) {
            return Err(io::Error::other("this program ends"));
        }
        let leads = cfg!(unix) && !has_terminal();
        #[cfg(unix)]
        if leads {
            std::os::unix::process::CommandExt::process_group(command, 0);
        }
        let child = command.spawn()?;
        programs.running.push(Program { id: child.id(), leads, by });
        Ok(Self { child })
    }

    fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        // Once it is waited for, another process may get its number.
        let mut programs = programs();
        let status = self.child.try_wait()?;
        if status.is_some() {
            programs.running.retain(|program| program.id != self.child.id());
        }
        Ok(status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(Some(_)) = self.ended() {
            return;
        }
        programs().kill(|program| program.id == self.child.id());
        // It fails only where the program has ended just now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The programs that run now. A signal that ends this one does not reach them.
#[derive(Default)]
struct Programs {
    running: Vec<Program>,
    /// A thread that starts no other.
    stopped: Option<ThreadId>,
    /// No thread starts another.
    over: bool,
}

#[derive(Clone, Copy)]
struct Program {
    id: u32,
    /// Whether it leads a process group of its own, with those that it started.
    leads: bool,
    /// Who started it.
    by: ThreadId,
}

impl Programs {
    fn kill(&mut self, which: impl Fn(&Program) -> bool) {
        self.running.retain(|program| {
            if which(program) {
                program.kill();
            }
            !which(program)
        });
    }
}

impl Program {
    /// Kills it, which nobody has waited for yet.
    fn kill(self) {
        #[cfg(unix)]
        if let Some(id) = i32::try_from(self.id).ok().and_then(rustix::process::Pid::from_raw) {
            use rustix::process::{Signal, kill_process, kill_process_group};

            // It fails only where all of them have ended.
            let _ = match self.leads {
                true => kill_process_group(id, Signal::KILL),
                false => kill_process(id, Signal::KILL),
            };
        }
    }
}

static PROGRAMS: Mutex<Programs> = Mutex::new(Programs { running: Vec::new(), stopped: None, over: false });

fn programs() -> MutexGuard<'static, Programs> {
    PROGRAMS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills the programs that run now, because this one ends. None is started after that, and until the result is dropped no
/// thread hears that its program has ended: it would tell of a failure.
pub(crate) fn kill_all() -> impl Sized {
    let mut programs = programs();
    programs.over = true;
    programs.kill(|_| true);
    programs
}

/// Kills the program that this thread runs now. It starts none after that.
pub(crate) fn kill_of(thread: ThreadId) {
    let mut programs = programs();
    programs.stopped = Some(thread);
    programs.kill(|program| program.by == thread);
}

/// Whether a person may be asked something by way of a terminal, which only the group of its foreground may read: a program
/// stays in our group then, and hears Ctrl-C as we do.
fn has_terminal() -> bool {
    cfg!(unix) && std::fs::File::open("/dev/tty").is_ok()
}

/// How long to wait for the end of a program that has closed its output.
const STEP: Duration = Duration::from_millis(2);

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, path::Path, process::Stdio};

    use super::*;

    fn shell(script: &str, input: Option<&str>, patience: Duration) -> Result<Ran, Failure> {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdout(Stdio::piped());
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        run(&mut command, input.map(Secret::from), 1000, patience)
    }

    #[test]
    fn a_program_gets_its_input_and_gives_its_output() {
        for (script, input, printed, ended) in [
            ("echo a", None, "a\n", "exit status: 0"),
            ("cat; exit 3", Some("b"), "b", "exit status: 3"),
            ("echo a; kill -9 $$", None, "a\n", "signal: 9 (SIGKILL)"),
            // What holds the pipe no longer than it runs.
            ("exec >&-; sleep 0.1; exit 4", None, "", "exit status: 4"),
        ] {
            let ran = shell(script, input, PATIENCE).unwrap();
            assert_eq!(ran.printed.expose(), printed.as_bytes(), "{script}");
            assert_eq!(ran.status.to_string(), ended, "{script}");
            ran.written.unwrap();
        }
    }

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("pid");
        let begun = format!("echo $$ > {}; ", mark.display());
        for (script, want) in [
            ("exec sleep 600", "did not end within 2 s, and was killed"),
            ("exec >&-; exec sleep 600", "did not end within 2 s, and was killed"),
            ("exec cat /dev/zero", "gives more than 1000 octets"),
        ] {
            let failure = shell(&format!("{begun}{script}"), None, Duration::from_secs(2)).err().unwrap();
            assert_eq!(failure.to_string(), want, "{script}");
            let pid = fs::read_to_string(&mark).unwrap();
            assert!(!is_running(&pid), "{script}");
            // Other tests have programs, too.
            let pid: u32 = pid.trim().parse().unwrap();
            assert!(programs().running.iter().all(|program| program.id != pid), "{script}");
        }
    }

    /// With a terminal a program stays in our group.
    #[test]
    fn those_that_it_started_are_killed_too() {
        if has_terminal() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("pid");
        let script = format!("sleep 600 & echo $! > {}; wait", mark.display());
        assert!(matches!(shell(&script, None, Duration::from_secs(2)), Err(Failure::Late(_))));
        let pid = fs::read_to_string(&mark).unwrap();
        // Whoever takes care of orphans may be slow.
        for _ in 0..500 {
            if !is_running(&pid) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("{pid} runs");
    }

    fn is_running(pid: &str) -> bool {
        let stat = fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
    }
}
