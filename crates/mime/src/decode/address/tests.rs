use super::*;
use alloc::string::ToString;
use alloc::{format, vec};
use proptest::prelude::*;

fn show(list: &[AddressOrGroup]) -> String {
    let join = |members: &[DisplayAddress]| {
        members.iter().map(|m| format!("{}|{}", m.name, m.address)).collect::<Vec<_>>().join("; ")
    };
    let entries = list.iter().map(|entry| match entry {
        AddressOrGroup::Address(mailbox) => join(core::slice::from_ref(mailbox)),
        AddressOrGroup::Group { name, members } => format!("{name}:[{}]", join(members)),
    });
    entries.collect::<Vec<_>>().join("; ")
}

/// Addresses: no wrong ones are made up from broken ones.
#[test]
fn reads_address_headers() {
    let rows: &[(&str, &str)] = &[
        // RFC 5322 appendix A.1.2, A.1.3, A.5, A.6.1.
        ("\"Joe Q. Public\" <john.q.public@example.com>", "Joe Q. Public|john.q.public@example.com"),
        (
            "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
            "Mary Smith|mary@x.test; |jdoe@example.org; Who?|one@y.test",
        ),
        (
            "<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
            "|boss@nil.test; Giant; \"Big\" Box|sysservices@example.net",
        ),
        (
            "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
            "A Group:[Ed Jones|c@a.test; |joe@where.test; John|jdoe@one.test]",
        ),
        ("A:b:c@d;", "A:[|b:c@d]"),
        ("Ann <a@b>: c@d", "Ann : c@d|a@b"),
        // A colon in a name without quotes, and what is none.
        ("Support: Team <s@x>", "Support: Team|s@x"),
        ("G: a@b", "G:[|a@b]"),
        ("G: Ann <a@b>;", "G:[Ann|a@b]"),
        ("G: Ann <a@b>, c@d", "G:[Ann|a@b; |c@d]"),
        ("G: Ann <a@b>; H: Bob <c@d>", "G:[Ann|a@b]; H: Bob|c@d"),
        ("mailto:a@b, MAILTO: c@d", "|a@b; |c@d"),
        // Names of Lotus Notes.
        ("Ann Example/Org@CO, a@b", "Ann Example/Org@CO|; |a@b"),
        ("CN=Ann Example/OU=Sales/O=Org@CO", "CN=Ann Example/OU=Sales/O=Org@CO|"),
        ("Ann a/b@example.org, Ann /x@y, a/b@c d@e", "Ann|a/b@example.org; Ann|/x@y; |a/b@c; |d@e"),
        ("Undisclosed recipients:;", "Undisclosed recipients:[]"),
        ("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete|pete@silly.test"),
        (
            "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n joe@example.org",
            "A Group:[Chris Jones|c@public.example; |joe@example.org]",
        ),
        ("Joe Q. Public <john.q.public@example.com>", "Joe Q. Public|john.q.public@example.com"),
        (
            "Mary Smith <@node.test,@other.test:mary@example.net>, , jdoe@test   . example",
            "Mary Smith|mary@example.net; |jdoe@test.example",
        ),
        // Encoded words, also where they do not belong.
        ("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore|moore@cs.utk.edu"),
        ("=?ISO-8859-1?Q?Andr=E9?= Pirard <PIRARD@vm1.ulg.ac.be>", "André Pirard|PIRARD@vm1.ulg.ac.be"),
        ("\"=?utf-8?B?R3LDvMOfZQ==?=\" <a@b>", "Grüße|a@b"),
        ("=?utf-8?Q?Doe,_J=C3=B6rg?= <a@b>, c@d", "Doe, Jörg|a@b; |c@d"),
        ("=?utf-8?Q?J=C3=B6?=\r\n =?utf-8?Q?rg?= <a@b>", "Jörg|a@b"),
        ("=?utf-8?Q?J=C3=B6rg?=", "Jörg|"),
        ("Grüße <a@b>", "Grüße|a@b"),
        // Obsolete and broken.
        ("a@b (Ann)", "Ann|a@b"),
        ("a@b (=?utf-8?Q?=C3=84nn?=)", "Änn|a@b"),
        ("a@b; c@d", "|a@b; |c@d"),
        ("root", "|root"),
        ("John Doe", "John Doe|"),
        ("Ann <a@b, c@d", "Ann|a@b; |c@d"),
        ("Ann <<a@b>>", "Ann|a@b"),
        ("\"Ann <a@b>", "Ann|a@b"),
        ("\"john doe\"@b", "|\"john doe\"@b"),
        ("<\"a,b> c\"@d>", "|\"a,b> c\"@d"),
        ("A <\"q\\\"s> \"@r>, b@c", "A|\"q\\\"s> \"@r; |b@c"),
        ("a@[IPv6:::1], c@d", "|a@[IPv6:::1]; |c@d"),
        ("a@[1, c@d", "|a@[1; |c@d"),
        ("Ann <>", "Ann|"),
        // A name with commas and without quotes, and what is none.
        ("Joe Foo, PhD <joe@x>", "Joe Foo, PhD|joe@x"),
        ("Doe, Ann <a@b>, Roe, Bob, Jr. <c@d>, e@f", "Doe, Ann|a@b; Roe, Bob, Jr.|c@d; |e@f"),
        ("Müller, Jörg <a@b>; Öz, Ä. <c@d>", "Müller, Jörg|a@b; Öz, Ä.|c@d"),
        ("=?utf-8?Q?M=C3=BCller?=, Ann <a@b>", "Müller, Ann|a@b"),
        ("G: Doe, Ann <a@b>, c@d; Roe, Bob <e@f>", "G:[Doe, Ann|a@b; |c@d]; Roe, Bob|e@f"),
        ("Doe, G: Ann <a@b>;", "|Doe; G:[Ann|a@b]"),
        ("G: Doe; Ann <a@b>", "G:[|Doe]; Ann|a@b"),
        ("root, Ann <a@b>", "|root; Ann|a@b"),
        ("Doe, a@b, Ann <c@d>", "|Doe; |a@b; Ann|c@d"),
        ("Doe, <a@b>", "|Doe; |a@b"),
        ("Doe, a@b (Ann), Roe", "|Doe; Ann|a@b; |Roe"),
        // Brackets or commas that are missing: no address that is not in the text.
        ("Ann Example ann@example.org", "Ann Example|ann@example.org"),
        ("ann@example.org bob@example.org", "|ann@example.org; |bob@example.org"),
        ("Ann a@b Bob c@d, e@f", "Ann|a@b; Bob|c@d; |e@f"),
        ("=?utf-8?B?w4RubmE=?= anna@example.org", "Änna|anna@example.org"),
        ("=?utf-8?B?w4RubmE=?=anna@example.org", "Änna|anna@example.org"),
        ("anna@example.org=?utf-8?B?w4RubmE=?=", "Änna|anna@example.org"),
        ("\"Ann\"=?utf-8?q?_B?= <a@b>, =?utf-8?q?C_?=\"D\"<c@d>", "Ann B|a@b; C D|c@d"),
        ("\"Desk\" <mx.example desk@mx.example>", "Desk|desk@mx.example"),
        ("Desk <mx.example desk>", "Desk|"),
        ("Desk <mailto:desk@x>, <MAILTO:a@b>", "Desk|desk@x; |a@b"),
        ("Desk <mailto:desk@x?subject=y>", "Desk|desk@x"),
        ("Desk <mailto:desk@x?subject=y>", "Desk|desk@x"),
        ("Ann <a@b>\rMessage-ID: <1@x>\rTo: c@d", "Ann|a@b"),
        ("Ann <a@b>,\r\r\n c@d\r", "Ann|a@b; |c@d"),
        ("Bob <bob@x> Bobby B. <bobby@y>, c@d", "Bob|bob@x; Bobby B.|bobby@y; |c@d"),
        ("<a@b><c@d>", "|a@b; |c@d"),
        ("Ann <Annie> Example <a@b>", "Ann <Annie> Example|a@b"),
        ("G: A <a@b> B <c@d>; e@f", "G:[A|a@b; B|c@d]; |e@f"),
        ("Ann <ann@ex ample.org>", "Ann|"),
        ("Ann <ann@mail.exam ple.org>, a@b", "Ann|; |a@b"),
        ("Ann <ann@example.org Ann>", "Ann|ann@example.org"),
        ("'Ann' <'ann@example.org'>", "'Ann'|ann@example.org"),
        ("'ann@example.org', 'bob@example.org'", "|ann@example.org; |bob@example.org"),
        ("Ann [ann@example.org], o'a@b', 'x'@b", "Ann|ann@example.org; |o'a@b'; |'x'@b"),
        ("Desk <a@b c@d>", "Desk|a@b; |c@d"),
        ("Dr. Ann ann@example.org", "Dr. Ann|ann@example.org"),
        ("Dr. ann@example.org", "Dr.|ann@example.org"),
        ("J. R. \"Bob\" Dobbs bob@example.org", "J. R. Bob Dobbs|bob@example.org"),
        ("ann@example.org Ann Example", "Ann Example|ann@example.org"),
        ("Write to ann@example.org. Thanks", "Write to|ann@example.org"),
        ("ann @ example . org", "|ann@example.org"),
        ("ann @example.org", "|ann@example.org"),
        ("<ann @ example. org>", "|ann@example.org"),
        ("\"a b\"@c d@e", "|\"a b\"@c; |d@e"),
        ("ann@example.org\r\n bob@example.org", "|ann@example.org; |bob@example.org"),
        (" ,, ; ", ""),
        ("(only a comment)", ""),
        ("", ""),
    ];
    for (input, want) in rows {
        assert_eq!(show(&address_list(input.as_bytes())), *want, "{input}");
    }
    assert_eq!(show(&address_list(b"Gr\xFC\xDFe <a@b>")), "Grüße|a@b");
    // A name may be guessed, an address not.
    for guessed in [&b"me@example.org\xB3 x@y"[..], b"<me@example.org\xB3>", b"m\xFC@b"] {
        let list = address_list(guessed);
        let Some(AddressOrGroup::Address(mailbox)) = list.first() else { panic!("{list:?}") };
        assert!(mailbox.address.contains('\u{FFFD}'), "{mailbox:?}");
        assert!(crate::Address::new(&mailbox.address).is_err(), "{mailbox:?}");
    }
}

#[test]
fn shows_what_there_is() {
    let rows = [
        ("A", "a@b", "A <a@b>"),
        ("", "a@b", "a@b"),
        ("A", "", "A"),
        ("Doe, J", "a@b", "\"Doe, J\" <a@b>"),
        ("good@x <good@x>", "evil@y", "\"good@x <good@x>\" <evil@y>"),
    ];
    for (name, address, want) in rows {
        let mailbox = DisplayAddress { name: name.into(), address: address.into() };
        assert_eq!(mailbox.to_string(), want);
    }
}

#[test]
fn deep_comments_take_no_stack() {
    let input = [vec![b'('; 1 << 20], b"a@b".to_vec()].concat();
    assert_eq!(address_list(&input), []);
}

proptest! {
    #[test]
    fn never_panics(text in "[a@<>\"\\\\(),;:=?qQ.\\[\\] \r\n]{0,40}", bytes in any::<Vec<u8>>()) {
        let _ = address_list(text.as_bytes());
        let _ = address_list(&bytes);
    }
}
