use alloc::string::String;
use std::format;

use super::*;
use crate::{Data, Item};

fn parse(input: &[u8]) -> Result<Response<'_>, ParseError> {
    parse_response(input, &Limits::default(), &Quirks::default())
}

/// The response as its debug output, which is the same for equal responses and names every field.
fn shown(input: &str) -> String {
    match parse(input.as_bytes()) {
        Ok(response) => format!("{response:?}"),
        Err(error) => format!("{error}"),
    }
}

#[test]
fn smoke() {
    for line in [
        "* CAPABILITY STARTTLS AUTH=GSSAPI IMAP4rev2\r\n",
        "* OK [UIDVALIDITY 3857529045] UIDs valid\r\n",
        "* LIST (\\Noselect) \"/\" ~/Mail/foo\r\n",
        "* 12 FETCH (FLAGS (\\Seen) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 4286 ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev2 WG mtg summary and minutes\" ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((NIL NIL \"imap\" \"cac.washington.edu\")) ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL \"<B27397-0100000@cac.washington.edu>\") BODY (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3028 92))\r\n",
    ] {
        std::println!("{}", shown(line));
        assert!(parse(line.as_bytes()).is_ok(), "{line}");
    }
    for size in [
        size_of::<Item<'_>>(),
        size_of::<Data<'_>>(),
        size_of::<crate::BodyStructure<'_>>(),
        size_of::<crate::Envelope<'_>>(),
    ] {
        std::println!("{size}");
    }
}
