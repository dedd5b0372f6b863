//! Token, send and list, as an embedder would write them.

#![expect(clippy::print_stdout, reason = "a program that shows what it found")]

use std::{env, error::Error};

use mailbearer::{Account, Mailbox, Message, Range};

#[cfg(not(feature = "tokio"))]
fn main() -> Result<(), Box<dyn Error>> {
    let robot = account()?.blocking()?;
    println!("{} octets of token", robot.token()?.access_token.expose().len());
    robot.send(&robot.compose(&message(&robot.account().user)?)?)?;
    let mut imap = robot.connect_imap()?;
    let mut listing = imap.list("INBOX", Range::All)?;
    while let Some(item) = listing.next()? {
        println!("{} {} {}", item.uid, item.from, item.subject);
    }
    Ok(imap.logout()?)
}

#[cfg(feature = "tokio")]
fn main() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?.block_on(async {
        let robot = account()?.tokio()?;
        println!("{} octets of token", robot.token().await?.access_token.expose().len());
        robot.send(&robot.compose(&message(&robot.account().user)?)?).await?;
        let mut imap = robot.connect_imap().await?;
        let mut listing = imap.list("INBOX", Range::All).await?;
        while let Some(item) = listing.next().await? {
            println!("{} {} {}", item.uid, item.from, item.subject);
        }
        Ok(imap.logout().await?)
    })
}

fn account() -> Result<Account, Box<dyn Error>> {
    let account = Account::microsoft365(env::var("ROBOT")?, &env::var("TENANT")?);
    Ok(account.client_credentials(env::var("CLIENT_ID")?, env::var("CLIENT_SECRET")?))
}

fn message(user: &str) -> Result<Message, Box<dyn Error>> {
    let robot = Mailbox::parse(user)?;
    Ok(Message::new(robot.clone()).to(robot).subject("Grüße").text("Hello\n"))
}
