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
        let mut folder = imap.examine(&arguments.folder)?;
        let mut present = arguments.uids.look_up(&mut folder)?;
        for set in present.sets() {
            let copied = folder.copy(set.clone(), &arguments.to)?;
            super::report_copies(out, "copied", &arguments.to, &set, copied.as_ref(), &mut present)?;
        }
        Ok(present)
    })?
    .finish("copied")
}
