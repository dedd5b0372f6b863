//! The `mailbearer` program.

mod cli;
mod commands;
mod config;
mod error;
mod exit;
mod hint;
mod interrupt;
mod output;
mod partial;
mod progress;
mod raw;
mod row;
mod search;
mod session;
mod structure;
mod uids;
mod upload;
mod value;

use std::{
    env,
    io::{self, Write},
    process::ExitCode,
};

use self::{
    cli::{Cli, Command},
    error::Error,
    exit::Exit,
    interrupt::Interrupts,
    output::Output,
};

fn main() -> ExitCode {
    let ended = match cli::parse(env::args_os()) {
        Ok(cli) => run(&cli),
        Err(error) => return help(&error),
    };
    match ended {
        Ok(()) => Exit::Success.into(),
        Err(error) => {
            if !error.is_quiet() {
                output::notice(&error);
            }
            error.exit.into()
        }
    }
}

fn run(cli: &Cli) -> Result<(), Error> {
    let interrupts = Interrupts::install()?;
    let mut out = Output::stdout(cli.global.json);
    match &cli.command {
        Command::Demo => commands::demo::run(&mut out),
        Command::Token(arguments) => commands::token::run(&cli.global, arguments, &mut out),
        Command::Send(arguments) => commands::send::run(&cli.global, arguments, &mut out),
        Command::Folders(arguments) => commands::folders::run(&cli.global, arguments, &mut out),
        Command::List(arguments) => commands::list::run(&cli.global, arguments, &mut out),
        Command::Fetch(arguments) => commands::fetch::run(&cli.global, arguments, &interrupts, &mut out),
        Command::Append(arguments) => commands::append::run(&cli.global, arguments, &mut out),
        Command::Copy(arguments) => commands::copy::run(&cli.global, arguments, &mut out),
        Command::Move(arguments) => commands::r#move::run(&cli.global, arguments, &mut out),
        Command::Flag(arguments) => commands::flag::run(&cli.global, arguments, &mut out),
        Command::Delete(arguments) => commands::delete::run(&cli.global, arguments, &mut out),
        Command::Watch(arguments) => commands::watch::run(&cli.global, arguments, &mut out),
        Command::Config => config::reference::print(&mut out),
        Command::Mock(arguments) => commands::mock::run(arguments, &interrupts, &mut out),
    }
}

/// What is asked for goes to standard output, what is wrong to standard error.
fn help(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() {
        let _ = io::stderr().write_all(text.as_bytes());
        return Exit::Usage.into();
    }
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Ok(()) => Exit::Success.into(),
        Err(error) => Error::stdout(&error).exit.into(),
    }
}
