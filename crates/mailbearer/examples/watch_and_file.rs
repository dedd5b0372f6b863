//! Files messages as they arrive, on tokio: `watch_and_file invoice Accounting` moves those with "invoice" in their
//! subject to the folder Accounting. A number as third argument ends it after so many messages.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that says what it does")]

mod settings;

use std::{env, error::Error};

use mailbearer::{
    News, Summary,
    tokio::{Client, Watcher},
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (word, folder, count) = match arguments.as_slice() {
        [word, folder] => (word, folder, u32::MAX),
        [word, folder, count] => (word, folder, count.parse()?),
        _ => return Err("usage: watch_and_file WORD FOLDER [COUNT]".into()),
    };
    let robot = settings::account()?.tokio()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(watch(&robot, word, folder, count))?)
}

async fn watch(robot: &Client, word: &str, folder: &str, count: u32) -> Result<(), mailbearer::Error> {
    // The watcher has a connection of its own. If that breaks, it makes a new one, and reports nothing twice.
    let mut watcher = robot.watch("INBOX").await?;
    println!("watching");
    for _ in 0..count {
        let message = next(&mut watcher, &word.to_lowercase()).await?;
        // A session for each message: a message to file may come once a week.
        let mut imap = robot.connect_imap().await?;
        let mut inbox = imap.select("INBOX").await?;
        inbox.move_to(message.uid.into(), folder).await?;
        imap.logout().await?;
        println!("filed {} {}", message.uid, message.subject);
    }
    Ok(())
}

/// Waits for a message with `word` in its subject.
async fn next(watcher: &mut Watcher, word: &str) -> Result<Summary, mailbearer::Error> {
    loop {
        match watcher.next().await? {
            News::Arrived(message) if message.subject.to_lowercase().contains(word) => return Ok(*message),
            News::Interrupted { error, retry_in } => eprintln!("{error}; trying again in {retry_in:?}"),
            _ => {}
        }
    }
}
