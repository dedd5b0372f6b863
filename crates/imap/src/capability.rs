use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt;

use crate::Atom;

/// Writes [`Capability`] and the conversions from and to its word from one table.
macro_rules! capabilities {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Something that a server can do (RFC 9051 section 7.2.2).
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Capability<'a> {
            $($(#[$doc])* $variant,)*
            /// `AUTH=…`: a SASL mechanism.
            Auth(Atom<'a>),
            /// `APPENDLIMIT`, with a number of octets if all mailboxes have the same limit (RFC 7889).
            AppendLimit(Option<u64>),
            /// Any other.
            Other(Atom<'a>),
        }

        const KNOWN: &[(&str, Capability<'static>)] = &[$(($name, Capability::$variant),)*];

        impl Capability<'_> {
            /// Returns the same capability with memory of its own.
            #[must_use]
            pub fn into_owned(self) -> Capability<'static> {
                match self {
                    $(Self::$variant => Capability::$variant,)*
                    Self::Auth(mechanism) => Capability::Auth(mechanism.into_owned()),
                    Self::AppendLimit(limit) => Capability::AppendLimit(limit),
                    Self::Other(name) => Capability::Other(name.into_owned()),
                }
            }

            /// Returns the word that is sent.
            #[must_use]
            pub fn name(&self) -> Cow<'_, str> {
                match self {
                    $(Self::$variant => Cow::Borrowed($name),)*
                    Self::Auth(mechanism) => Cow::Owned(alloc::format!("AUTH={mechanism}")),
                    Self::AppendLimit(None) => Cow::Borrowed("APPENDLIMIT"),
                    Self::AppendLimit(Some(limit)) => Cow::Owned(alloc::format!("APPENDLIMIT={limit}")),
                    Self::Other(name) => name.to_text(),
                }
            }
        }
    };
}

capabilities! {
    /// RFC 3501.
    Imap4Rev1 = "IMAP4rev1",
    /// RFC 9051.
    Imap4Rev2 = "IMAP4rev2",
    /// STARTTLS.
    StartTls = "STARTTLS",
    /// The server refuses LOGIN.
    LoginDisabled = "LOGINDISABLED",
    /// AUTHENTICATE with initial response (RFC 4959).
    SaslIr = "SASL-IR",
    /// The client sends literals without waiting for the server (RFC 7888).
    LiteralPlus = "LITERAL+",
    /// The same, up to 4096 octets (RFC 7888).
    LiteralMinus = "LITERAL-",
    /// RFC 2177.
    Idle = "IDLE",
    /// RFC 2971.
    Id = "ID",
    /// RFC 2342.
    Namespace = "NAMESPACE",
    /// RFC 4315.
    UidPlus = "UIDPLUS",
    /// RFC 6851.
    Move = "MOVE",
    /// RFC 3691.
    Unselect = "UNSELECT",
    /// RFC 3348.
    Children = "CHILDREN",
    /// RFC 6154.
    SpecialUse = "SPECIAL-USE",
    /// RFC 6154.
    CreateSpecialUse = "CREATE-SPECIAL-USE",
    /// RFC 5258.
    ListExtended = "LIST-EXTENDED",
    /// RFC 5819.
    ListStatus = "LIST-STATUS",
    /// RFC 8438.
    StatusSize = "STATUS=SIZE",
    /// RFC 5161.
    Enable = "ENABLE",
    /// RFC 6855.
    Utf8Accept = "UTF8=ACCEPT",
    /// RFC 6855.
    Utf8Only = "UTF8=ONLY",
    /// RFC 7162.
    CondStore = "CONDSTORE",
    /// RFC 7162.
    QResync = "QRESYNC",
    /// RFC 4731.
    ESearch = "ESEARCH",
    /// RFC 5182.
    SearchRes = "SEARCHRES",
    /// RFC 5256.
    Sort = "SORT",
    /// RFC 5957.
    SortDisplay = "SORT=DISPLAY",
    /// RFC 5256.
    ThreadReferences = "THREAD=REFERENCES",
    /// RFC 5256.
    ThreadOrderedSubject = "THREAD=ORDEREDSUBJECT",
    /// RFC 5267.
    ESort = "ESORT",
    /// RFC 9208.
    Quota = "QUOTA",
    /// RFC 4314.
    Acl = "ACL",
    /// RFC 5464.
    Metadata = "METADATA",
    /// RFC 5464.
    MetadataServer = "METADATA-SERVER",
    /// RFC 3516.
    Binary = "BINARY",
    /// RFC 3502.
    MultiAppend = "MULTIAPPEND",
    /// RFC 4469.
    Catenate = "CATENATE",
    /// RFC 8474.
    ObjectId = "OBJECTID",
    /// RFC 8970.
    Preview = "PREVIEW",
    /// RFC 8514.
    SaveDate = "SAVEDATE",
    /// RFC 8508.
    Replace = "REPLACE",
    /// RFC 9394.
    Partial = "PARTIAL",
    /// RFC 9586.
    UidOnly = "UIDONLY",
    /// RFC 5465.
    Notify = "NOTIFY",
    /// RFC 5032.
    Within = "WITHIN",
    /// RFC 5255.
    Language = "LANGUAGE",
    /// RFC 8437.
    Unauthenticate = "UNAUTHENTICATE",
    /// RFC 4978.
    CompressDeflate = "COMPRESS=DEFLATE",
    /// Gmail's extensions.
    GmailExt1 = "X-GM-EXT-1",
    /// LIST with special uses, from before RFC 6154.
    XList = "XLIST",
}

impl<'a> Capability<'a> {
    /// Whether commands may be written in UTF-8 once this is enabled (RFC 6855 section 3, RFC 9051 section 6.3.1).
    pub(crate) const fn brings_utf8(&self) -> bool {
        matches!(self, Self::Utf8Accept | Self::Imap4Rev2)
    }

    pub(crate) fn of(word: &'a [u8]) -> Self {
        let (key, mechanism) = word.split_at_checked(5).unwrap_or((word, b""));
        if key.eq_ignore_ascii_case(b"AUTH=") {
            return Self::Auth(Atom::of(mechanism));
        }
        // Servers nearly always write the word in exactly this case, and a plain comparison takes eight octets at once.
        let exact = || KNOWN.iter().find(|(name, _)| word == name.as_bytes());
        let known =
            exact().or_else(|| KNOWN.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes())));
        if let Some((_, capability)) = known {
            return capability.clone();
        }
        let (name, value) = word.split_at_checked(11).unwrap_or((word, b""));
        if name.eq_ignore_ascii_case(b"APPENDLIMIT") {
            if value.is_empty() {
                return Self::AppendLimit(None);
            }
            let digits = value.strip_prefix(b"=").and_then(|digits| core::str::from_utf8(digits).ok());
            if let Some(limit) = digits.and_then(|digits| digits.parse().ok()) {
                return Self::AppendLimit(Some(limit));
            }
        }
        Self::Other(Atom::of(word))
    }
}

