use std::io::Write;

use crate::{
    cli::{GlobalArgs, TransferArgs},
    error::Error,
    output::Output,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &TransferArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    super::with_imap(global, &[&arguments.folder, &arguments.to], |imap| {
        imap.examine(&arguments.folder)?;
        let mut present = arguments.uids.look_up(imap, &arguments.folder)?;
        for set in present.sets() {
            let copied = imap.copy(set.clone(), &arguments.to).map_err(super::unanswered)?;
            super::report_copies(out, "copied", &arguments.to, &set, copied.as_ref(), &mut present)?;
        }
        Ok(present)
    })?
    .finish("copied")
}
