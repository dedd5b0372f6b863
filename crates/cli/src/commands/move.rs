use std::io::Write;

use mailbearer::{Blocking, Selected};

use crate::{
    cli::{GlobalArgs, TransferArgs},
    error::Error,
    output::{self, Output},
    uids::Present,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &TransferArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    super::with_imap(global, &[&arguments.folder, &arguments.to], |imap| {
        let mut folder = imap.select(&arguments.folder)?;
        let mut present = arguments.uids.look_up(&mut folder)?;
        move_all(&mut folder, &mut present, &arguments.to, "moved", out)?;
        Ok(present)
    })?
    .finish("moved")
}

/// Moves messages of the open mailbox, and prints where each went.
pub(super) fn move_all(
    folder: &mut Selected<'_, Blocking>,
    present: &mut Present,
    to: &str,
    verb: &str,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let mut left_behind = false;
    for set in present.sets() {
        let moved = folder.move_to(set.clone(), to)?;
        left_behind |= !moved.removed;
        super::report_copies(out, verb, to, &set, moved.copied.as_ref(), present)?;
    }
    if left_behind {
        output::warning(
            "the server can't remove single messages: the originals are still there, flagged \\Deleted",
        );
    }
    Ok(())
}
