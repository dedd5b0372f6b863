use std::io::Write;

use mailbearer::{
    Blocking, Imap, Role, Selected,
    proto::imap::{Capability, Flag, Mailbox, StoreAction},
};

use crate::{
    cli::{DeleteArgs, GlobalArgs},
    error::Error,
    exit::Exit,
    output::Output,
    uids::Present,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &DeleteArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    super::with_imap(global, &[&arguments.folder], |imap| {
        let trash = if arguments.expunge {
            check_expunge(imap)?;
            None
        } else {
            Some(trash(imap, &arguments.folder)?)
        };
        let mut folder = imap.select(&arguments.folder)?;
        let mut present = arguments.uids.look_up(&mut folder)?;
        match trash {
            Some(trash) => super::r#move::move_all(&mut folder, &mut present, &trash, "deleted", out)?,
            None => expunge(&mut folder, &present, out)?,
        }
        Ok(present)
    })?
    .finish("deleted")
}

/// The server's folder for deleted messages.
fn trash(imap: &mut Imap<Blocking>, folder: &str) -> Result<String, Error> {
    let folders = imap.folders("*")?;
    let trash = folders.into_iter().find(|folder| folder.role == Some(Role::Trash)).ok_or_else(|| {
        Error::new(Exit::Unavailable, "the server names no folder for the trash")
            .hint("`move` puts messages into any folder, --expunge removes them for good")
    })?;
    if Mailbox::new(folder).is_ok_and(|folder| folder == trash.mailbox) {
        return Err(
            Error::usage(format!("{folder:?} is the trash")).hint("--expunge removes messages for good")
        );
    }
    Ok(trash.name)
}

/// Requires UIDPLUS. Without it EXPUNGE would also remove messages that others flagged.
fn check_expunge(imap: &mut Imap<Blocking>) -> Result<(), Error> {
    let capabilities = imap.capabilities()?;
    if capabilities.has(&Capability::UidPlus) || capabilities.has(&Capability::Imap4Rev2) {
        return Ok(());
    }
    Err(Error::new(Exit::Unavailable, "the server can't remove single messages: it does not offer UIDPLUS"))
}

fn expunge(
    folder: &mut Selected<'_, Blocking>,
    present: &Present,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    for set in present.sets() {
        folder.store(set.clone(), StoreAction::Add, &[Flag::Deleted])?;
        folder.expunge_only(set.clone())?;
        set.iter().try_for_each(|uid| super::report_one(out, "removed", uid, None, None))?;
    }
    Ok(())
}
