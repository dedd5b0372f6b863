//! Collects a mailbox by POP3: writes each message to a file, and then removes it from the server.
//!
//! ```console
//! $ cargo run --example collect -- FOLDER
//! ```

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that says what it collected")]

mod settings;

use std::{collections::BTreeMap, env, error::Error, fs, fs::File, io::Write, path::PathBuf};

use mailbearer::pop3::{Arrived, Removal};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args_os().nth(1).ok_or("name a folder")?);
    fs::create_dir_all(&folder)?;
    let mut pop3 = settings::account()?.blocking()?.connect_pop3()?;
    let uids: BTreeMap<u32, String> =
        pop3.list()?.into_iter().filter_map(|entry| Some((entry.number, entry.uid?))).collect();

    // All are requested at once if the server allows that, and arrive one after the other.
    let mut messages = pop3.fetch_each(uids.keys().copied())?;
    let (mut safe, mut text) = (Vec::new(), Vec::new());
    while let Some(arrived) = messages.next()? {
        match arrived {
            Arrived::Octets(_, octets) => text.extend_from_slice(&octets),
            Arrived::Whole(number) => {
                // The name is made of the id, so that a message that is fetched twice is one file.
                let name: String =
                    uids.get(&number).into_iter().flat_map(|uid| uid.chars()).map(plain).collect();
                let mut file = File::create(folder.join(format!("{name}.eml")))?;
                file.write_all(&text)?;
                file.sync_all()?;
                text.clear();
                safe.push(number);
            }
            Arrived::Refused(number, error) => eprintln!("message {number}: {error}"),
            _ => {}
        }
    }
    drop(messages);

    pop3.delete(&safe)?;
    // The server removes nothing before QUIT. The answer says what it removed.
    match pop3.quit()? {
        Removal::Nothing => println!("nothing new"),
        Removal::Done(count) => println!("{count} collected"),
        Removal::Partial(reply) => println!("some are still on the server: {reply}"),
    }
    Ok(())
}

/// Makes a unique id fit for a file's name: it may hold anything.
fn plain(letter: char) -> char {
    if letter.is_ascii_alphanumeric() { letter } else { '_' }
}
