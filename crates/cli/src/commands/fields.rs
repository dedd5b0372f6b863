//! What `send --header` adds. Some fields have a form that readers look for, and are set by what they say.

use mailbearer::{Message, proto::mime::compose::Priority};

use crate::error::Error;

/// Adds the fields `NAME: TEXT`.
pub(super) fn add(mut message: Message, fields: &[String]) -> Result<Message, Error> {
    let (mut parent, mut thread) = (None, None);
    let (mut leave, mut one_click) = (None, None);
    for field in fields {
        let wrong = |what: &str| Error::usage(format!("--header {field:?}: {what}")).hint(A_FIELD);
        let (name, text) = field.split_once(':').ok_or_else(|| {
            Error::usage(format!("--header {field:?}: no colon")).hint("as in --header 'X-Ticket: 7'")
        })?;
        if field.contains(['\r', '\n', '\0']) {
            return Err(wrong("line break or NUL"));
        }
        let (name, text) = (name.trim(), text.trim());
        let once = |place: &mut Option<String>| match place.replace(text.to_owned()) {
            Some(_) => Err(wrong("a message has this field once")),
            None => Ok(()),
        };
        match name.to_ascii_lowercase().as_str() {
            "in-reply-to" if !is_id(text) => {
                return Err(wrong("not the id of one message, as <1@example.org>"));
            }
            "references" if !text.split_whitespace().all(is_id) => {
                return Err(wrong("not ids of messages, as <1@example.org> <2@example.org>"));
            }
            "list-unsubscribe-post" if text != ONE_CLICK => {
                return Err(wrong("it says List-Unsubscribe=One-Click, or is not there"));
            }
            "in-reply-to" => once(&mut parent)?,
            "references" => once(&mut thread)?,
            "list-unsubscribe" => once(&mut leave)?,
            "list-unsubscribe-post" => once(&mut one_click)?,
            "importance" | "x-priority" => {
                let word = text.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
                message = match word.as_str() {
                    "high" | "1" | "2" => message.priority(Priority::High),
                    "low" | "4" | "5" => message.priority(Priority::Low),
                    "normal" | "3" => message,
                    _ => return Err(wrong("not high, normal or low, nor a number from 1 to 5")),
                };
            }
            _ => message = message.header(name, text),
        }
    }
    message = match (parent, thread) {
        (Some(parent), thread) => message.in_reply_to(&parent, thread.unwrap_or_default().split_whitespace()),
        (None, Some(_)) => return Err(Error::usage("--header References needs one In-Reply-To beside it")),
        (None, None) => message,
    };
    match (leave, one_click) {
        (Some(leave), one_click) => {
            let uris = leave.split(',').map(|uri| uri.trim().trim_start_matches('<').trim_end_matches('>'));
            Ok(message.list_unsubscribe(uris, one_click.is_some()))
        }
        (None, Some(_)) => {
            Err(Error::usage("--header List-Unsubscribe-Post needs one List-Unsubscribe beside it"))
        }
        (None, None) => Ok(message),
    }
}

/// How a name that can't be given, or a text that it can't have, is mended.
pub(super) const A_FIELD: &str =
    "as in --header 'X-Ticket: 7'; what a message is made of has options, or is made here";

const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

fn is_id(text: &str) -> bool {
    let id = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
    id.is_some_and(|id| {
        id.contains('@') && id.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte))
    })
}