impl fmt::Display for Capability<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// What a server said it can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(Vec<Capability<'static>>);

impl Capabilities {
    /// Keeps the first `limit` of those that the server lists.
    pub fn of<'a>(listed: impl IntoIterator<Item = Capability<'a>>, limit: usize) -> Self {
        Self(listed.into_iter().take(limit).map(Capability::into_owned).collect())
    }

    /// Returns whether `capability` is among them.
    #[must_use]
    pub fn has(&self, capability: &Capability<'_>) -> bool {
        self.0.contains(capability)
    }

    /// Returns whether the server offers the SASL mechanism of this name, in any case.
    #[must_use]
    pub fn has_auth(&self, mechanism: &str) -> bool {
        self.mechanisms().any(|offered| offered.eq_ignore_ascii_case(mechanism))
    }

    /// Returns the names of the SASL mechanisms that the server offers.
    pub fn mechanisms(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().filter_map(|capability| match capability {
            Capability::Auth(mechanism) => Some(mechanism.to_text().into_owned()),
            _ => None,
        })
    }

    /// Iterates over all of them in the server's order.
    pub fn iter(&self) -> impl Iterator<Item = &Capability<'static>> + '_ {
        self.0.iter()
    }

    /// Returns whether none is known: the server has not listed any, or STARTTLS made the session forget them.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn words_become_capabilities_and_words_again() {
        let rows: &[(&str, Capability<'_>)] = &[
            ("IMAP4rev1", Capability::Imap4Rev1),
            ("LITERAL+", Capability::LiteralPlus),
            ("AUTH=XOAUTH2", Capability::Auth(Atom::of(b"XOAUTH2"))),
            ("APPENDLIMIT", Capability::AppendLimit(None)),
            ("APPENDLIMIT=35651584", Capability::AppendLimit(Some(35_651_584))),
            ("APPENDLIMIT=x", Capability::Other(Atom::of(b"APPENDLIMIT=x"))),
            ("XAPPLEPUSHSERVICE", Capability::Other(Atom::of(b"XAPPLEPUSHSERVICE"))),
        ];
        for (word, want) in rows {
            assert_eq!(&Capability::of(word.as_bytes()), want, "{word}");
            assert_eq!(&Capability::of(word.to_ascii_lowercase().as_bytes()), want, "{word} in lower case");
            assert_eq!(want.to_string(), *word);
        }
        for (name, capability) in KNOWN {
            assert_eq!(&Capability::of(name.as_bytes()), capability);
        }
    }

    #[test]
    fn a_set_keeps_no_more_than_its_limit() {
        let words = [Capability::of(b"IMAP4REV1"), Capability::of(b"auth=xoauth2"), Capability::Idle];
        let set = Capabilities::of(words.clone(), 3);
        assert!(set.has(&Capability::Imap4Rev1) && set.has_auth("XOAUTH2") && set.has(&Capability::Idle));
        assert!(!set.has_auth("PLAIN"));
        assert!(!Capabilities::of(words, 2).has(&Capability::Idle));
    }
}
