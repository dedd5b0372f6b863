//! Messages like those that people get, the same ones on every run.

use crate::corpus::Random;

/// A message of about `size` octets. Up to 20 kB it has a text in two forms; a larger one has pictures in it and files
/// besides, which are most of it.
pub fn mail(size: usize) -> Vec<u8> {
    let mut random = Random::new(size);
    let mut out = headers(2_000);
    out.truncate(out.len() - 2);
    let large = size > 20_000;
    if large {
        push(&mut out, "Content-Type: multipart/mixed; boundary=\"----=_Part_1_mixed.2718281828\"\r\n\r\n");
        push(&mut out, "This is a multi-part message in MIME format.\r\n------=_Part_1_mixed.2718281828\r\n");
    }
    push(
        &mut out,
        "Content-Type: multipart/alternative;\r\n\tboundary=\"000000000000e5b2c1061f3a5b7d\"\r\n\r\n",
    );
    let text = size.min(20_000) / 4;
    push(&mut out, "--000000000000e5b2c1061f3a5b7d\r\nContent-Type: text/plain; charset=\"UTF-8\"\r\n");
    push(&mut out, "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
    out.extend(quoted_printable(text));
    push(&mut out, "\r\n--000000000000e5b2c1061f3a5b7d\r\nContent-Type: text/html; charset=\"UTF-8\"\r\n");
    push(&mut out, "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
    let html = sentences(&mut random, text * 3 / 2, true, "</p>\r\n<p class=3D\"MsoNormal\">");
    push(&mut out, "<html><body><p>");
    out.extend(in_quoted_printable(&html));
    push(&mut out, "</p></body></html>\r\n--000000000000e5b2c1061f3a5b7d--\r\n");
    if large {
        let file = size.saturating_sub(out.len()) * 19 / 40;
        for (name, kind) in
            [("Angebot =?utf-8?Q?f=C3=BCr?= M.pdf", "application/pdf"), ("scan.jpg", "image/jpeg")]
        {
            push(&mut out, "\r\n------=_Part_1_mixed.2718281828\r\n");
            push(&mut out, &format!("Content-Type: {kind};\r\n\tname=\"{name}\"\r\n"));
            push(&mut out, "Content-Transfer-Encoding: base64\r\nContent-ID: <f_m0abcd@mail.example>\r\n");
            push(&mut out, &format!("Content-Disposition: attachment;\r\n\tfilename=\"{name}\"\r\n\r\n"));
            out.extend(base64_lines(file));
        }
        push(&mut out, "------=_Part_1_mixed.2718281828--\r\n");
    }
    out
}

/// A header section of about `size` octets, with the empty line behind it.
pub(super) fn headers(size: usize) -> Vec<u8> {
    let mut random = Random::new(1);
    let mut out = Vec::new();
    push(&mut out, "Return-Path: <jorg.muller@example.com>\r\n");
    while out.len() + 1_400 < size {
        push(
            &mut out,
            &format!(
                "Received: from FR4P281MB{:04}.DEUP281.PROD.OUTLOOK.COM (2603:10a6:d10:7a::12)\r\n by \
                 BE1P281MB{:04}.DEUP281.PROD.OUTLOOK.COM with HTTPS; Thu, 26 Nov 2026\r\n 10:{:02}:05 +0000\r\n",
                random.below(10_000),
                random.below(10_000),
                random.below(60),
            ),
        );
        if random.once_in(2) {
            push(&mut out, "X-MS-Exchange-Organization-MessageDirectionality: Originating\r\n");
        }
        if random.once_in(4) {
            push(
                &mut out,
                "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n d=example.com; s=selector1;\r\n",
            );
            push(&mut out, " h=From:Date:Subject:Message-ID:Content-Type:MIME-Version;\r\n bh=");
            push(&mut out, &token(&mut random, 44));
            push(&mut out, "=;\r\n b=");
            for _ in 0..4 {
                push(&mut out, &token(&mut random, 70));
                push(&mut out, "\r\n ");
            }
            push(&mut out, "==\r\n");
        }
    }
    push(
        &mut out,
        "From: =?utf-8?Q?J=C3=B6rg_M=C3=BCller?= <jorg.muller@example.com>\r\n\
         To: \"Example, Ann\" <ann@example.org>, Bob <bob@example.org>,\r\n team@lists.example.net\r\n\
         CC: =?utf-8?B?w4RubmU=?= <anne@example.org>, Charlie Brown <charlie@example.com>\r\n\
         Subject: =?utf-8?Q?Angebot_f=C3=BCr_M=C3=A4rz_und_April,_mit_den_Zahlen?=\r\n \
         =?utf-8?Q?_des_letzten_Jahres?=\r\n\
         Thread-Topic: Angebot\r\nThread-Index: AQHbP0Yb7u0V5Yk2rE2h0Q==\r\n\
         Date: Thu, 26 Nov 2026 10:15:00 +0100\r\n\
         Message-ID: <FR4P281MB1234A5B6C7D8E9F0@FR4P281MB1234.DEUP281.PROD.OUTLOOK.COM>\r\n\
         References: <CAF1abc+def@mail.example.com>\r\n <FR4P281MB00010203@FR4P281MB0001.DEUP281.PROD.OUTLOOK.COM>\r\n\
         In-Reply-To: <FR4P281MB00010203@FR4P281MB0001.DEUP281.PROD.OUTLOOK.COM>\r\n\
         Reply-To: office@example.com\r\nAccept-Language: de-DE, en-US\r\nContent-Language: de-DE\r\n\
         X-MS-Has-Attach: yes\r\nX-MS-TNEF-Correlator:\r\nX-Originating-IP: [192.0.2.7]\r\n\
         List-Unsubscribe: <https://example.com/unsubscribe?id=4711>\r\nMIME-Version: 1.0\r\n\r\n",
    );
    out
}

/// A header value in encoded words, and text between them.
pub(super) fn words(size: usize) -> Vec<u8> {
    let kinds = [
        "Minutes of the meeting ",
        "=?UTF-8?B?UsOpdW5pb24gZGUgcGxhbmlmaWNhdGlvbiB0cmltZXN0cmllbGxl?=\r\n ",
        "=?ISO-8859-1?Q?Gr=FC=DFe_aus_M=FCnchen?=\r\n =?ISO-8859-1?Q?_und_K=F6ln?= ",
        "and =?GBK?B?z+7Ev7340rnX3L3h?= ",
        "=?utf-8?Q?Angebot_f=C3=BCr_M=C3=A4rz_und_April,_mit_den_Zahlen?=\r\n ",
    ];
    let mut out = Vec::new();
    for kind in kinds.iter().cycle() {
        if out.len() >= size {
            break;
        }
        push(&mut out, kind);
    }
    out.trim_ascii_end().to_vec()
}

/// Lines of base64, in octets of the message.
pub(super) fn base64_lines(size: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(size + 100);
    let mut random = Random::new(3);
    while out.len() < size {
        push(&mut out, &token(&mut random, 76));
        push(&mut out, "\r\n");
    }
    out
}

/// A text in quoted-printable.
pub(super) fn quoted_printable(size: usize) -> Vec<u8> {
    in_quoted_printable(&sentences(&mut Random::new(4), size, true, "\r\n"))
}

/// A text of words, in lines as a person writes them.
pub(super) fn text(size: usize, letters: bool) -> Vec<u8> {
    sentences(&mut Random::new(5), size, letters, "\n").into_bytes()
}

/// What a file holds.
pub(super) fn file(size: usize) -> Vec<u8> {
    let mut random = Random::new(6);
    let mut out: Vec<u8> = Vec::with_capacity(size + 8);
    while out.len() < size {
        out.extend(random.next().to_be_bytes());
    }
    out.truncate(size);
    out
}

fn sentences(random: &mut Random, size: usize, letters: bool, line_end: &str) -> String {
    const PLAIN: [&str; 12] = [
        "the", "offer", "and", "is", "with", "numbers", "of", "meeting", "until", "please", "send",
        "tomorrow",
    ];
    const LETTERS: [&str; 12] = [
        "der",
        "Angebot",
        "für",
        "ist",
        "mit",
        "Zahlen",
        "Gespräch",
        "nächsten",
        "bis",
        "bitte",
        "Prüfung",
        "morgen",
    ];
    let words = if letters { LETTERS } else { PLAIN };
    let (mut out, mut column) = (String::with_capacity(size + 100), 0);
    while out.len() < size {
        let word = random.of(&words);
        out.push_str(word);
        column += word.len() + 1;
        if column > 66 {
            out.push('.');
            out.push_str(line_end);
            column = 0;
        } else {
            out.push(' ');
        }
    }
    out.push_str(line_end);
    out
}

fn in_quoted_printable(text: &str) -> Vec<u8> {
    let (mut out, mut column) = (Vec::with_capacity(text.len() * 5 / 4), 0);
    for byte in text.bytes() {
        if column >= 72 && byte != b'\r' && byte != b'\n' {
            push(&mut out, "=\r\n");
            column = 0;
        }
        if byte.is_ascii() {
            out.push(byte);
            column = if byte == b'\n' { 0 } else { column + 1 };
        } else {
            push(&mut out, &format!("={byte:02X}"));
            column += 3;
        }
    }
    out
}

fn token(random: &mut Random, len: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (0..len).map(|_| char::from(ALPHABET[random.below(64)])).collect()
}

fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}
