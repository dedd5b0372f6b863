use std::io::Write;

use mailbearer::{
    Blocking, Examined, Opened, UidSet,
    proto::imap::{FetchItem, Flag, Item, List, StoreAction},
};
use serde_json::json;

use crate::{
    cli::{FlagArgs, GlobalArgs},
    error::Error,
    output::{self, Output},
    value::Flags,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &FlagArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let changes = changes(arguments)?;
    super::with_imap(global, &[&arguments.folder], |imap| {
        let mut folder = imap.select(&arguments.folder)?;
        let mut present = arguments.uids.look_up(&mut folder)?;
        warn_of_lost(folder.opened(), &changes);
        for set in present.sets() {
            for (action, flags) in &changes {
                folder.store(set.clone(), *action, flags)?;
            }
            let shown = show(&mut folder, &set, out)?;
            present.lost(&set, &shown);
        }
        Ok(present)
    })?
    .finish("changed")
}

fn changes(arguments: &FlagArgs) -> Result<Vec<(StoreAction, Flags)>, Error> {
    let (add, remove) = (arguments.add.concat(), arguments.remove.concat());
    if let Some(flag) = add.iter().find(|flag| remove.contains(flag)) {
        return Err(Error::usage(format!("{flag} can't be both added and removed")));
    }
    let mut changes = Vec::new();
    for (action, flags) in [(StoreAction::Add, add), (StoreAction::Remove, remove)] {
        if !flags.is_empty() {
            changes.push((action, flags));
        }
    }
    changes.extend(arguments.set.clone().map(|flags| (StoreAction::Replace, flags)));
    Ok(changes)
}

/// Refuses a flag that the folder can't keep: some servers refuse it, others answer OK and do nothing.
fn warn_of_lost(opened: &Opened, changes: &[(StoreAction, Flags)]) {
    let Some(kept) = opened.permanent_flags.as_ref().filter(|kept| !kept.contains(&Flag::Any)) else {
        return;
    };
    let given =
        changes.iter().filter(|(action, _)| *action != StoreAction::Remove).flat_map(|(_, flags)| flags);
    for flag in given.filter(|flag| !kept.contains(flag)) {
        output::warning(&format!("this folder does not keep the flag {flag}"));
    }
}

/// Prints the flags that the messages have now. Returns the messages that exist.
fn show(
    folder: &mut Examined<'_, Blocking>,
    uids: &UidSet,
    out: &mut Output<impl Write>,
) -> Result<UidSet, Error> {
    let mut shown = UidSet::new();
    let mut messages = folder.messages(uids.clone(), vec![FetchItem::Uid, FetchItem::Flags])?;
    while let Some(fetched) = messages.next()? {
        let flags = fetched.items().into_iter().find_map(|item| match item {
            Item::Flags(flags) => Some(names(&flags)),
            _ => None,
        });
        let Some(flags) = flags.filter(|_| !shown.contains(fetched.uid())) else { continue };
        shown.insert(fetched.uid());
        if out.is_json() {
            out.json(&json!({ "uid": fetched.uid(), "flags": flags }))?;
        } else {
            let line = format!("flagged  {:>7}  {}", fetched.uid(), flags.join(" "));
            out.line(line.trim_end())?;
        }
    }
    Ok(shown)
}

/// The flags of a message, without `\Recent`, which says nothing about it.
fn names(flags: &List<'_, Flag<'_>>) -> Vec<String> {
    flags.iter().filter(|flag| *flag != Flag::Recent).map(|flag| flag.to_string()).collect()
}
