use std::io::Write;

use mailbearer::{Folder, Role, proto::imap::Capability, proto::wire::printable};
use serde_json::json;

use crate::{
    cli::{FoldersArgs, GlobalArgs},
    error::Error,
    output::{self, Output},
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &FoldersArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let folders = super::with_imap(global, &[&arguments.pattern], |imap| {
        // Some servers send the counts with the listing, which costs nothing. Others need a command for each folder.
        Ok(if arguments.counts || imap.capabilities()?.has(&Capability::ListStatus) {
            imap.folders_with_counts(&arguments.pattern)?
        } else {
            imap.folders(&arguments.pattern)?
        })
    })?;
    if out.is_json() {
        return folders.iter().try_for_each(|folder| out.json(&object(folder)));
    }
    let names: Vec<_> = folders.iter().map(|folder| printable(&folder.name)).collect();
    let room = names.iter().map(|name| output::width(name)).max().unwrap_or_default();
    folders.iter().zip(names).try_for_each(|(folder, name)| out.line(&line(folder, &name, room)))
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
