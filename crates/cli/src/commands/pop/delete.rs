use std::io::Write;

use mailbearer::{Blocking, Pop3, pop3::Removal};
use serde_json::json;

use super::DeleteArgs;
use crate::{
    cli::GlobalArgs,
    error::Error,
    exit::Exit,
    output::{self, Output},
};

pub(super) fn run(
    global: &GlobalArgs,
    arguments: &DeleteArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let by_uid = |pop3: &mut Pop3<Blocking>| {
        let mut named: Vec<(u32, Option<&str>)> = Vec::new();
        if !arguments.uids.is_empty() {
            let entries = pop3.list()?;
            for uid in &arguments.uids {
                named.push((super::number(&entries, uid)?, Some(uid)));
            }
        }
        Ok(named)
    };
    let (mut pop3, mut named) = super::begun(super::connect(global)?, by_uid)?;
    named.extend(arguments.number.iter().map(|number| (number.get(), None)));
    named.sort_unstable();
    named.dedup();
    let numbers: Vec<u32> = named.iter().map(|(number, _)| *number).collect();
    let refused = pop3.delete(&numbers)?;
    named.retain(|(number, _)| refused.iter().all(|(other, _)| other != number));
    // Before this nothing is removed. If it fails, nobody knows whether anything was.
    let removal = pop3.quit()?;
    finish(&removal)?;
    for (number, uid) in named {
        if out.is_json() {
            out.json(&json!({ "number": number, "uid": uid }))?;
        } else {
            out.line(&format!("removed  {number:>7}  {}", uid.unwrap_or("-")))?;
        }
    }
    out.flush()?;
    for (number, error) in &refused {
        output::warning(&format!("message {number}: {error}"));
    }
    match refused.into_iter().next() {
        Some((_, error)) => Err(error.into()),
        None => Ok(()),
    }
}

/// Fails where the server did not remove everything that was marked.
pub(super) fn finish(removal: &Removal) -> Result<(), Error> {
    match removal {
        Removal::Nothing | Removal::Done(_) => Ok(()),
        Removal::Partial(reply) => {
            let message = format!("the server removed some of the messages, or none: {reply}");
            Err(Error::new(Exit::OutcomeUnknown, message).hint("`pop list` shows what is still there"))
        }
    }
}
