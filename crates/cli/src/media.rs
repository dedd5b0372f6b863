//! Media types of files, and what their names end with.

use std::path::Path;

/// The media type by the file name; `application/octet-stream` if the name says nothing.
pub(crate) fn by_name(file: &Path) -> &'static str {
    let extension = file.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let known = CONTENT_TYPES.iter().find(|(extensions, _)| extensions.contains(&extension.as_str()));
    known.map_or("application/octet-stream", |(_, media_type)| media_type)
}

/// The extension that files of a type have, if it is one that we know.
pub(crate) fn extension(media_type: &str) -> Option<&'static str> {
    if media_type == "message/rfc822" {
        return Some("eml");
    }
    let known = CONTENT_TYPES.iter().find(|(_, known)| *known == media_type);
    known.and_then(|(extensions, _)| extensions.first().copied())
}

/// Types of files that are mailed. Text is sent as it is, so no charset is claimed for it; a message is no
/// `message/rfc822`, which may not be encoded.
const CONTENT_TYPES: &[(&[&str], &str)] = &[
    (&["txt", "log", "md"], "text/plain"),
    (&["csv"], "text/csv"),
    (&["html", "htm"], "text/html"),
    (&["ics"], "text/calendar"),
    (&["xml"], "application/xml"),
    (&["json"], "application/json"),
    (&["pdf"], "application/pdf"),
    (&["zip"], "application/zip"),
    (&["gz", "tgz"], "application/gzip"),
    (&["rtf"], "application/rtf"),
    (&["doc"], "application/msword"),
    (&["xls"], "application/vnd.ms-excel"),
    (&["ppt"], "application/vnd.ms-powerpoint"),
    (&["docx"], "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (&["xlsx"], "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (&["pptx"], "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    (&["odt"], "application/vnd.oasis.opendocument.text"),
    (&["ods"], "application/vnd.oasis.opendocument.spreadsheet"),
    (&["png"], "image/png"),
    (&["jpg", "jpeg"], "image/jpeg"),
    (&["gif"], "image/gif"),
    (&["webp"], "image/webp"),
    (&["svg"], "image/svg+xml"),
    (&["tif", "tiff"], "image/tiff"),
    (&["mp3"], "audio/mpeg"),
    (&["wav"], "audio/wav"),
    (&["mp4"], "video/mp4"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_by_the_file_name() {
        for (name, want) in [
            ("a.PDF", "application/pdf"),
            ("a.tar.gz", "application/gzip"),
            ("a.eml", "application/octet-stream"),
            ("a", "application/octet-stream"),
            (".pdf", "application/octet-stream"),
        ] {
            assert_eq!(by_name(Path::new(name)), want, "{name}");
        }
    }

    #[test]
    fn a_type_has_an_extension() {
        for (media_type, want) in [
            ("application/pdf", Some("pdf")),
            ("text/html", Some("html")),
            ("image/jpeg", Some("jpg")),
            ("message/rfc822", Some("eml")),
            ("application/octet-stream", None),
        ] {
            assert_eq!(extension(media_type), want, "{media_type}");
        }
    }
}
