//! What special parts are for, such as signatures, reports and invitations, and which octets a signature is over.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Message, Part};
use crate::ascii::hex_value;

/// What a part is for, where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// S/MIME: a message with its signature, in one piece (RFC 8551 section 3.5.2). Body and attachments are inside.
    SignedData,
    /// S/MIME: an encrypted message (RFC 8551 section 3.3). Body and attachments are inside.
    EncryptedData,
    /// S/MIME: a compressed message, certificates, or what does not say what it is.
    SecuredData,
    /// A signature by S/MIME or PGP of the part before it.
    Signature,
    /// A message encrypted by PGP (RFC 3156 section 4).
    PgpEncrypted,
    /// `winmail.dat`: Outlook's form of a message, with its text and its attachments inside. The feature `tnef` opens it.
    Tnef,
    /// Calendar data: mostly an invitation, or the answer to one. [`calendar`](crate::calendar) reads it.
    Calendar,
    /// What became of a message that was sent (RFC 3464). [`report`](crate::report) reads it, as it does the next two.
    DeliveryStatus,
    /// What a recipient did with a message (RFC 8098).
    DispositionNotification,
    /// What a receiver saw of mail that says it is from a domain (RFC 7489 section 7.2). The feature `dmarc` reads it.
    DmarcReport,
}

impl Part<'_> {
    /// What the part is for, by its media type or its name. `None` for texts, pictures and other files.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        let content_type = self.content_type();
        let subtype = match content_type.essence.split_once('/')? {
            ("message", "delivery-status" | "global-delivery-status") => return Some(Role::DeliveryStatus),
            ("message", "disposition-notification" | "global-disposition-notification") => {
                return Some(Role::DispositionNotification);
            }
            ("text", "calendar") | ("application", "ics") => return Some(Role::Calendar),
            ("application" | "text", subtype) => subtype,
            _ => return None,
        };
        let name = self.file_name().unwrap_or_default().to_ascii_lowercase();
        // DMARC reports are called so: receiver!domain!begin!end, with an id behind that or without (RFC 7489 section 7.2.1.1).
        // So are reports of TLS, which end otherwise (RFC 8460 section 5.1).
        let is_dmarc =
            [".xml", ".gz", ".zip"].iter().any(|end| name.ends_with(end)) && !name.ends_with(".json.gz");
        if is_dmarc && name.split('!').count() >= 4 && !subtype.starts_with("tlsrpt") {
            return Some(Role::DmarcReport);
        }
        Some(match subtype {
            "ms-tnef" | "vnd.ms-tnef" | "x-ms-tnef" => Role::Tnef,
            "pkcs7-signature" | "x-pkcs7-signature" | "pgp-signature" => Role::Signature,
            "pgp-encrypted" => Role::PgpEncrypted,
            "pkcs7-mime" | "x-pkcs7-mime" => {
                let kind = content_type.parameters.get("smime-type").unwrap_or_default();
                match kind.trim().to_ascii_lowercase().as_str() {
                    "signed-data" => Role::SignedData,
                    "enveloped-data" | "authenveloped-data" => Role::EncryptedData,
                    _ => Role::SecuredData,
                }
            }
            // Gateways that do not know a type make it this one.
            "octet-stream" if name == "winmail.dat" || name == "win.dat" => Role::Tnef,
            "octet-stream" if name.ends_with(".p7m") => Role::SecuredData,
            "octet-stream" if name.ends_with(".p7s") => Role::Signature,
            "octet-stream" if name.ends_with(".ics") => Role::Calendar,
            _ => return None,
        })
    }
}

/// A signed part and its signature (RFC 1847 section 2.1).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Signed<'m, 'a> {
    /// The part that is signed. Its [`raw`](Part::raw) octets are what the signature is over.
    pub content: &'m Part<'a>,
    /// The part that holds the signature.
    pub signature: &'m Part<'a>,
    /// The `protocol` of the signature, such as `application/pgp-signature`. Empty if none is named.
    pub protocol: &'m str,
    /// The hash, such as `pgp-sha256` or `sha-256`. Empty if none is named.
    pub micalg: &'m str,
}

impl<'a> Message<'a> {
    /// The signed parts of the message, the outermost first. Verifies nothing.
    #[must_use]
    pub fn signed(&self) -> Vec<Signed<'_, 'a>> {
        let is_signed = |part: &&Part<'_>| part.content_type().essence == "multipart/signed";
        let signed = self.parts().iter().filter(is_signed).filter_map(|part| {
            let mut children = self.children(part.index());
            let parameter = |name| part.content_type().parameters.get(name).unwrap_or_default();
            Some(Signed {
                content: children.next()?,
                signature: children.next()?,
                protocol: parameter("protocol"),
                micalg: parameter("micalg"),
            })
        });
        signed.collect()
    }

