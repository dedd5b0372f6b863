//! Token, send and list, as an embedder would write them.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that shows what it found")]

use std::{env, process::ExitCode};

use mailbearer::{Account, Address, Error, Message, Range};

fn main() -> ExitCode {
    match prepare().and_then(|(account, message)| run(account, &message)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(feature = "tokio"))]
fn run(account: Account, message: &Message) -> Result<(), String> {
    job(account, message).map_err(|error| error.to_string())
}

#[cfg(not(feature = "tokio"))]
fn job(account: Account, message: &Message) -> Result<(), Error> {
    let robot = account.blocking()?;
    println!("{} octets of token", robot.token()?.access_token.expose().len());
    robot.send(&robot.compose(message)?)?;
    let mut imap = robot.connect_imap()?;
    let mut listing = imap.list("INBOX", Range::All)?;
    while let Some(item) = listing.next()? {
        println!("{} {} {}", item.uid, item.from, item.subject);
    }
    imap.logout()
}

#[cfg(feature = "tokio")]
fn run(account: Account, message: &Message) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(job(account, message)).map_err(|error| error.to_string())
}

#[cfg(feature = "tokio")]
async fn job(account: Account, message: &Message) -> Result<(), Error> {
    let robot = account.tokio()?;
    println!("{} octets of token", robot.token().await?.access_token.expose().len());
    robot.send(&robot.compose(message)?).await?;
    let mut imap = robot.connect_imap().await?;
    let mut listing = imap.list("INBOX", Range::All).await?;
    while let Some(item) = listing.next().await? {
        println!("{} {} {}", item.uid, item.from, item.subject);
    }
    imap.logout().await
}

fn prepare() -> Result<(Account, Message), String> {
    let (user, tenant) = (variable("ROBOT")?, variable("TENANT")?);
    let robot = Address::parse(&user).map_err(|error| error.to_string())?;
    let account = Account::microsoft365(user, &tenant)
        .client_credentials(variable("CLIENT_ID")?, variable("CLIENT_SECRET")?);
    Ok((account, Message::new(robot.clone()).to(robot).subject("Grüße").text("Hello\n")))
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("{name} is not set"))
}
