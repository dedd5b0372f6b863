//! What the peers read.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use mail_parser::{MessageParser, MimeHeaders, PartType};
use serde_json::Value;

use crate::{
    Read,
    ours::{crc32, one_line},
    packages::Message,
};

/// Python's `email` reads all of them in one process.
pub(crate) fn python(messages: &[Message]) -> Vec<Read> {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("own-messages");
    std::fs::create_dir_all(&folder).unwrap();
    let paths = messages.iter().enumerate().map(|(number, message)| match &message.path {
        Some(path) => path.display().to_string(),
        None => {
            let path = folder.join(format!("{number}.eml"));
            std::fs::write(&path, &message.octets).unwrap();
            path.display().to_string()
        }
    });
    let input = paths.collect::<Vec<_>>().join("\n");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/agreement/peer.py");
    let mut child = Command::new("python3")
        .args(["-W", "ignore", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let lines: Vec<Read> = String::from_utf8(output.stdout).unwrap().lines().map(of_python).collect();
    assert_eq!(lines.len(), messages.len());
    lines
}

fn of_python(line: &str) -> Read {
    let object: Value = serde_json::from_str(line).unwrap();
    let mut read = Read::new();
    let error = |value: &Value| {
        value.get("error").map(|error| format!("raises {}", error.as_str().unwrap_or_default()))
    };
    let mut set = |field: &str, value: &Value, shown: String| {
        _ = read.insert(field.into(), error(value).unwrap_or(shown))
    };
    let subject = &object["subject"];
    set("subject", subject, one_line(subject.as_str().unwrap_or_default()));
    for field in ["from", "to"] {
        let list = object[field].as_array().cloned().unwrap_or_default();
        let list =
            list.iter().filter_map(Value::as_str).filter(|address| !address.is_empty() && *address != "<>");
        set(field, &object[field], list.collect::<Vec<_>>().join(", "));
    }
    set("date", &object["date"], object["date"].as_i64().map_or("none".into(), |date| date.to_string()));
    let parts = object["parts"].as_array().cloned().unwrap_or_default();
    let types: Vec<_> = parts.iter().filter_map(|part| part["type"].as_str()).collect();
    set("structure", &object["parts"], types.join(" "));
    let names: Vec<_> = parts
        .iter()
        .filter_map(|part| part["name"].as_str())
        .filter(|name| !name.is_empty())
        .map(one_line)
        .collect();
    set("names", &object["parts"], names.join(" / "));
    let bodies = parts.iter().filter(|part| part["body"].is_array());
    let bodies: Vec<_> = bodies
        .map(|part| {
            format!("{}:{:08x}", part["body"][0].as_u64().unwrap(), part["body"][1].as_u64().unwrap())
        })
        .collect();
    set("bodies", &object["parts"], bodies.join(" "));
    read
}

pub(crate) fn mail_parser(octets: &[u8]) -> Read {
    let mut read = Read::new();
    let mut set = |field: &str, value: String| _ = read.insert(field.into(), value);
    let Some(message) = MessageParser::default().parse(octets) else {
        set("subject", "reads nothing".into());
        return read;
    };
    set("subject", one_line(message.subject().unwrap_or_default()));
    let addresses = |list: Option<&mail_parser::Address<'_>>| {
        let list = list.into_iter().flat_map(mail_parser::Address::iter);
        list.filter_map(|mailbox| mailbox.address()).collect::<Vec<_>>().join(", ")
    };
    set("from", addresses(message.from()));
    set("to", addresses(message.to()));
    set("date", message.date().map_or("none".into(), |date| date.to_timestamp().to_string()));
    let (mut names, mut binary, mut types) = (Vec::new(), Vec::new(), Vec::new());
    walk(&message, &mut names, &mut binary, &mut types);
    set("structure", types.join(" "));
    set("names", names.join(" / "));
    set("binary", binary.join(" "));
    read
}

fn walk(
    message: &mail_parser::Message<'_>,
    names: &mut Vec<String>,
    binary: &mut Vec<String>,
    types: &mut Vec<String>,
) {
    // Its parts are a list, in which a message in the message is one.
    for part in &message.parts {
        let kind = part.content_type().map_or("text/plain".into(), |kind| {
            format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("plain")).to_ascii_lowercase()
        });
        types.push(kind);
        names.extend(part.attachment_name().filter(|name| !name.is_empty()).map(one_line));
        match &part.body {
            PartType::Binary(body) | PartType::InlineBinary(body) => {
                binary.push(format!("{}:{:08x}", body.len(), crc32(body)));
            }
            PartType::Message(inner) => walk(inner, names, binary, types),
            _ => {}
        }
    }
}
