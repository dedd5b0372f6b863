use std::io::Write;

use mailbearer::proto::wire::printable;
use serde_json::json;

use crate::{
    cli::GlobalArgs,
    error::Error,
    output::{self, Output},
};

pub(super) fn run(global: &GlobalArgs, out: &mut Output<impl Write>) -> Result<(), Error> {
    let (pop3, entries) = super::begun(super::connect(global)?, |pop3| Ok(pop3.list()?))?;
    if !entries.is_empty() && entries.iter().all(|entry| entry.uid.is_none()) {
        output::warning(
            "the server tells no unique ids: name messages by --number, which holds for one session",
        );
    }
    for entry in entries {
        if out.is_json() {
            out.json(&json!({ "number": entry.number, "octets": entry.octets, "uid": entry.uid }))?;
        } else {
            let octets = entry.octets.map_or_else(|| "-".to_owned(), |octets| octets.to_string());
            let uid = entry.uid.unwrap_or_else(|| "-".to_owned());
            out.line(&format!("{:>7}  {octets:>10}  {}", entry.number, printable(&uid)))?;
        }
    }
    // The list is printed. If the goodbye fails, the command does not.
    let _ = pop3.quit();
    out.flush()
}
