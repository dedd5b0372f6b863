use std::io::Write;

use jiff::tz::TimeZone;
use mailbearer::{News, WatchOptions};
use serde_json::json;

use crate::{
    cli::{GlobalArgs, WatchArgs},
    error::Error,
    output::{self, Output},
    row,
    session::Session,
    value,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &WatchArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    super::check_folder(&arguments.folder)?;
    let session = Session::open(global, true)?;
    let mut options = WatchOptions::default();
    options.flags = arguments.all;
    let mut watcher = session.with_token(|client| client.watch_with(&arguments.folder, options))?;
    let zone = value::zone();
    loop {
        let news = watcher.next()?;
        match &news {
            // What the first attempt mends is no news: connections break, and tokens run out by the hour.
            News::Interrupted { why, retry_in } if !retry_in.is_zero() => {
                output::warning(&format!(
                    "{why}; connecting anew in {} s",
                    retry_in.as_secs().saturating_add(1)
                ));
            }
            News::Renumbered { .. } => {
                output::warning("the folder was made anew: its messages have other UIDs")
            }
            _ => {}
        }
        if out.is_json() {
            if let Some(object) = object(news, arguments.all) {
                out.json(&object)?;
            }
        } else if let Some(line) = line(news, arguments.all, &zone, out.width()) {
            out.line(&line)?;
        }
    }
}

/// With `--all` each object says what happened.
fn object(news: News, all: bool) -> Option<serde_json::Value> {
    Some(match news {
        News::Arrived(summary) => {
            let mut object = row::object(&summary);
            if all && let Some(fields) = object.as_object_mut() {
                fields.insert("event".into(), "arrived".into());
            }
            object
        }
        News::Flags { uid, flags } if all => {
            let flags: Vec<_> = flags.iter().map(ToString::to_string).collect();
            json!({ "event": "flags", "uid": uid, "flags": flags })
        }
        News::Expunged { uid } if all => json!({ "event": "expunged", "uid": uid }),
        News::Renumbered { uid_validity } if all => {
            json!({ "event": "renumbered", "uid_validity": uid_validity })
        }
        _ => return None,
    })
}

fn line(news: News, all: bool, zone: &TimeZone, width: Option<usize>) -> Option<String> {
    Some(match news {
        News::Arrived(summary) => row::line(&summary, zone, width),
        News::Flags { uid, flags } if all => {
            let flags: Vec<_> = flags.iter().map(ToString::to_string).collect();
            format!("{uid:>7}  flags     {}", flags.join(" ")).trim_end().to_owned()
        }
        News::Expunged { uid } if all => format!("{uid:>7}  expunged"),
        _ => return None,
    })
}
