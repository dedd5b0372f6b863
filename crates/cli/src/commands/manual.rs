//! Manual pages and shell completions.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::{cli, error::Error, exit::Exit, output::Output};

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Command whose page is meant; the program's own unless given
    pub(crate) command: Option<String>,
    /// Write every page into this folder, each under its name
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Shell that the completions are for
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// Prints a manual page in roff, or writes all of them.
pub(crate) fn man(arguments: &ManArgs, out: &mut Output<impl Write>) -> Result<(), Error> {
    let program = built();
    if let Some(folder) = &arguments.dir {
        return write_all(&program, folder);
    }
    let command = match &arguments.command {
        None => &program,
        Some(name) => program.find_subcommand(name).ok_or_else(|| {
            Error::usage(format!("there is no command {name:?}")).hint("`mailbearer help` lists them")
        })?,
    };
    out.octets(&page(command)?)?;
    out.flush()
}

/// Prints completions for a shell.
pub(crate) fn completions(arguments: &CompletionsArgs, out: &mut Output<impl Write>) -> Result<(), Error> {
    let mut octets = Vec::new();
    clap_complete::generate(arguments.shell, &mut cli::command(), "mailbearer", &mut octets);
    out.octets(&octets)?;
    out.flush()
}

fn write_all(program: &Command, folder: &Path) -> Result<(), Error> {
    let write = |name: &str, command: &Command| {
        let path = folder.join(format!("{name}.1"));
        fs::write(&path, page(command)?).map_err(|error| Error::output("write", &path, &error))
    };
    write("mailbearer", program)?;
    for command in program.get_subcommands().filter(|command| command.get_name() != "help") {
        write(&format!("mailbearer-{}", command.get_name()), command)?;
    }
    Ok(())
}

/// The program's definition, with the full name of each command.
fn built() -> Command {
    let mut program = cli::command().disable_help_subcommand(true);
    program.build();
    let names: Vec<String> = program.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in names {
        let whole = format!("mailbearer-{name}");
        program = program.mut_subcommand(name, |command| command.display_name(whole));
    }
    program
}

fn page(command: &Command) -> Result<Vec<u8>, Error> {
    let mut octets = Vec::new();
    let title = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let rendered = Man::new(command.clone()).title(title).render(&mut octets);
    rendered.map_err(|error| Error::new(Exit::Internal, error.to_string()))?;
    Ok(octets)
}
