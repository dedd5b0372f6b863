use std::io::{self, Write};

use jiff::Timestamp;
use mailbearer::proto::wire::printable;
use mailbearer_bridge::relay::LogLine;
use serde_json::{Map, Value};

use super::settings::Log;

/// Writes a line of the log to standard error.
pub(crate) fn write(form: Log, line: &LogLine) {
    let time = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let text = match form {
        Log::None => return,
        Log::Text => text(line),
        Log::Json => json(line, &time),
    };
    let text = if form == Log::Text { format!("{time} {text}\n") } else { format!("{text}\n") };
    // The relay goes on when nobody reads its log.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

fn text(line: &LogLine) -> String {
    let mut text = line.kind.to_owned();
    for (name, value) in &line.fields {
        let value = printable(value);
        let is_plain = !value.is_empty() && !value.contains([' ', '"', '=']);
        let value = if is_plain { value } else { format!("\"{}\"", value.replace('"', "\\\"")).into() };
        text.push_str(&format!(" {name}={value}"));
    }
    text
}

fn json(line: &LogLine, time: &str) -> String {
    let mut map = Map::new();
    map.insert("time".into(), time.into());
    map.insert("kind".into(), line.kind.into());
    for (name, value) in &line.fields {
        let value = printable(value).to_string();
        match map.get_mut(*name) {
            // Several recipients have the same field.
            Some(Value::Array(all)) => all.push(value.into()),
            Some(one) => *one = Value::Array(vec![one.take(), value.into()]),
            None => drop(map.insert((*name).into(), value.into())),
        }
    }
    Value::Object(map).to_string()
}
