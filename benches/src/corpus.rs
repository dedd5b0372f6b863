//! Responses as real servers send them, the same ones on every run.

/// A kind of responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corpus {
    /// UID, FLAGS, INTERNALDATE, RFC822.SIZE and ENVELOPE, about 600 octets: what `list` and `watch` ask for.
    Listing,
    /// A listing of messages whose subjects and names are full of quotes and backslashes.
    Quoted,
    /// UID and FLAGS: what `watch` asks for to find its place again, and `flag`.
    Flags,
    /// A UID and a BODYSTRUCTURE each, multiparts in multiparts, some with a message inside: what
    /// `fetch --structure` asks for.
    BodyStructure,
    /// LIST, STATUS, SEARCH, CAPABILITY, FLAGS, EXISTS, status responses with and without codes.
    Mixed,
    /// A body of 1 kB each.
    Body1K,
    /// A body of 64 kB each.
    Body64K,
    /// A body of 1 MB each.
    Body1M,
}

impl Corpus {
    pub const ALL: [Self; 8] = [
        Self::Listing,
        Self::Quoted,
        Self::Flags,
        Self::BodyStructure,
        Self::Mixed,
        Self::Body1K,
        Self::Body64K,
        Self::Body1M,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Listing => "listing",
            Self::Quoted => "quoted",
            Self::Flags => "flags",
            Self::BodyStructure => "bodystructure",
            Self::Mixed => "mixed",
            Self::Body1K => "body-1k",
            Self::Body64K => "body-64k",
            Self::Body1M => "body-1m",
        }
    }

    /// How many responses make an exact count of instructions: few, for a simulated processor is slow.
    pub const fn sample(self) -> usize {
        match self {
            Self::Listing | Self::Quoted | Self::BodyStructure => 500,
            Self::Flags | Self::Mixed => 2000,
            Self::Body1K => 500,
            Self::Body64K => 40,
            Self::Body1M => 4,
        }
    }

    /// How many responses are timed.
    pub const fn timed(self) -> usize {
        match self {
            Self::Listing => 10_000,
            Self::Quoted | Self::Flags | Self::BodyStructure | Self::Mixed | Self::Body1K => 2000,
            Self::Body64K => 100,
            Self::Body1M => 8,
        }
    }

    /// The octets of `count` responses.
    pub fn octets(self, count: usize) -> Vec<u8> {
        let mut random = Random(0x5eed_0000 + self as u64);
        let mut out = Vec::new();
        for number in 1..=count {
            match self {
                Self::Listing => out.extend(listing(&mut random, number, false).bytes()),
                Self::Quoted => out.extend(listing(&mut random, number, true).bytes()),
                Self::Flags => {
                    let (uid, flags) = (4000 + number * 3, flags(&mut random));
                    out.extend(format!("* {number} FETCH (UID {uid} FLAGS ({flags}))\r\n").bytes());
                }
                Self::BodyStructure => {
                    let uid = 4000 + number * 3;
                    let structure = structure(&mut random);
                    out.extend(format!("* {number} FETCH (UID {uid} BODYSTRUCTURE {structure})\r\n").bytes());
                }
                Self::Mixed => out.extend(mixed(&mut random).bytes()),
                Self::Body1K => body(&mut random, number, 1 << 10, &mut out),
                Self::Body64K => body(&mut random, number, 64 << 10, &mut out),
                Self::Body1M => body(&mut random, number, 1 << 20, &mut out),
            }
        }
        out
    }
}

/// One shape of input that can be made as long as one likes: work on it must grow no faster than it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growing {
    /// Many responses.
    Stream,
    /// One SEARCH of many numbers.
    Numbers,
    /// One ENVELOPE with many addresses.
    Addresses,
    /// One BODYSTRUCTURE with many parts.
    Parts,
    /// One FETCH with many literals.
    Literals,
    /// One FETCH with a large literal.
    Body,
    /// One subject with many escapes.
    Escapes,
}

