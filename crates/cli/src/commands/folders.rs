use std::io::Write;

use mailbearer::{Folder, Role, imap_protocol::Capability, wire::printable};
use serde_json::json;

use crate::{
    cli::{FoldersArgs, GlobalArgs},
    error::Error,
    output::{self, Output},
    session::Session,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &FoldersArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    super::check_folder(&arguments.pattern)?;
    let session = Session::open(global, true)?;
    let mut imap = session.with_token(|client| client.connect_imap())?;
    // Where they come with the listing they cost nothing; else it is a command for each folder.
    let folders = if arguments.counts || imap.capabilities()?.has(&Capability::ListStatus) {
        imap.folders_with_counts(&arguments.pattern)?
    } else {
        imap.folders(&arguments.pattern)?
    };
    if out.is_json() {
        for folder in &folders {
            out.json(&object(folder))?;
        }
    } else {
        let names: Vec<_> = folders.iter().map(|folder| printable(&folder.name)).collect();
        let room = names.iter().map(|name| output::width(name)).max().unwrap_or_default();
        for (folder, name) in folders.iter().zip(names) {
            out.line(&line(folder, &name, room))?;
        }
    }
    // Everything is here; that the server says goodbye is not worth failing for.
    let _ = imap.logout();
    Ok(())
}

fn line(folder: &Folder, name: &str, room: usize) -> String {
    let counts = folder.counts.clone().unwrap_or_default();
    let count = |count: Option<u32>, what| count.map_or_else(String::new, |count| format!("{count} {what}"));
    let role = match folder.role {
        Some(role) => word(role),
        None if folder.is_selectable() => "",
        None => "no messages",
    };
    let line = format!(
        "{}  {role:<11}  {:<15}  {}",
        output::pad(name, room),
        count(counts.messages, "messages"),
        count(counts.unseen, "unseen"),
    );
    line.trim_end().to_owned()
}

fn object(folder: &Folder) -> serde_json::Value {
    let counts = folder.counts.clone().unwrap_or_default();
    json!({
        "name": folder.name,
        "role": folder.role.map(word),
        "messages": counts.messages,
        "unseen": counts.unseen,
        "size": counts.size,
        "delimiter": folder.delimiter.map(String::from),
        "selectable": folder.is_selectable(),
        "attributes": folder.attributes.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Inbox => "inbox",
        Role::All => "all",
        Role::Archive => "archive",
        Role::Drafts => "drafts",
        Role::Flagged => "flagged",
        Role::Important => "important",
        Role::Junk => "junk",
        Role::Sent => "sent",
        Role::Trash => "trash",
        _ => "",
    }
}
