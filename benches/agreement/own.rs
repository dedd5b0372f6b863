//! Messages of our own making: what is seen in the field, a subject each. Whole ones, as mailers write them, stand in `own.txt`.

use crate::packages::Message;

pub(crate) fn messages() -> Vec<Message> {
    let rows: &[(&str, &[u8])] = &[
        ("name-in-rfc2231-pieces", b"Content-Type: application/gzip; name*0=\"a!b!1!2.x\"; name*1=\"ml.gz\"\r\n\r\nx\r\n"),
        ("name-in-words-across-pieces", b"Content-Disposition: attachment; filename*0=\"=?utf-8?B?5Y+R56Wo\"; filename*1=\"LnBkZg==?=\"\r\nContent-Type: application/pdf\r\n\r\nx\r\n"),
        ("name-in-words", b"Content-Type: application/pdf; name=\"=?gb2312?B?t6LGsS5wZGY=?=\"\r\n\r\nx\r\n"),
        ("gb2312-that-is-gb18030", b"Subject: =?gb2312?B?1uzpRrv5?=\r\n\r\n"),
        ("latin1-that-is-windows-1252", b"Subject: =?iso-8859-1?Q?=93x=94?=\r\n\r\n"),
        ("encoding-with-a-space", b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64 \r\n\r\nJVBERg==\r\n"),
        ("comma-in-a-name", b"From: Joe Foo, PhD <joe@x.test>\r\n\r\n"),
        ("encoded-comma", b"To: =?utf-8?q?Doe=2C_John?= <j@x.test>\r\n\r\n"),
        ("addresses-in-words", b"To: =?utf-8?q?a=40x=2Etest=2C_b=40x=2Etest?= <c@x.test>\r\n\r\n"),
        ("semicolons", b"To: a@x.test; b@x.test\r\n\r\n"),
        ("group", b"To: Friends: a@x.test, B <b@x.test>;\r\n\r\n"),
        ("date-with-comment", b"Date: Mon, 5 Jan 2026 10:00:00 +0200 (GMT+02:00)\r\n\r\n"),
        ("date-asctime", b"Date: Tue Jul 24 18:55:07 2007\r\n\r\n"),
        ("date-month-first", b"Date: Sat, Apr 09 2005 06:39:52 -0700\r\n\r\n"),
        ("date-two-digits-and-zone", b"Date: Fri, 28 Feb 92 11:07:59 MEZ\r\n\r\n"),
        ("date-est5edt", b"Date: Thu, 10 Jul 1997 14:53:31 EST5EDT\r\n\r\n"),
        ("date-words", b"Date: Wed, 24 Jul 2019 03:05:23 Pacific Daylight Time\r\n\r\n"),
        ("date-plus-thirteen", b"Date: Mon, 5 Jan 2026 10:00:00 +1300\r\n\r\n"),
        ("date-none", b"Date: soon\r\n\r\n"),
        ("boundary-not-closed", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n"),
        ("boundary-with-space-behind", b"Content-Type: multipart/mixed; boundary=\"b \"\r\n\r\n--b\r\n\r\none\r\n--b--\r\n"),
        ("base64-with-footer", b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n\r\n_____\r\nlist footer\r\n"),
        ("uuencode", b"Content-Type: application/x\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\r\n#:&D*\r\n`\r\nend\r\n"),
        ("iso-2022-jp", b"Subject: =?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=\r\n\r\n"),
        ("raw-utf-8", "Subject: Grüße\r\n\r\n".as_bytes()),
        ("message-in-message", b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Type: text/html\r\n\r\nx\r\n"),
    ];
    let message = |(name, octets): &(&str, &[u8])| Message {
        name: format!("own/{name}"),
        path: None,
        octets: octets.to_vec(),
    };
    rows.iter().map(message).chain(whole_messages()).collect()
}

/// Those of `own.txt`. There a line end is CRLF to the message, and `\xHH` any octet.
fn whole_messages() -> impl Iterator<Item = Message> {
    include_str!("own.txt").split("===== ").skip(1).map(|text| {
        let (name, text) = text.split_once('\n').unwrap();
        let mut pieces = text.split("\\x");
        let mut octets = pieces.next().unwrap_or_default().replace('\n', "\r\n").into_bytes();
        for piece in pieces {
            let (digits, after) = piece.split_at(2);
            octets.push(u8::from_str_radix(digits, 16).unwrap());
            octets.extend(after.replace('\n', "\r\n").into_bytes());
        }
        Message { name: format!("own/{name}"), path: None, octets }
    })
}
