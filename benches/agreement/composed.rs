//! What we compose, read by Python's `email`: subject, people, texts and files.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use mailbearer_mime::{
    Address, DateTime, Message,
    compose::{FileEncoder, Piece},
};
use proptest::{collection::vec, option, prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Value, json};

/// What a message is made of.
#[derive(Clone, Debug)]
struct Parts {
    subject: String,
    to: Vec<String>,
    cc: Vec<String>,
    text: Option<String>,
    html: Option<String>,
    files: Vec<(String, Vec<u8>)>,
    eight_bit: bool,
}

/// Words and letters that writers and readers of fields trip over.
fn line() -> impl Strategy<Value = String> {
    let words = "([a-z]{1,12}|[ .,;:<>@()=?\"\\\\/_-]{1,3}|[\u{e4}\u{df}\u{20ac}\u{53d1}\u{7968}\u{1f600}]{1,9}|=\\?utf-8\\?Q\\?| ){0,24}";
    prop_oneof![words, "[a-zA-Z ]{0,120}", "\u{53d1}{0,60}", "a{0,200}"]
        .prop_map(|text| text.trim().to_owned())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "([a-z]{1,12}[ .]|\n|=|--|\\.|From |\u{fc}|\u{53d1}){0,80}",
        "x{990,1010}",
        "[a-z \t\u{e4}]{0,200}",
        "[\u{53d1}\u{7968}\n]{0,200}"
    ]
}

fn parts() -> impl Strategy<Value = Parts> {
    let people = || vec(line(), 0..4);
    let files = vec((line(), vec(any::<u8>(), 0..200)), 0..3);
    let texts = (option::of(text()), option::of(text()));
    (line(), people(), people(), texts, files, any::<bool>()).prop_map(
        |(subject, to, cc, (text, html), files, eight_bit)| Parts {
            subject,
            to,
            cc,
            text,
            html,
            files,
            eight_bit,
        },
    )
}

fn people(names: &[String], at: &str) -> Vec<Address> {
    let address = |(number, name): (usize, &String)| Address::named(name, &format!("p{number}@{at}.example"));
    names.iter().enumerate().map(|entry| address(entry).unwrap()).collect()
}

fn canonical(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    if text.is_empty() || text.ends_with('\n') { text } else { text + "\n" }
}

/// What we wrote, in the form in which `composed.py` tells what it read.
fn wanted(parts: &Parts) -> Value {
    let list = |names: &[String], at: &str| -> Vec<Value> {
        people(names, at).iter().map(|one| json!([one.name(), one.address()])).collect()
    };
    // Without any body a message has an empty text.
    let text = parts.text.as_deref().or(if parts.html.is_none() { Some("") } else { None });
    json!({
        "subject": parts.subject,
        "to": list(&parts.to, "to"),
        "cc": list(&parts.cc, "cc"),
        "text": text.map(canonical),
        "html": parts.html.as_deref().map(canonical),
        "files": parts.files.iter().map(|(name, octets)| json!([name, octets])).collect::<Vec<_>>(),
    })
}

/// Python keeps the space between two encoded words of a name, against RFC 2047 section 6.2, and makes one of several
/// spaces that a word holds.
fn without_spaces(people: &Value) -> Vec<String> {
    let texts = people.as_array().unwrap().iter().flat_map(|one| one.as_array().unwrap());
    texts.map(|text| text.as_str().unwrap().split_whitespace().collect()).collect()
}