impl Growing {
    pub const ALL: [Self; 7] = [
        Self::Stream,
        Self::Numbers,
        Self::Addresses,
        Self::Parts,
        Self::Literals,
        Self::Body,
        Self::Escapes,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Numbers => "numbers",
            Self::Addresses => "addresses",
            Self::Parts => "parts",
            Self::Literals => "literals",
            Self::Body => "body",
            Self::Escapes => "escapes",
        }
    }

    /// About `size` octets.
    pub fn octets(self, size: usize) -> Vec<u8> {
        let fetch = |items: String| format!("* 1 FETCH ({items})\r\n").into_bytes();
        match self {
            Self::Stream => Corpus::Listing.octets(size / 600),
            Self::Numbers => format!("* SEARCH{}\r\n", " 123456".repeat(size / 7)).into_bytes(),
            Self::Addresses => {
                let to = "(\"Ann Example\" NIL \"ann\" \"example.org\")".repeat(size / 39);
                fetch(format!("ENVELOPE (NIL NIL NIL NIL NIL ({to}) NIL NIL NIL NIL)"))
            }
            Self::Parts => {
                let part =
                    "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"UTF-8\") NIL NIL \"7BIT\" 200 5 NIL NIL NIL NIL)";
                fetch(format!("BODYSTRUCTURE ({} \"MIXED\" NIL NIL NIL NIL)", part.repeat(size / part.len())))
            }
            Self::Literals => {
                let items: Vec<_> =
                    (1..=size / 24).map(|part| format!("BODY[{part}] {{5}}\r\nhello")).collect();
                fetch(items.join(" "))
            }
            Self::Body => fetch(format!("BODY[] {{{size}}}\r\n{}", "x".repeat(size))),
            Self::Escapes => {
                let subject = "\\\"".repeat(size / 2);
                fetch(format!("ENVELOPE (NIL \"{subject}\" NIL NIL NIL NIL NIL NIL NIL NIL)"))
            }
        }
    }
}

/// Numbers from a seed (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: usize) -> Self {
        Self(u64::try_from(seed).unwrap())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

