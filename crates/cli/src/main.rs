//! The `mailbearer` program.

mod archive;
mod cli;
mod commands;
mod config;
mod error;
mod exit;
mod interrupt;
mod media;
mod output;
mod packed;
mod partial;
mod program;
mod progress;
mod raw;
mod reading;
mod row;
mod search;
mod session;
mod store;
mod stream;
mod structure;
mod uids;
mod upload;
mod value;

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use mailbearer::{advice::Language, proto::wire::printable};

use self::{
    cli::{Cli, Command},
    error::Error,
    exit::Exit,
    interrupt::Interrupts,
    output::Output,
};

fn main() -> ExitCode {
    keep_memory_private();
    hear_of_file_limits();
    let arguments: Vec<_> = env::args_os().collect();
    let (arguments, words) = cli::split_sendmail(&arguments).unwrap_or((arguments, Vec::new()));
    let is_json = |words: &[OsString]| words.iter().any(|word| word == "--json");
    let mut cli = match cli::parse(arguments.iter().cloned()) {
        Ok(cli) => cli,
        Err(error) => return help(&error, is_json(&arguments)),
    };
    cli.global.json |= is_json(&words);
    match run(&cli, &words) {
        Ok(()) => Exit::Success.into(),
        Err(error) => end(&error, cli.global.json, language(cli.global.lang)),
    }
}

/// Says why the program ends.
fn end(error: &Error, json: bool, language: Language) -> ExitCode {
    if !error.is_quiet() {
        output::notice(error.shown(json, language));
    }
    error.exit.into()
}

/// Keeps other processes of the same user from reading our memory, and the system from writing a core dump. A kernel that
/// can't do it is no reason to stop.
fn keep_memory_private() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Makes a file that grows over a limit (`ulimit -f`) an error of that write, as a full disk is. The signal would end the
/// program, and leave a part of the file behind.
fn hear_of_file_limits() {
    #[cfg(unix)]
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default());
}

/// The language of `--lang`, or else that of the locale (POSIX.1-2024 section 8.2).
fn language(asked: Option<Language>) -> Language {
    let of = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    asked.unwrap_or_else(|| {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(of);
        Language::of_locale(&locale.unwrap_or_default())
    })
}

fn run(cli: &Cli, words: &[OsString]) -> Result<(), Error> {
    if let Command::Relay(arguments) = &cli.command {
        // The relay handles signals itself.
        return commands::relay::run(&cli.global, arguments, &mut Output::stdout(cli.global.json));
    }
    let interrupts = Interrupts::install()?;
    let mut out = Output::stdout(cli.global.json);
    let done = match &cli.command {
        Command::Demo => commands::demo::run(&mut out),
        Command::Setup(arguments) => commands::setup::run(&cli.global, arguments, &mut out),
        Command::Login(arguments) => commands::login::run(&cli.global, arguments, &mut out),
        Command::Logout => commands::logout::run(&cli.global, &mut out),
        Command::Token(arguments) => commands::token::run(&cli.global, arguments, &mut out),
        Command::Doctor(arguments) => {
            commands::doctor::run(&cli.global, arguments, language(cli.global.lang), &mut out)
        }
        Command::Send(arguments) => commands::send::run(&cli.global, arguments, &mut out),
        Command::Sendmail => commands::sendmail::run(&cli.global, words, &mut out),
        Command::Folders(arguments) => commands::folders::run(&cli.global, arguments, &mut out),
        Command::List(arguments) => commands::list::run(&cli.global, arguments, &mut out),
        Command::Read(arguments) => commands::read::run(&cli.global, arguments, &interrupts, &mut out),
        Command::Reply(arguments) => commands::reply::reply(&cli.global, arguments, &mut out),
        Command::Forward(arguments) => commands::reply::forward(&cli.global, arguments, &mut out),
        Command::Fetch(arguments) => commands::fetch::run(&cli.global, arguments, &interrupts, &mut out),
        Command::Append(arguments) => commands::append::run(&cli.global, arguments, &mut out),
        Command::Copy(arguments) => commands::copy::run(&cli.global, arguments, &mut out),
        Command::Move(arguments) => commands::r#move::run(&cli.global, arguments, &mut out),
        Command::Flag(arguments) => commands::flag::run(&cli.global, arguments, &mut out),
        Command::Delete(arguments) => commands::delete::run(&cli.global, arguments, &mut out),
        Command::Watch(arguments) => commands::watch::run(&cli.global, arguments, &mut out),
        Command::Pop(arguments) => commands::pop::run(&cli.global, arguments, &interrupts, &mut out),
        Command::Relay(_) => Ok(()),
        Command::Queue(arguments) => commands::queue::run(&cli.global, arguments, &mut out),
        Command::Providers => commands::providers::run(&mut out),
        Command::Man(arguments) => commands::manual::man(arguments, &mut out),
        Command::Completions(arguments) => commands::manual::completions(arguments, &mut out),
        Command::Config => config::reference::print(&mut out),
        Command::Mock(arguments) => commands::mock::run(arguments, &interrupts, &mut out),
    };
    // Also after a failure: results found before it are printed.
    let written = out.flush();
    done.and(written).map_err(|error| match cli.command.changes_something() && error.unprinted {
        true => error.hint("what the command did until then is done; look before doing it again"),
        false => error,
    })
}

/// Prints help that was asked for on standard output, and mistakes on standard error.
fn help(error: &clap::Error, json: bool) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() {
        if json {
            return end(&Error::usage(text.trim_end()), true, Language::English);
        }
        // The text repeats an argument, which may hold anything.
        let lines: Vec<_> = text.trim_end().lines().map(printable).collect();
        output::notice(lines.join("\n"));
        return Exit::Usage.into();
    }
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Ok(()) => Exit::Success.into(),
        Err(error) => end(&Error::stdout(&error), json, Language::English),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{DumpableBehavior, dumpable_behavior};

    /// On Linux a process that holds secrets is not dumpable.
    #[test]
    fn memory_is_private() {
        super::keep_memory_private();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}
