//! The short way for what nearly every server writes, and the long way for forms with more spaces, parse to the same.

use super::*;

#[test]
fn a_space_more_changes_nothing() {
    let lines = [
        "* 12 FETCH (UID 5 FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft \\Recent $Junk) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 4286)\r\n",
        "* 12 FETCH (UID 5 ENVELOPE (\"on a day\" \"a \\\"b\\\" and a long rest\" ((\"A \\\\ B\" NIL \"a\" \"b.example\")) ((\"A \\\\ B\" NIL \"a\" \"b.example\")) NIL ((NIL NIL \"a\" \"b\")(\"C\" NIL \"\\\"c\\\"\" \"d\")) NIL NIL NIL \"<an-id-of-some-length@example.org>\"))\r\n",
        "* 1 FETCH (BODYSTRUCTURE ((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"UTF-8\" \"FORMAT\" \"flowed\") \"<id>\" \"what it is\" \"7BIT\" 20 3 NIL (\"INLINE\" (\"A\" \"b\")) NIL NIL)(\"IMAGE\" \"PNG\" NIL NIL NIL \"BASE64\" 4000 NIL NIL NIL NIL) \"MIXED\" (\"BOUNDARY\" \"x\") NIL (\"EN\") NIL))\r\n",
        "* STATUS a (MESSAGES 1 UNSEEN 2 UIDNEXT 3 RECENT 4 UIDVALIDITY 5)\r\n",
    ];
    for line in lines {
        let want = format!("{:?}", parse(line.as_bytes()).unwrap());
        let (mut is_quoted, mut before) = (false, 0);
        for (at, octet) in line.bytes().enumerate() {
            is_quoted ^= octet == b'"' && before != b'\\';
            before = octet;
            if octet == b' ' && !is_quoted {
                let changed = format!("{} {}", &line[..at], &line[at..]);
                let got = parse(changed.as_bytes()).map(|response| format!("{response:?}"));
                assert_eq!(got.as_ref(), Ok(&want), "{changed}");
            }
        }
    }
}
