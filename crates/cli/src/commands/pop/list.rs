use std::io::Write;

use mailbearer::proto::wire::printable;
use serde_json::json;

use crate::{cli::GlobalArgs, error::Error, output::Output};

pub(super) fn run(global: &GlobalArgs, out: &mut Output<impl Write>) -> Result<(), Error> {
    let mut pop3 = super::connect(global)?;
    for entry in pop3.list()? {
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