    /// The part to which HTML refers by `cid:…` (RFC 2392). `id` may have `cid:` in front, and may be percent-encoded.
    #[must_use]
    pub fn by_content_id(&self, id: &str) -> Option<&Part<'a>> {
        let id = match id.get(..4) {
            Some(scheme) if scheme.eq_ignore_ascii_case("cid:") => id.get(4..).unwrap_or_default(),
            _ => id,
        };
        let decoded = percent_decoded(id);
        let is = |wanted: &str| self.parts().iter().find(|part| part.content_id() == Some(wanted));
        is(id).or_else(|| is(&decoded))
    }
}

fn percent_decoded(text: &str) -> String {
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'%', [high, low, after @ ..]) => match (hex_value(*high), hex_value(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                }
                _ => out.push(byte),
            },
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn parts_are_named_as_what_they_are() {
        let rows: &[(&str, Option<Role>)] = &[
            ("application/ms-tnef; name=winmail.dat", Some(Role::Tnef)),
            ("application/vnd.ms-tnef", Some(Role::Tnef)),
            ("application/octet-stream; name=WINMAIL.DAT", Some(Role::Tnef)),
            ("application/pkcs7-mime; smime-type=signed-data; name=smime.p7m", Some(Role::SignedData)),
            ("application/x-pkcs7-mime; smime-type=Enveloped-Data", Some(Role::EncryptedData)),
            ("application/pkcs7-mime; name=smime.p7m", Some(Role::SecuredData)),
            ("application/octet-stream; name=smime.p7m", Some(Role::SecuredData)),
            ("application/octet-stream; name=smime.p7s", Some(Role::Signature)),
            ("application/octet-stream; name=Invite.ICS", Some(Role::Calendar)),
            ("message/global-delivery-status", Some(Role::DeliveryStatus)),
            ("message/global-disposition-notification", Some(Role::DispositionNotification)),
            ("application/pkcs7-signature", Some(Role::Signature)),
            ("application/pgp-signature", Some(Role::Signature)),
            ("application/pgp-encrypted", Some(Role::PgpEncrypted)),
            ("text/calendar; method=REQUEST", Some(Role::Calendar)),
            ("application/ics; name=invite.ics", Some(Role::Calendar)),
            ("message/delivery-status", Some(Role::DeliveryStatus)),
            ("message/disposition-notification", Some(Role::DispositionNotification)),
            ("application/gzip; name=\"example.net!example.com!1\"; x*0=y", None),
            (
                "application/gzip; name*0=\"amazonses.com!example.com!1700000000!\"; name*1=\"1700086400.xml.gz\"",
                Some(Role::DmarcReport),
            ),
            ("application/zip; name=\"google.com!example.com!1!2.zip\"", Some(Role::DmarcReport)),
            ("application/tlsrpt+gzip; name=\"x.net!example.com!1!2!001.json.gz\"", None),
            ("application/gzip; name=\"x.net!example.com!1!2!001.json.gz\"", None),
            ("application/tlsrpt+gzip; name=\"x.net!example.com!1!2!001.gz\"", None),
            ("application/gzip; name=\"x.net!example.com!1!2.gz\"", Some(Role::DmarcReport)),
            ("application/zip; name=photos.zip", None),
            ("text/plain", None),
            ("image/png; name=winmail.dat", None),
        ];
        for (kind, want) in rows {
            let raw = format!("Content-Type: {kind}\n\nx");
            assert_eq!(Message::parse(raw.as_bytes()).parts()[0].role(), *want, "{kind}");
        }
    }

    #[test]
    fn what_is_signed_is_kept_to_the_octet() {
        let content = "Content-Type: multipart/mixed;\r\n  boundary=in \r\n\r\nx\r\n--in\r\nA : b\n\nhi \r\n\r\n--in--\r\n";
        let raw = format!(
            "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; micalg=pgp-sha256; boundary=b\r\n\r\n\
             --b\r\n{content}\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nsig\r\n--b--\r\n"
        );
        let message = Message::parse(raw.as_bytes());
        let signed = message.signed();
        let [signed] = signed.as_slice() else { panic!("{signed:?}") };
        assert_eq!(
            signed.content.raw().escape_ascii().to_string(),
            content.as_bytes().escape_ascii().to_string()
        );
        assert_eq!((signed.protocol, signed.micalg), ("application/pgp-signature", "pgp-sha256"));
        assert_eq!(signed.signature.bytes().as_ref(), b"sig");
        assert_eq!(message.parts()[0].raw(), raw.as_bytes());
        assert_eq!(message.parts()[2].raw(), b"A : b\n\nhi \r\n");
    }

    #[test]
    fn pictures_are_found_by_their_id() {
        let raw = b"Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n<img src='cid:a%25b@c'>\n\
            --b\nContent-Type: image/png\nContent-ID: <a%b@c>\n\nx\n--b--\n";
        let message = Message::parse(raw);
        for id in ["cid:a%25b@c", "CID:a%b@c", "a%b@c"] {
            assert_eq!(message.by_content_id(id).map(Part::index), Some(2), "{id}");
        }
        assert!(message.by_content_id("cid:a").is_none());
    }
}