#[test]
fn python_reads_what_we_compose() {
    let mut runner = TestRunner::deterministic();
    let kinds: Vec<Parts> = (0..400).map(|_| parts().new_tree(&mut runner).unwrap().current()).collect();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("composed-messages");
    fs::create_dir_all(&folder).unwrap();
    let mut paths = String::new();
    for (number, parts) in kinds.iter().enumerate() {
        let mut message = Message::new(Address::named("Robot", "robot@example.com").unwrap())
            .bcc(Address::new("desk@example.com").unwrap())
            .subject(parts.subject.as_str())
            .allow_8bit(parts.eight_bit);
        message = people(&parts.to, "to").into_iter().fold(message, Message::to);
        message = people(&parts.cc, "cc").into_iter().fold(message, Message::cc);
        message = parts.text.iter().fold(message, |message, text| message.text(text.as_str()));
        message = parts.html.iter().fold(message, |message, html| message.html(html.as_str()));
        message = parts.files.iter().fold(message, |message, (name, octets)| {
            message.attach(name.as_str(), "application/octet-stream", octets.as_slice())
        });
        let composed = message.build(DateTime::new(1_795_600_000, 60).unwrap(), [7; 16]).unwrap();
        let path = folder.join(format!("{number}.eml"));
        fs::write(&path, composed.octets).unwrap();
        paths.push_str(&format!("{}\n", path.display()));
    }
    let mut child = Command::new("python3")
        .args(["-W", "ignore", concat!(env!("CARGO_MANIFEST_DIR"), "/agreement/composed.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python");
    child.stdin.take().unwrap().write_all(paths.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let read: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(read.len(), kinds.len());
    let mut wrong = Vec::new();
    for (number, (parts, read)) in kinds.iter().zip(&read).enumerate() {
        for (field, wanted) in wanted(parts).as_object().unwrap() {
            let is_read = match field.as_str() {
                "to" | "cc" => without_spaces(&read[field]) == without_spaces(wanted),
                _ => read[field] == *wanted,
            };
            if !is_read {
                wrong.push(format!("{number} {field}: {wanted} was read as {}", read[field]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} messages:\n{}", wrong.len(), kinds.len(), wrong.join("\n"));
}

/// A file is read while its message is written: what is held does not grow with it.
#[test]
fn a_file_of_150_mb_is_composed_in_8_mib() {
    const SIZE: u64 = 150_000_000;
    let mut sent = 0_u64;
    let allocated = allocation_counter::measure(|| {
        let ann = Address::new("ann@example.org").unwrap();
        let message = Message::new(ann.clone()).to(ann).text("see").attach_later("a.bin", "a/b", Some(SIZE));
        let draft = message.draft(DateTime::new(0, 0).unwrap(), [7; 16]).unwrap();
        for piece in draft.pieces() {
            match piece {
                Piece::Octets(octets) => sent += u64::try_from(octets.len()).unwrap(),
                Piece::File(_) => {
                    let (mut encoder, mut out, mut left) = (FileEncoder::default(), Vec::new(), SIZE);
                    let read = [0xA5; 1 << 16];
                    while left > 0 {
                        let len = left.min(1 << 16);
                        encoder.encode(&read[..usize::try_from(len).unwrap()], &mut out);
                        left -= len;
                        sent += u64::try_from(out.len()).unwrap();
                        out.clear();
                    }
                    encoder.finish(&mut out);
                    sent += u64::try_from(out.len()).unwrap();
                }
            }
        }
        assert_eq!(Some(sent), draft.size());
    });
    assert!(allocated.bytes_max < 8 << 20, "{} octets at once", allocated.bytes_max);
    assert!(sent > 205_000_000, "{sent}");
}

/// A message in pieces, over TLS: what the client's thread holds does not grow with it, by DATA and by BDAT.
#[test]
fn a_message_of_150_mb_is_sent_in_8_mib() {
    const SIZE: usize = 150_000_000;
    for extensions in ["LIMITS MAILMAX=9", "CHUNKING"] {
        let mut options = mailbearer_mock::memory::Options::default();
        options.smtp_extensions = extensions.parse().unwrap();
        let mock = mailbearer_mock::Server::start(options).unwrap();
        let mut account = mailbearer::Account::custom(mock.user(), mock.token_url(), mock.scope())
            .client_credentials(mock.client_id(), mock.client_secret())
            .ca_pem(mock.ca_pem())
            .unwrap();
        let server = mailbearer::Server::new("localhost", mock.ports().smtps, mailbearer::Security::Implicit);
        account.smtp = Some(server);
        let client = account.blocking().unwrap();
        let line = [&[b'x'; 98][..], b"\r\n"].concat().repeat(500);
        let allocated = allocation_counter::measure(|| {
            let mut smtp = client.connect_smtp().unwrap();
            let mut submission = smtp.submit(mailbearer::Envelope::new(mock.user(), [mock.user()])).unwrap();
            for _ in 0..SIZE / line.len() {
                submission.write(&line).unwrap();
            }
            submission.finish().unwrap();
            smtp.quit().unwrap();
        });
        assert!(allocated.bytes_max < 8 << 20, "{extensions}: {allocated:?}");
        let messages = mock.mailbox().messages("INBOX");
        assert_eq!(messages.last().map(|message| message.octets.len()), Some(SIZE / line.len() * line.len()));
    }
}
