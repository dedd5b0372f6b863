//! Shows the parts of a message as a tree.

use mailbearer::Part;
use serde_json::json;

/// A line of the tree.
pub(crate) fn line(part: &Part) -> String {
    let mut words = vec![part.media_type.clone()];
    words.extend(part.charset.clone());
    words.extend(Some(part.encoding.clone()).filter(|encoding| !encoding.is_empty()));
    words.extend(part.octets.map(|octets| format!("{octets} octets")));
    words.extend(part.disposition.clone());
    words.extend(part.name.as_ref().map(|name| format!("{name:?}")));
    format!("{:<9} {}{}", dotted(&part.number), "  ".repeat(part.depth), words.join("  "))
}

pub(crate) fn object(part: &Part) -> serde_json::Value {
    json!({
        "part": if part.number.is_empty() { None } else { Some(dotted(&part.number)) },
        "type": part.media_type,
        "charset": part.charset,
        "encoding": Some(&part.encoding).filter(|encoding| !encoding.is_empty()),
        "octets": part.octets,
        "disposition": part.disposition,
        "name": part.name,
    })
}

pub(crate) fn dotted(number: &[u32]) -> String {
    number.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use mailbearer::proto::imap::{Data, Frame, Response};

    use super::*;

    fn shown(structure: &str) -> Vec<String> {
        let frame = Frame::from(format!("* 1 FETCH (BODYSTRUCTURE {structure})\r\n").into_bytes());
        let Ok(Response::Untagged(Data::Fetch(fetch))) = frame.response() else { panic!("{structure}") };
        Part::all(&fetch.items).unwrap().iter().map(line).collect()
    }

    const TEXT: &str = "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"UTF-8\") NIL NIL \"QUOTED-PRINTABLE\" 12 1)";

    #[test]
    fn parts_are_numbered_as_they_are_fetched() {
        assert_eq!(shown(TEXT), ["1         text/plain  utf-8  quoted-printable  12 octets"]);
        let both = shown(&format!("{TEXT}({TEXT}{TEXT} \"MIXED\")"));
        // The first structure has no section number of its own: it is shown, and can't be fetched by one.
        assert_eq!(
            (both.len(), both[0].as_str()),
            (4, "          text/plain  utf-8  quoted-printable  12 octets")
        );
        assert_eq!(both[2], "1           text/plain  utf-8  quoted-printable  12 octets");
        let pdf = "(\"application\" \"pdf\" (\"name*\" \"utf-8''Bericht%20f%C3%BCr%20Ann.pdf\") NIL NIL \"base64\" 99 NIL \
                   (\"attachment\" (\"filename\" \"=?utf-8?q?a=22b?=\")) NIL)";
        let envelope = "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)";
        let alternative = format!("({TEXT}{TEXT} \"ALTERNATIVE\")");
        let message =
            |inner: &str| format!("(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 500 {envelope} {inner} 9)");
        let all = format!("({alternative}{pdf}{}{} \"MIXED\")", message(TEXT), message(&alternative));
        assert_eq!(
            shown(&all),
            [
                "          multipart/mixed",
                "1           multipart/alternative",
                "1.1           text/plain  utf-8  quoted-printable  12 octets",
                "1.2           text/plain  utf-8  quoted-printable  12 octets",
                "2           application/pdf  base64  99 octets  attachment  \"a\\\"b\"",
                "3           message/rfc822  7bit  500 octets",
                "3.1           text/plain  utf-8  quoted-printable  12 octets",
                "4           message/rfc822  7bit  500 octets",
                "              multipart/alternative",
                "4.1             text/plain  utf-8  quoted-printable  12 octets",
                "4.2             text/plain  utf-8  quoted-printable  12 octets",
            ]
        );
        let unnamed = pdf.replace("\"attachment\" (\"filename\" \"=?utf-8?q?a=22b?=\")", "\"inline\" NIL");
        assert!(shown(&unnamed)[0].ends_with("inline  \"Bericht für Ann.pdf\""), "{:?}", shown(&unnamed));
    }
}
