//! Sends a file to somebody: `send_attachment ann@example.org report.pdf`.

#![expect(clippy::print_stdout, reason = "a program that says what became of each recipient")]

mod settings;

use std::{env, error::Error, fs, path::PathBuf};

use mailbearer::{Address, Message};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let (Some(to), Some(file)) = (arguments.next(), arguments.next().map(PathBuf::from)) else {
        return Err("usage: send_attachment ADDRESS FILE".into());
    };
    let to = Address::parse(&to.to_string_lossy())?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();

    let account = settings::account()?;
    let from = Address::parse(&account.user)?;
    let robot = account.blocking()?;
    let message = Message::new(from)
        .to(to)
        .subject(format!("{name} as promised"))
        .text("Hello,\n\nsee the attachment.\n")
        .attach(name, "application/octet-stream", fs::read(&file)?);

    // `compose` adds date and Message-ID. An address or a file name can't add a header, whatever is in it.
    let receipt = robot.send(&robot.compose(&message)?)?;
    for address in &receipt.accepted {
        println!("{address} gets it");
    }
    // A refused recipient is not an error: the others get the message.
    for (address, reply) in &receipt.refused {
        println!("{address} was refused: {reply}");
    }
    Ok(())
}
