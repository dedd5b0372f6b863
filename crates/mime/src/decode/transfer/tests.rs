use alloc::string::{String, ToString};

use super::*;
use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

/// Lines of 76 are taken many at a time: one among them that is no such line is read as any other.
#[test]
fn a_line_unlike_the_others_is_decoded_too() {
    let line = "QUJD".repeat(19);
    let usual = [line.as_str(), "\r\n"].concat();
    let rows = [
        (usual.clone(), 19),
        ([&line, "\n"].concat(), 19),
        ([&line, " \r\n"].concat(), 19),
        ([&line[4..], "\r\n"].concat(), 18),
        ([&line, "QUJD\r\n"].concat(), 20),
        (["*", &line, "\r\n"].concat(), 19),
        ([&line[..40], "*", &line[40..], "\r\n"].concat(), 19),
        ([&line[..40], "*\r\n", &line[40..], "\r\n"].concat(), 19),
        ([&usual, "\r\n"].concat(), 19),
    ];
    for (other, groups) in rows {
        for place in [0, 1, 2, 5, 59, 60] {
            let text = [&usual.repeat(place), &other, &usual.repeat(60 - place)].map(String::as_str).concat();
            let want = "ABC".repeat(19 * 60 + groups);
            assert_eq!(base64(text.as_bytes()).escape_ascii().to_string(), want, "{other:?} at {place}");
        }
    }
}

/// A line may have no end: it is taken in blocks, and what is no base64 is skipped in each.
#[test]
fn an_endless_line_is_decoded() {
    let line = "QUJD".repeat(3_000);
    for places in [&[][..], &[0], &[1], &[4_095], &[4_096, 4_097], &[4_355, 4_356, 9_000], &[11_990]] {
        let mut text = line.clone();
        for place in places.iter().rev() {
            text.insert(*place, '!');
        }
        let want = "ABC".repeat(3_000);
        assert_eq!(base64(text.as_bytes()).escape_ascii().to_string(), want, "signs at {places:?}");
        text.truncate(text.len() - 2);
        assert_eq!(base64(text.as_bytes()).len(), want.len() - 2, "cut, signs at {places:?}");
    }
}

/// base64 with a footer.
#[test]
fn decodes_base64() {
    let rows: &[(&str, &[u8], &[u8])] = &[
        ("whole", b"Zm9vYmFy", b"foobar"),
        ("padded", b"Zm9vYg==", b"foob"),
        ("missing padding", b"Zm9vYg", b"foob"),
        ("half of it", b"Zm9vYmE", b"fooba"),
        ("lines", b"Zm9v\r\nYm\n Fy\r\n", b"foobar"),
        ("concatenated", b"Zg==Zm8=Zm9v", b"ffofoo"),
        ("foreign octets", b"Z-m\x009\xFFv!", b"foo"),
        ("a lone character", b"Z", b""),
        ("padding alone", b"====", b""),
        ("spare bits", b"Zn==", b"f"),
        ("no base64 at all", b"Dear Mr Smith,\r\nall is well\r\n", b"Dear Mr Smith,\r\nall is well\r\n"),
        (
            "words of letters alone, and no line end",
            b"ploozdect  nispplul swunkglap",
            b"ploozdect  nispplul swunkglap",
        ),
        ("groups with spaces between", b"Zm9v YmFy Zm9v\r\nYmFy", b"foobarfoobar"),
        ("an empty line first", b"\r\nZm9v\r\n", b"foo"),
        // What a mailing list puts behind is no data; pieces that were encoded one by one are.
        ("footer", b"aGVsbG8=\r\n\r\n-- \r\nThis is the footer of the list\r\n", b"hello"),
        ("footer of words", b"aGVsbG8=\r\n_______________\r\nabcd\r\n", b"hello"),
        ("footer of a word", b"aGVsbG8=\nThanks\n", b"hello"),
        ("footer on the same line", b"aGVsbG8= Sent to you by list", b"hello"),
        ("footer without padding before", b"aGVsbG8h\r\n\r\n-- \r\nfooter\r\n", b"hello!"),
        ("footer and no empty line", b"aGVsbG8h\r\n-- \r\nfooter\r\n", b"hello!"),
        ("footer of words and no empty line", b"aGVsbG8h\n____\nThe list\n", b"hello!"),
        (
            "footer of prose and no empty line",
            b"aGVsbG8h\r\nYou get this from the list\r\naGVs\r\n",
            b"hello!",
        ),
        ("footer of prose without a line end", b"aGVsbG8h\r\nYou get this from the list", b"hello!"),
        ("footer behind half a group", b"aGVsbG8\r\n\r\n-- \r\nx\r\n", b"hello"),
        ("half a group, and its other half", b"aGVsbG\r\n\r\n8h\r\n", b"hello!"),
        ("half a group, and a whole one", b"aGVsbG8\r\n\r\naGVs\r\n", b"hellohel"),
        ("groups with spaces in the second line", b"Zm9v\r\nZm9v YmFy Zm9v\r\n", b"foofoobarfoo"),
        ("a damaged line", b"aGVsbG8h\r\n\xFF\xFE\xFF\r\naGVsbG8h\r\n", b"hello!hello!"),
        ("a lone sign", b"aGVsbG8h\n-\naGVsbG8h\n", b"hello!hello!"),
        ("signs at the start", b"--\naGVsbG8h\n", b"hello!"),
        ("footer that is long", &[b"aGVsbG8=\n".as_slice(), &[b'-'; 5_000], b"\naGVs\n"].concat(), b"hello"),
        ("joined pieces", b"aGk=aGk=", b"hihi"),
        ("joined without the last padding", b"aGk=aGk", b"hihi"),
        ("joined by lines", b"aGk=\r\naGk=\r\naGVsbG8h\r\naGk=", b"hihihello!hi"),
        ("joined, and the last one without padding", b"aGk=\r\naGVs\r\naGk", b"hihelhi"),
        ("joined by an empty line", b"aGVsbG8h\r\n\r\naGVsbG8h", b"hello!hello!"),
        (
            "a long line behind padding",
            &[b"aGk=\n".as_slice(), &b"aGVs".repeat(1_000)].concat(),
            &[b"hi".as_slice(), &b"hel".repeat(1_000)].concat(),
        ),
    ];
    for (name, text, want) in rows {
        whole_and_by_octet(TransferEncoding::Base64, name, text, want);
    }
}

