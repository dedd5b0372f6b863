//! The text and the attachments of a message, for `fetch`.

use std::{
    ffi::OsStr,
    io::{self, Write},
    path::Path,
};

use mailbearer::{Blocking, Imap, Kind, Part, proto::wire::printable};
use serde_json::json;

use crate::{
    cli::{FetchArgs, GlobalArgs},
    error::Error,
    exit::Exit,
    interrupt::Interrupts,
    media,
    output::Output,
    packed, partial, structure,
};

/// Hands the text of the message to `sink`, or its HTML. Returns how many octets there were.
pub(super) fn text(
    imap: &mut Imap<Blocking>,
    arguments: &FetchArgs,
    mut sink: impl FnMut(&[u8]) -> Result<(), Error>,
) -> Result<u64, Error> {
    let mut folder = imap.examine(&arguments.folder)?;
    let mut message = folder.message(arguments.uid.get())?;
    let text = if arguments.html {
        packed::html(&mut message)?.ok_or_else(|| {
            Error::new(Exit::Data, "the message has no HTML text").hint("--text gives the text that it has")
        })?
    } else {
        packed::text(&mut message)?.0
    };
    sink(text.as_bytes())?;
    Ok(u64::try_from(text.len()).unwrap_or(u64::MAX))
}

/// Writes each attachment into a folder. Takes their names from the message, made safe, and never replaces a file.
pub(super) fn attachments(
    global: &GlobalArgs,
    arguments: &FetchArgs,
    folder: &Path,
    interrupts: &Interrupts,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    let cannot = |error: &io::Error| cannot_write(folder, error);
    if !std::fs::metadata(folder).map_err(|error| cannot(&error))?.is_dir() {
        return Err(cannot(&io::ErrorKind::NotADirectory.into()));
    }
    super::with_imap(global, &[&arguments.folder], |imap| {
        let mut mailbox = imap.examine(&arguments.folder)?;
        let mut message = mailbox.message(arguments.uid.get())?;
        if message.outline().parts.is_empty() {
            return Err(no_structure(
                arguments.uid.get(),
                "`fetch --output FILE` gives the message as it is",
            ));
        }
        let attached: Vec<Part> = message.outline().files().cloned().collect();
        let to = Folder { path: folder, interrupts };
        let mut told = |part: Option<&Part>, name: &str, octets: u64| {
            if out.is_json() {
                let part = part.map(|part| structure::dotted(&part.number));
                out.json(&json!({ "part": part, "file": name, "octets": octets }))
            } else {
                out.line(name)
            }
        };
        let mut left_out = Vec::new();
        for (number, part) in attached.iter().enumerate() {
            // Nobody can open `winmail.dat` itself, so its files are written.
            if let Some(opened) = packed::open(&mut message, part)? {
                for (number, file) in opened.files.iter().enumerate() {
                    let (name, octets) = to.write_packed(file, number)?;
                    told(Some(part), &name, octets)?;
                }
                continue;
            }
            let name = safe_name(part.name.as_deref().unwrap_or_default(), &part.media_type, number);
            let mut content = match message.content(part) {
                // The others are written all the same.
                Err(error) if error.kind() == Kind::NoData => {
                    left_out.push(match part.number.as_slice() {
                        [] => "without a number".to_owned(),
                        number => structure::dotted(number),
                    });
                    continue;
                }
                content => content?,
            };
            let (name, octets) = to.write(&name, |to| {
                while let Some(piece) = content.next()? {
                    to.write_all(&piece).map_err(|error| cannot(&error))?;
                }
                Ok(())
            })?;
            told(Some(part), &name, octets)?;
        }
        for (file, number) in packed::in_text(&mut message)?.iter().zip(attached.len()..) {
            let (name, octets) = to.write_packed(file, number)?;
            told(None, &name, octets)?;
        }
        if left_out.is_empty() {
            return Ok(());
        }
        out.flush()?;
        Err(Error::new(Exit::Data, format!("not written: part {}", left_out.join(", ")))
            .hint("its transfer encoding is not known, or the server gives it no number to fetch it by"))
    })
}

/// The folder for attachments.
struct Folder<'a> {
    path: &'a Path,
    interrupts: &'a Interrupts,
}

impl Folder<'_> {
    /// Writes a file. It has a temporary name until it is whole, and a signal removes it. Returns its name and length.
    fn write(
        &self,
        name: &str,
        content: impl FnOnce(&mut std::fs::File) -> Result<(), Error>,
    ) -> Result<(String, u64), Error> {
        let cannot = |error: &io::Error| cannot_write(self.path, error);
        let file = self.interrupts.create(|| partial::readable(self.path, OsStr::new(".")));
        let mut file = file.map_err(|error| cannot(&error))?;
        content(file.as_file_mut())?;
        file.as_file().sync_all().map_err(|error| cannot(&error))?;
        let octets = file.as_file().metadata().map_err(|error| cannot(&error))?.len();
        let name = keep(file, self.path, name, self.interrupts).map_err(|error| cannot(&error))?;
        Ok((name, octets))
    }

    /// Writes a file that was packed in a part.
    fn write_packed(&self, file: &packed::File, number: usize) -> Result<(String, u64), Error> {
        let name = safe_name(&file.name, &file.media_type, number);
        self.write(&name, |to| to.write_all(&file.octets).map_err(|error| cannot_write(self.path, &error)))
    }
}

