//! Messages that are made to cost as much as they can.

use std::hint::black_box;

use mailbearer_mime::{Address, DateTime, Message, parse};

/// Reads a message of about `size` octets in full, as text for people too, or writes one.
///
/// # Panics
///
/// At a shape that is none.
pub fn hostile(shape: &str, size: usize) -> impl FnOnce() -> usize + use<> {
    let repeat = |start: &str, text: &str| [start, &text.repeat(size / text.len())].concat().into_bytes();
    let mut message = match shape {
        "boundaries" => {
            let open =
                |n: usize| format!("Content-Type: multipart/mixed; boundary=b{n:02}\r\n\r\n--b{n:02}\r\n");
            let nested: String = (0..50).map(open).collect();
            repeat(&nested, "--b0\r\n--b99\r\n--b--\r\n")
        }
        "parts" => repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n", "--b\r\n\r\nx\r\n"),
        "fields" => repeat("", "A: =?utf-8?Q?x?=\r\n"),
        "words" => repeat("Subject: ", "=?utf-8?B?=?="),
        "addresses" => repeat("To: ", "a@b <c@d "),
        "groups" => repeat("To: ", "a:b@c,"),
        "comments" => repeat("To: ", "(\"(\\"),
        "quotes" => repeat("To: ", "\"\\\"@"),
        "parameters" => repeat("Content-Type: text/plain", " name=;x*0*=''%3D"),
        "sections" => repeat("Content-Disposition: attachment", "; n*1=a; n*0*=b"),
        "references" => repeat("References: ", "<<@>"),
        "html-tags" => repeat("Content-Type: text/html\r\n\r\n", "<div a='><!--<p></x "),
        "html-tables" => repeat("Content-Type: text/html\r\n\r\n", "<table><tr><td><ul><li>"),
        "html-entities" => repeat("Content-Type: text/html\r\n\r\n", "&#x1F600&ampamp&"),
        "html-pre" => repeat("Content-Type: text/html\r\n\r\n<pre>", " \r\n"),
        "base64" => repeat("Content-Transfer-Encoding: base64\r\n\r\n", "AAAA\r\nA?AA\r\n\r\n=\r\n"),
        "base64-line" => repeat("Content-Transfer-Encoding: base64\r\n\r\n", "AAAA!"),
        "quoted-printable" => repeat("Content-Transfer-Encoding: quoted-printable\r\n\r\n", "= \t=\r\r=3"),
        "uuencode" => repeat("\r\n", "\r\nbegin 644 a\r\n`\r\n"),
        "recipients" => Vec::new(),
        _ => panic!("no shape {shape}"),
    };
    let addresses: Vec<Address> =
        (0..size / 32).map(|n| Address::new(&format!("{n:020}@example.org")).unwrap()).collect();
    if !message.ends_with(b"\n") {
        message.extend_from_slice(b"\r\n\r\n");
    }
    let is_written = shape == "recipients";
    move || {
        if is_written {
            let message = Message::new(addresses[0].clone());
            let message = addresses.into_iter().fold(message, Message::to);
            return black_box(message.build(DateTime::new(0, 0).unwrap(), [0; 16]).unwrap()).octets.len();
        }
        let message = parse::Message::parse(&message);
        let lists = [message.from(), message.to(), message.addresses("received")];
        black_box((message.subject(), message.references(), lists, message.attachments().count()));
        black_box((message.text(), message.html()));
        let leaves = message.parts().iter().filter(|part| part.kind() == parse::Kind::Leaf);
        leaves.map(|part| black_box((part.text(), part.file_name())).0.len()).sum()
    }
}