fn whole_and_by_octet(encoding: TransferEncoding, name: &str, text: &[u8], want: &[u8]) {
    assert_eq!(encoding.decode(text), want, "{name}");
    let (mut bytewise, mut decoder) = (Vec::new(), encoding.decoder());
    for byte in text {
        decoder.decode(&[*byte], &mut bytewise);
    }
    decoder.finish(&mut bytewise);
    assert_eq!(bytewise.escape_ascii().to_string(), want.escape_ascii().to_string(), "{name} by octet");
}

#[test]
fn decodes_quoted_printable() {
    let rows: &[(&str, &[u8], &[u8])] = &[
        ("escapes", b"a=3Db=0d=0A", b"a=b\r\n"),
        ("soft break", b"ab=\r\ncd=\nef", b"abcdef"),
        ("soft break with white space", b"ab= \t\r\ncd", b"abcd"),
        ("soft break at the end", b"ab=", b"ab"),
        ("soft break and CR at the end", b"ab=\r", b"ab"),
        ("trailing white space", b"ab \t\r\ncd  \nef ", b"ab\r\ncd\nef"),
        ("inner white space", b"a  b\tc", b"a  b\tc"),
        ("no hex", b"=XY=1Z=", b"=XY=1Z"),
        ("one digit at the end", b"a=4", b"a=4"),
        ("equals twice", b"==3D=\r\n=", b"=="),
        ("equals and space", b"a= b", b"a= b"),
        ("bare CR", b"a\rb=\rc\r", b"a\rb=\rc\r"),
        ("line ends", b"a\r\n\n\r\r\nb", b"a\r\n\n\r\r\nb"),
        ("8-bit", b"\xFF=FF", b"\xFF\xFF"),
    ];
    for (name, text, want) in rows {
        whole_and_by_octet(TransferEncoding::QuotedPrintable, name, text, want);
    }
}

#[test]
fn decodes_uuencode() {
    let rows: &[(&str, &[u8], &[u8])] = &[
        ("a line", b"begin 644 a.txt\r\n%:&5L;&\\\r\n`\r\nend\r\n", b"hello"),
        ("spaces for zeros", b"begin 600 x\n#    \n \nend\n", b"\0\0\0"),
        ("spaces that were cut", b"begin 600 x\n#\n`\nend\n", b"\0\0\0"),
        ("text around", b"see:\nbegin 644 a b\n#0V%T\n`\nend\nbye\n", b"see:\nCat"),
        ("cut off", b"begin 644 a\n#0V%T", b"Cat"),
        ("a mode with the kind of file", b"begin 100644 a\n#0V%T\n`\nend\n", b"Cat"),
        ("no mode", b"begin 1006440 a\n", b"begin 1006440 a\n"),
        ("no uuencode", b"begin with\nthis\n", b"begin with\nthis\n"),
    ];
    for (name, text, want) in rows {
        whole_and_by_octet(TransferEncoding::UuEncode, name, text, want);
    }
}

