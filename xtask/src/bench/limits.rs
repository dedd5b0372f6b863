//! What is measured, and how much it may cost.

/// A session with an open mailbox, of which rustls has 8,600 octets; a watcher of an empty mailbox, and one of 10,000
/// messages. A thousand of the last are to take less than 40 MB, and a message at most 4 octets.
pub(super) const WAITING: [(&str, u64); 3] =
    [("session", 11_800), ("watcher", 13_600), ("watcher-10000", 27_500)];

/// The corpora, how many responses of each are counted, and the limit as a part of the better peer's cost. Ours includes all
/// that comes before and after parsing: gathering octets in a buffer, taking each response out of it, and reading it in full.
/// The peers get a full buffer, and leave what they found in vectors.
///
/// The aim is a quarter on each. What stands in the way: the end of each text is searched twice, once when its list is
/// checked and once when it is read (listing, bodystructure); each text with an escape is an allocation (quoted); short
/// lines cost more to frame than to parse (mixed).
pub(super) const CORPORA: [(&str, usize, f64); 8] = [
    ("listing", 500, 0.312),
    ("quoted", 500, 0.442),
    ("flags", 2000, 0.23),
    ("bodystructure", 500, 0.342),
    ("mixed", 2000, 0.525),
    ("body-1k", 500, f64::INFINITY),
    ("body-64k", 40, f64::INFINITY),
    ("body-1m", 4, f64::INFINITY),
];
/// The same for who builds with cargo's own profile for releases, as most do. imap-proto's many small functions are inlined
/// across crates by the profile above (fat LTO in one unit) alone, ours in either. The limits are 5 % above what is counted, as
/// the counts move by 2 % with how code falls into units.
pub(super) const USUAL: [(&str, f64); 5] =
    [("listing", 0.23), ("quoted", 0.31), ("flags", 0.19), ("bodystructure", 0.255), ("mixed", 0.41)];
/// What is done with messages, at which sizes, beside which peers, and the limit as a part of each peer's cost.
///
/// The aim is to cost less than each. Encoded names and subjects are the closest, beside mail-builder (0.995): it borrows what
/// it writes, checks nothing and makes no list of recipients, where ours owns each text and refuses what is no address. Where
/// mail-builder's user has to make that list himself (`write-sent`), ours costs 0.87.
pub(super) const MESSAGES: [(&str, &[usize], &[&str], f64); 11] = [
    ("headers", &[4_300], &["mail-parser", "mailparse"], 0.68),
    ("read", &[5_000, 50_000, 1_000_000], &["mail-parser", "mailparse"], 0.87),
    ("words", &[400], &["mail-parser", "mailparse", "rfc2047-decoder"], 0.745),
    ("base64", &[1_000_000], &["mail-parser", "mailparse"], 0.09),
    ("quoted-printable", &[64_000], &["mail-parser", "mailparse"], 0.535),
    ("write-text", &[2_000], &["mail-builder", "lettre"], 0.55),
    ("write-file", &[1_000_000], &["mail-builder", "lettre"], 1.0),
    ("write-words", &[400], &["mail-builder", "lettre"], 1.0),
    ("write-sent", &[400], &["mail-builder", "lettre"], 0.9),
    ("write-base64", &[1_000_000], &["mail-builder", "lettre"], 1.0),
    ("write-quoted", &[64_000], &["mail-builder", "lettre"], 0.95),
];
/// Messages made to cost as much as they can.
pub(super) const HOSTILE: [&str; 20] = [
    "boundaries",
    "parts",
    "fields",
    "words",
    "addresses",
    "groups",
    "comments",
    "quotes",
    "parameters",
    "sections",
    "references",
    "html-tags",
    "html-tables",
    "html-entities",
    "html-pre",
    "base64",
    "base64-line",
    "quoted-printable",
    "uuencode",
    "recipients",
];
/// How many times as much a message may cost when it is twice as long.
pub(super) const MESSAGE_GROWTH: f64 = 2.2;
pub(super) const SHAPES: [&str; 7] =
    ["stream", "numbers", "addresses", "parts", "literals", "body", "escapes"];
/// How many times as much the parser may cost at opt-level z as at 3. The aim is 1.4. At z the compiler inlines less, and
/// copies values by `rep movs`, each step of which counts as an instruction.
pub(super) const SMALLER: f64 = 1.9;
/// How many times its own size a body that is held may allocate: it is to get its memory once.
pub(super) const HELD: f64 = 1.05;
/// The limit of the client, as a part of async-imap's cost.
pub(super) const CLIENT: f64 = 0.15;
/// Instructions for each octet of a body, from the driver's buffer to the caller: a copy and a pass of memchr.
pub(super) const PER_OCTET: f64 = 0.12;
/// How many times the cost of a search for dots a message of POP3 may cost. Base64 has no dots: the rest is the copy into
/// the driver's buffer.
pub(super) const RETR_BASE64: f64 = 2.9;
/// The same for text. Each dot is looked at, and each that was doubled ends a piece.
pub(super) const RETR_TEXT: f64 = 1.55;
/// Pieces of 64 KiB in the message that is uploaded.
pub(super) const UPLOADED: usize = 64;
/// How many times the work of rustls alone an upload may be; it is 1.05. The rest is one more copy, from the caller's piece
/// into the send buffer. In processor time it weighs more than in instructions, since it goes through the second cache: 1.1
/// to 1.2, by the program `upload` on two busy cores.
pub(super) const UPLOAD: f64 = 1.07;
/// How many times as much twice the octets may cost.
pub(super) const GROWTH: f64 = 2.1;
