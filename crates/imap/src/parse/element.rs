//! Elements that several kinds of responses have.

use super::{
    Context, Res, fail, overlook,
    scan::{astring, nil},
};
use crate::Mailbox;

/// `DQUOTE QUOTED-CHAR DQUOTE / nil`
pub(super) fn delimiter<'a>(cx: Context<'_>, input: &'a [u8]) -> Res<'a, Option<u8>> {
    match input {
        [b'"', b'\\', delimiter, b'"', rest @ ..] | [b'"', delimiter, b'"', rest @ ..] => {
            Ok((rest, Some(*delimiter)))
        }
        [b'"', b'"', rest @ ..] => overlook(cx.quirks.wrong_nil, input, "QUOTED-CHAR").map(|()| (rest, None)),
        [delimiter @ b'!'..=b'~', b' ', ..] => {
            overlook(cx.quirks.unquoted_name, input, "QUOTED-CHAR")?;
            Ok((input.get(1..).unwrap_or_default(), Some(*delimiter)))
        }
        _ => nil(input).map(|(rest, ())| (rest, None)),
    }
}

/// `mailbox = "INBOX" / astring`
pub(super) fn mailbox(input: &[u8]) -> Res<'_, Mailbox<'_>> {
    let (rest, name) = astring(input)?;
    Mailbox::try_from(name).map_or_else(|_| fail(input, "mailbox"), |mailbox| Ok((rest, mailbox)))
}