#[test]
fn holds_no_more_than_a_line() {
    let mut decoder = QuotedPrintable::default();
    let mut out = Vec::new();
    decoder.decode(&[b' '; 100_000], &mut out);
    assert!(decoder.held() <= QuotedPrintable::MAX_HELD);
    decoder.decode(b"x", &mut out);
    assert_eq!(out.len(), 100_001);
    for start in [&b""[..], b"aGk=\n"] {
        let mut decoder = Base64::default();
        decoder.decode(start, &mut out);
        for _ in 0..100 {
            decoder.decode(&[b'-'; 1_000], &mut out);
            assert!(decoder.held() <= 1_000, "{}", decoder.held());
        }
    }
}

/// Much white space is written, wherever it stands and however it comes.
#[test]
fn white_space_without_end_is_data() {
    for blank in [997, 998, 999, 1_500] {
        for before in ["x", "=", "= ="] {
            for after in ["", "x", "\r", "\r\n", "\n", "\rx", "\r \n", "=\r\ny", "=41"] {
                let text = [before, &" \t".repeat(blank)[..blank], after].concat().into_bytes();
                let whole = quoted_printable(&text);
                for size in [1, 7, 998, 1_001] {
                    let (mut cut, mut decoder) = (Vec::new(), QuotedPrintable::default());
                    text.chunks(size).for_each(|piece| decoder.decode(piece, &mut cut));
                    decoder.finish(&mut cut);
                    let shown = whole.escape_ascii().to_string();
                    assert_eq!(
                        cut.escape_ascii().to_string(),
                        shown,
                        "{before}, {blank}, {after:?}, by {size}"
                    );
                }
                let is_cut = whole.len() < 900;
                let is_end = before == "x" && matches!(after, "" | "\r" | "\r\n" | "\n");
                assert!(before != "x" || is_cut == (is_end && blank <= 998), "{blank}, {after:?}");
            }
        }
    }
}

#[test]
fn reads_the_header() {
    let rows: &[(&[u8], TransferEncoding)] = &[
        (b" BASE64 ", TransferEncoding::Base64),
        (b"quoted-printable (sic)", TransferEncoding::QuotedPrintable),
        (b"Quoted-Printable;", TransferEncoding::QuotedPrintable),
        (b"8bit", TransferEncoding::Identity),
        (b"", TransferEncoding::Identity),
        (b"x-uuencode", TransferEncoding::UuEncode),
        (b" UUE ", TransferEncoding::UuEncode),
        (b"(comment", TransferEncoding::Unknown),
        (b"x-yencode", TransferEncoding::Unknown),
        (b"\"base64\"", TransferEncoding::Base64),
        (b" (c; d) (e) base64", TransferEncoding::Base64),
    ];
    for (value, want) in rows {
        assert_eq!(TransferEncoding::parse(value), *want);
    }
    assert_eq!(TransferEncoding::Base64.decode(b"Zg==").as_ref(), b"f");
    assert_eq!(TransferEncoding::QuotedPrintable.decode(b"=46").as_ref(), b"F");
    assert_eq!(TransferEncoding::Identity.decode(b"=46").as_ref(), b"=46");
}

proptest! {
    #[test]
    fn reads_what_base64_writes(bytes in any::<Vec<u8>>()) {
        prop_assert_eq!(base64(STANDARD.encode(&bytes).as_bytes()), bytes);
    }

    #[test]
    fn cuts_change_nothing(text in "[=\r\n \t0-9A-Fa-gé]{0,60}", at in any::<prop::sample::Index>()) {
        let text = text.as_bytes();
        let (head, tail) = text.split_at(at.index(text.len().saturating_add(1)));
        for encoding in [TransferEncoding::QuotedPrintable, TransferEncoding::Base64, TransferEncoding::UuEncode] {
            let (mut cut, mut decoder) = (Vec::new(), encoding.decoder());
            decoder.decode(head, &mut cut);
            decoder.decode(tail, &mut cut);
            decoder.finish(&mut cut);
            prop_assert_eq!(cut, encoding.decode(text).into_owned());
        }
    }
}