const FIRST: &[&str] = &[
    "Anna",
    "Björn",
    "Chloé",
    "Dmitri",
    "Elena",
    "François",
    "Grace",
    "Hiroshi",
    "Ingrid",
    "José",
    "Katarzyna",
    "Liam",
    "Mei",
    "Nadia",
    "Olu",
    "Petra",
    "Quentin",
    "Rosa",
    "Søren",
    "Tomáš",
    "Uma",
    "Viktor",
    "Wei",
    "Zoë",
];
const LAST: &[&str] = &[
    "Andersson",
    "Brown",
    "Chen",
    "Dubois",
    "Eriksen",
    "Fischer",
    "García",
    "Hansen",
    "Ivanova",
    "Jones",
    "Kowalski",
    "Lopez",
    "Müller",
    "Nakamura",
    "O'Brien",
    "Papadopoulos",
    "Rossi",
    "Schmidt",
    "Tanaka",
    "Varga",
];
const DOMAINS: &[&str] = &[
    "example.com",
    "example.org",
    "mail.example.net",
    "contoso.example",
    "dept.uni.example",
    "fabrikam.example",
    "list.project.example",
    "gmail.example",
    "northwind.example",
];
const WORDS: &[&str] = &[
    "report",
    "quarterly",
    "meeting",
    "minutes",
    "invoice",
    "Rechnung",
    "order",
    "confirmation",
    "weekly",
    "status",
    "update",
    "draft",
    "budget",
    "réunion",
    "planning",
    "release",
    "notes",
    "question",
    "about",
    "the",
    "new",
    "server",
    "migration",
    "holiday",
    "schedule",
    "für",
    "contract",
    "reminder",
    "请查收",
    "発注書",
];
const DAYS: &[&str] = &["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: &[&str] = &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const ZONES: &[&str] = &["+0000", "-0700 (PDT)", "+0100", "+0900", "-0500", "+0530"];

fn date(random: &mut Random) -> String {
    format!(
        "{}, {} {} {} {:02}:{:02}:{:02} {}",
        random.of(DAYS),
        1 + random.below(28),
        random.of(MONTHS),
        2019 + random.below(7),
        random.below(24),
        random.below(60),
        random.below(60),
        random.of(ZONES),
    )
}

/// A quoted string; what is not ASCII becomes an encoded word of RFC 2047.
fn quoted(text: &str) -> String {
    if !text.is_ascii() {
        return format!("\"=?UTF-8?B?{}?=\"", base64(text.as_bytes()));
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn base64(octets: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in octets.chunks(3) {
        let group = three.iter().fold(0_usize, |group, octet| group << 8 | usize::from(*octet))
            << (8 * (3 - three.len()));
        for digit in 0..4 {
            let known = digit <= three.len();
            out.push(if known { char::from(DIGITS[group >> (18 - 6 * digit) & 63]) } else { '=' });
        }
    }
    out
}

fn ascii(name: &str) -> String {
    name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect()
}

fn address(random: &mut Random) -> String {
    let (first, last) = (random.of(FIRST), random.of(LAST));
    let mailbox = match random.below(3) {
        0 => format!("{}.{}", ascii(first), ascii(last)),
        1 => ascii(first),
        _ => format!("{}{}", &ascii(first)[..1], ascii(last)),
    };
    let name = match random.below(5) {
        0 => "NIL".to_owned(),
        1 => quoted(&format!("{last}, {first}")),
        _ => quoted(&format!("{first} {last}")),
    };
    format!("({name} NIL \"{mailbox}\" \"{}\")", random.of(DOMAINS))
}

fn addresses(random: &mut Random, count: usize) -> String {
    (0..count).map(|_| address(random)).collect()
}

fn message_id(random: &mut Random) -> String {
    let (left, host) = (random.next(), random.of(DOMAINS));
    if random.once_in(2) {
        format!("\"<{left:016x}@{host}>\"")
    } else {
        format!("\"<CA{left:020}.{}@{host}>\"", random.below(9999))
    }
}

fn subject(random: &mut Random) -> String {
    let count = 2 + random.below(6);
    let words: Vec<_> = (0..count).map(|_| random.of(WORDS)).collect();
    let reply = if random.once_in(3) { "Re: " } else { "" };
    // Now and then with escapes in it.
    let text = if random.once_in(25) { format!("\"{}\"", words.join(" ")) } else { words.join(" ") };
    quoted(&format!("{reply}{text}"))
}

/// One line of the answer to the FETCH of a listing.
fn listing(random: &mut Random, number: usize, escaped: bool) -> String {
    let (uid, size, flags) = (4000 + number * 3, 900 + random.below(90_000), flags(random));
    let (day, hour) = (1 + random.below(28), random.below(24));
    let arrived = format!("{day:2}-{}-{} {hour:02}:15:42 +0100", random.of(MONTHS), 2019 + random.below(7));
    let envelope = if escaped { escaped_envelope(random) } else { envelope(random) };
    format!(
        "* {number} FETCH (UID {uid} FLAGS ({flags}) INTERNALDATE \"{arrived}\" RFC822.SIZE {size} ENVELOPE {envelope})\r\n"
    )
}

fn flags(random: &mut Random) -> &'static str {
    random.of(&["\\Seen", "\\Seen", "", "\\Answered \\Seen", "\\Flagged \\Seen $Forwarded", "\\Recent"])
}

/// As [`envelope`], but what a person wrote is in quotes and has a path of Windows in it.
fn escaped_envelope(random: &mut Random) -> String {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let words: Vec<_> = (0..3 + random.below(5)).map(|_| format!("\"{}\"", random.of(&WORDS[..9]))).collect();
    let subject = escaped(&format!("\\\\files\\{}", words.join(" ")));
    let (host, id) = (random.of(DOMAINS), message_id(random));
    let name = escaped(&format!(
        "\"{}\" {}",
        random.of(&["Anna", "Liam", "Rosa"]),
        random.of(&["Brown", "Chen", "Rossi"])
    ));
    let person = format!("((\"{name}\" NIL \"desk\" \"{host}\"))");
    format!("(\"{}\" \"{subject}\" {person} {person} {person} {person} NIL NIL NIL {id})", date(random))
}

fn envelope(random: &mut Random) -> String {
    let (date, subject, from) = (date(random), subject(random), address(random));
    let reply_to = if random.once_in(8) { address(random) } else { from.clone() };
    let recipients = if random.once_in(4) { 2 + random.below(3) } else { 1 };
    let to = addresses(random, recipients);
    let cc = if random.once_in(5) { format!("({})", addresses(random, 1)) } else { "NIL".to_owned() };
    let in_reply_to = if random.once_in(3) { message_id(random) } else { "NIL".to_owned() };
    let id = message_id(random);
    format!("(\"{date}\" {subject} ({from}) ({from}) ({reply_to}) ({to}) {cc} NIL {in_reply_to} {id})")
}

fn structure(random: &mut Random) -> String {
    let boundary = format!("----=_Part_{:x}", random.next());
    let mixed = format!("\"MIXED\" (\"BOUNDARY\" \"{boundary}\") NIL NIL NIL");
    match random.below(4) {
        0 => alternative(random, false),
        1 => format!("({}{}{} {mixed})", alternative(random, true), attachment(random), attachment(random)),
        2 => {
            let (envelope, inner) = (envelope(random), alternative(random, false));
            let (octets, lines) = (2000 + random.below(90_000), 40 + random.below(900));
            let message = format!(
                "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" {octets} {envelope} {inner} {lines} NIL (\"INLINE\" NIL) NIL NIL)"
            );
            format!("({}{message} {mixed})", text(random, "PLAIN"))
        }
        _ => format!("({}{} {mixed})", alternative(random, true), attachment(random)),
    }
}

fn text(random: &mut Random, subtype: &str) -> String {
    let encoding = random.of(&["7BIT", "QUOTED-PRINTABLE", "BASE64", "8BIT"]);
    let (octets, lines) = (100 + random.below(20_000), 3 + random.below(400));
    format!(
        "(\"TEXT\" \"{subtype}\" (\"CHARSET\" \"UTF-8\") NIL NIL \"{encoding}\" {octets} {lines} NIL NIL NIL NIL)"
    )
}

fn alternative(random: &mut Random, with_image: bool) -> String {
    let boundary = format!("=_alt_{:016x}", random.next());
    let html = if with_image {
        let (id, octets) = (random.next(), 1000 + random.below(50_000));
        let image = format!(
            "(\"IMAGE\" \"PNG\" (\"NAME\" \"logo.png\") \"<{id:x}@example.com>\" NIL \"BASE64\" {octets} NIL (\"INLINE\" (\"FILENAME\" \"logo.png\")) NIL NIL)"
        );
        format!(
            "({}{image} \"RELATED\" (\"BOUNDARY\" \"=_rel_{id:x}\" \"TYPE\" \"text/html\") NIL NIL NIL)",
            text(random, "HTML")
        )
    } else {
        text(random, "HTML")
    };
    format!(
        "({}{html} \"ALTERNATIVE\" (\"BOUNDARY\" \"{boundary}\") NIL (\"EN\") NIL)",
        text(random, "PLAIN")
    )
}

fn attachment(random: &mut Random) -> String {
    let (kind, ending) =
        [("PDF", "pdf"), ("ZIP", "zip"), ("VND.MS-EXCEL", "xls"), ("OCTET-STREAM", "bin")][random.below(4)];
    let (word, other, octets) = (random.of(&WORDS[..13]), random.below(100), 5000 + random.below(4_000_000));
    let file = format!("{word}-{other}.{ending}");
    format!(
        "(\"APPLICATION\" \"{kind}\" (\"NAME\" \"{file}\") NIL \"Attachment {other}\" \"BASE64\" {octets} NIL (\"ATTACHMENT\" (\"FILENAME\" \"{file}\" \"SIZE\" \"{octets}\")) NIL NIL)"
    )
}

fn mixed(random: &mut Random) -> String {
    let folder = [
        "INBOX",
        "Archive",
        "\"Sent Items\"",
        "\"Deleted Items\"",
        "Entw&APw-rfe",
        "\"[Gmail]/All Mail\"",
        "Archive/2024",
    ][random.below(7)];
    let number = 1 + random.below(50_000);
    match random.below(14) {
        0 => format!("* LIST (\\HasNoChildren) \"/\" {folder}\r\n"),
        1 => format!("* LIST (\\HasChildren \\Marked) \"/\" {folder}\r\n"),
        2 => format!("* LIST (\\HasNoChildren \\Trash) \".\" {folder}\r\n"),
        3 => format!("* STATUS {folder} (MESSAGES {number} UIDNEXT {} UNSEEN {})\r\n", number + 7, random.below(100)),
        4 => format!("* STATUS {folder} (MESSAGES {number} RECENT 0 UIDNEXT {} UIDVALIDITY 1612137600 UNSEEN 3)\r\n", number * 2),
        5 => {
            let count = 1 + random.below(40);
            let numbers: String = (0..count).map(|at| format!(" {}", number + at * 3)).collect();
            format!("* SEARCH{numbers}\r\n")
        }
        6 => "* CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=PLAIN AUTH=XOAUTH2 UIDPLUS MOVE CONDSTORE\r\n".to_owned(),
        7 => format!("* {number} EXISTS\r\n"),
        8 => "* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen $Forwarded)\r\n".to_owned(),
        9 => format!("* OK [UIDVALIDITY 1612137600] UIDs valid\r\n* OK [UIDNEXT {number}] Predicted next UID\r\n").split_inclusive('\n').nth(random.below(2)).unwrap().to_owned(),
        10 => "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen \\*)] Flags permitted\r\n".to_owned(),
        11 => format!("A{number} OK [READ-WRITE] SELECT completed\r\n"),
        12 => format!("A{number} OK FETCH completed (0.001 + 0.000 secs).\r\n"),
        _ => format!("* {number} FETCH (UID {} FLAGS (\\Seen))\r\n", number + 12),
    }
}

fn body(random: &mut Random, number: usize, size: usize, out: &mut Vec<u8>) {
    out.extend(format!("* {number} FETCH (UID {number} BODY[] {{{size}}}\r\n").bytes());
    let end = out.len() + size;
    // Lines of base64, as most of what is large.
    while out.len() < end {
        for _ in 0..9 {
            let word = random.next().to_be_bytes();
            out.extend(base64(&word[..6]).bytes());
        }
        out.extend_from_slice(b"\r\n");
    }
    out.truncate(end);
    out.extend_from_slice(b")\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corpus_is_the_same_on_every_run_and_of_the_size_it_should_be() {
        assert_eq!(Corpus::Mixed.octets(50), Corpus::Mixed.octets(50));
        let octets = Corpus::Listing.octets(1000).len();
        assert!((500_000..650_000).contains(&octets), "{octets} octets in 1,000 lines of a listing");
        assert_eq!(base64(b"a"), "YQ==");
        assert_eq!(base64(b"abc"), "YWJj");
    }
}