/// The error of a message of which the server does not tell what it is made of.
pub(super) fn no_structure(uid: u32, hint: &str) -> Error {
    Error::new(Exit::Unavailable, format!("the server gives no structure of message {uid} that can be read"))
        .hint(hint)
}

fn cannot_write(folder: &Path, error: &io::Error) -> Error {
    Error::output("write into", folder, error)
}

/// Gives the file its name, with a number if that is taken. Returns the name.
fn keep(
    mut file: tempfile::NamedTempFile,
    folder: &Path,
    name: &str,
    interrupts: &Interrupts,
) -> io::Result<String> {
    let (stem, extension) = split(name);
    for number in 1..=10_000 {
        let name = if number == 1 { name.to_owned() } else { format!("{stem} ({number}){extension}") };
        let temporary = file.path().to_owned();
        let kept = interrupts.release(&temporary, || file.persist_noclobber(folder.join(&name)));
        match kept {
            Ok(_) => return Ok(name),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => file = error.file,
            Err(error) => return Err(error.error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// A file name for a part that every system takes: no path, no control character and none that nobody sees, nothing that
/// Windows reads in another way, no option of a command, not hidden, and not too long.
fn safe_name(given: &str, media_type: &str, number: usize) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_bad = |c: char| {
        let mut buffer = [0; 4];
        let text: &str = c.encode_utf8(&mut buffer);
        "<>:\"|?*\u{fffd}".contains(c) || printable(text) != text
    };
    let cleaned: String = last.chars().map(|c| if is_bad(c) { '_' } else { c }).collect();
    let name = cleaned.trim_start_matches(['.', ' ', '-']).trim_end_matches(['.', ' ']);
    let (stem, extension) = split(name);
    let device = stem.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let is_device = matches!(device.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || ["COM", "LPT"].iter().any(|kind| {
            let number = device.strip_prefix(kind).unwrap_or_default();
            number.chars().count() == 1 && number.contains(|c| "0123456789\u{b9}\u{b2}\u{b3}".contains(c))
        });
    if stem.is_empty() {
        let extension = media::extension(media_type).map(|extension| format!(".{extension}"));
        return format!("attachment-{}{}", number.saturating_add(1), extension.unwrap_or_default());
    }
    let prefix = if is_device { "_" } else { "" };
    let name = format!("{prefix}{}{}", cut(stem, 180), cut(extension, 20));
    // Windows drops what stands there now.
    name.trim_end_matches(['.', ' ']).to_owned()
}

/// Splits a name from its extension, which keeps its dot.
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.').filter(|&at| at > 0) {
        Some(at) => name.split_at_checked(at).unwrap_or((name, "")),
        None => (name, ""),
    }
}

/// `text`, cut to at most so many octets.
fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use mailbearer::proto::imap::{Data, Frame, Response};

    use super::*;

    fn named(name: &str, kind: &str) -> String {
        let (media, subtype) = kind.split_once('/').unwrap();
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let line = format!(
            "* 1 FETCH (BODYSTRUCTURE (\"{media}\" \"{subtype}\" (\"name*\" \"utf-8''{encoded}\") NIL NIL \"7bit\" 1 1))\r\n"
        );
        let frame = Frame::from(line.into_bytes());
        let Ok(Response::Untagged(Data::Fetch(fetch))) = frame.response() else { panic!("{name}") };
        let part = &Part::all(&fetch.items).unwrap()[0];
        safe_name(part.name.as_deref().unwrap_or_default(), &part.media_type, 0)
    }

    #[test]
    fn names_are_safe_everywhere() {
        let long = "x".repeat(300);
        for (name, want) in [
            ("a.pdf", "a.pdf"),
            ("发票 1.pdf", "发票 1.pdf"),
            ("../../etc/passwd", "passwd"),
            ("..\\..\\win.ini", "win.ini"),
            ("/etc/passwd", "passwd"),
            ("C:\\x\\y.txt", "y.txt"),
            ("..", "attachment-1"),
            (".bashrc", "bashrc"),
            ("-rf", "rf"),
            ("a/", "attachment-1"),
            ("", "attachment-1"),
            ("a\r\nb\0c\u{1b}.txt", "a__b_c_.txt"),
            ("gpj.\u{202e}exe", "gpj._exe"),
            ("a\u{61c}b\u{ad}.exe", "a_b_.exe"),
            ("a:b|c?.txt", "a_b_c_.txt"),
            ("CON", "_CON"),
            ("nul.txt", "_nul.txt"),
            ("com1.log", "_com1.log"),
            ("lpt\u{b9} .log", "_lpt\u{b9} .log"),
            ("conout$", "_conout$"),
            ("comb.txt", "comb.txt"),
            ("a\u{e0041}\u{180e}\u{2029}b", "a___b"),
            ("\u{3164}.exe\u{fffb}\u{feff}", "_.exe__"),
            (&format!("{} {long}", &long[..179]), &long[..179]),
            ("a.0123456789abcdefgh b", "a.0123456789abcdefgh"),
            ("trailing. . ", "trailing"),
            (&format!("{long}.pdf"), &format!("{}.pdf", &long[..180])),
        ] {
            let got = named(name, "text/x");
            assert_eq!(got, *want, "{name:?}");
            assert!(Path::new(&got).file_name().is_some_and(|file| file == got.as_str()), "{name:?}");
        }
        assert_eq!(named("", "text/plain"), "attachment-1.txt");
        assert_eq!(named("../", "application/pdf"), "attachment-1.pdf");
    }
}
