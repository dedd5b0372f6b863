use std::io::Write;

use crate::{
    cli::{GlobalArgs, TransferArgs},
    error::Error,
    output::Output,
    session::Session,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &TransferArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    super::check_folder(&arguments.folder)?;
    super::check_folder(&arguments.to)?;
    let session = Session::open(global, true)?;
    let mut imap = session.with_token(|client| client.connect_imap())?;
    imap.examine(&arguments.folder)?;
    let mut present = arguments.uids.look_up(&mut imap, &arguments.folder)?;
    for set in present.sets() {
        let copied = imap.copy(set.clone(), &arguments.to).map_err(super::unanswered)?;
        super::report_copies(out, "copied", &arguments.to, &set, copied.as_ref(), &mut present)?;
    }
    let _ = imap.logout();
    present.finish("copied")
}
