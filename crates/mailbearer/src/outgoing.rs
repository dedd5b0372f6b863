use std::{fs::File, io::Read, path::Path};

use mailbearer_mime::{
    Message,
    compose::{self, Draft, FileEncoder, Piece},
};
use mailbearer_net::Runtime;
use mailbearer_smtp::{Envelope, Receipt};

use crate::{Client, Error, Smtp, raw::pieces};

/// A message whose files are read as it is sent, however large they are.
///
/// ```no_run
/// # use mailbearer::{Address, Client, Message, Outgoing};
/// # fn job(robot: Client) -> Result<(), Box<dyn std::error::Error>> {
/// let message = Message::new(Address::parse("robot@contoso.com")?).to(Address::parse("ann@example.org")?).text("Here it is.\n");
/// let message = Outgoing::new(message).attach_path("video.mp4".as_ref(), "video/mp4")?;
/// robot.send_outgoing(message)?;
/// # Ok(()) }
/// ```
pub struct Outgoing<'r> {
    message: Message,
    files: Vec<Source<'r>>,
}

struct Source<'r> {
    reader: Box<dyn Read + Send + 'r>,
    size: Option<u64>,
}

impl std::fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing").field("message", &self.message).finish_non_exhaustive()
    }
}

impl<'r> Outgoing<'r> {
    /// Makes an outgoing message that has no such files yet.
    #[must_use]
    pub const fn new(message: Message) -> Self {
        Self { message, files: Vec::new() }
    }

    /// Adds a file by its path, under the name that it has there. Opens it now, and reads it as the message is sent.
    ///
    /// # Errors
    ///
    /// Fails if the file can't be opened, and for a folder.
    pub fn attach_path(self, path: &Path, content_type: &str) -> Result<Self, Error> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(Error::from(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
        }
        // A pipe has no size.
        let size = metadata.is_file().then_some(metadata.len());
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(self.attach_reader(&name, content_type, file, size))
    }

    /// Adds what `reader` returns, which has `size` octets if that is known. If all sizes are known, the server can
    /// refuse a message that is too large before it is sent.
    #[must_use]
    pub fn attach_reader(
        mut self,
        name: &str,
        content_type: &str,
        reader: impl Read + Send + 'r,
        size: Option<u64>,
    ) -> Self {
        self.message = self.message.attach_later(name, content_type, size);
        self.files.push(Source { reader: Box::new(reader), size });
        self
    }
}

/// A message that is ready to be sent, made by [`Client::prepare`].
pub struct Prepared<'r> {
    draft: Draft,
    files: Vec<Source<'r>>,
    at: At,
}

/// How far a message was read.
#[derive(Default)]
struct At {
    piece: usize,
    /// Octets of the piece that were read, or the file that it is.
    octets: usize,
    file: Option<Encoding>,
}

impl std::fmt::Debug for Prepared<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared").field("size", &self.draft.size()).finish_non_exhaustive()
    }
}

impl Prepared<'_> {
    /// Returns its Message-ID, with the angle brackets. If it is not known whether the message was sent,
    /// [`Client::arrived`] looks for it.
    #[must_use]
    pub fn message_id(&self) -> Option<String> {
        let Some(Piece::Octets(start)) = self.draft.pieces().next() else { return None };
        mailbearer_mime::parse::Message::parse(start).message_id()
    }
}

impl<R: Runtime> Client<R> {
    /// Gives a message the present time in UTC and a random Message-ID. Reads no file yet.
    ///
    /// # Errors
    ///
    /// Fails for a field that can't be in a message, and names the field.
    pub fn prepare<'r>(&self, message: Outgoing<'r>) -> Result<Prepared<'r>, Error> {
        let (now, random) = self.now_and_random()?;
        let draft = message.message.draft(now, random)?;
        Ok(Prepared { draft, files: message.files, at: At::default() })
    }

    /// Logs in, sends one message, and says goodbye. Files are read as the message is sent; that blocks the thread.
    ///
    /// # Errors
    ///
    /// Fails as [`connect_smtp`](Self::connect_smtp) and [`Smtp::send_prepared`] do.
    pub fn send_outgoing<'a>(&'a self, message: Outgoing<'a>) -> R::Task<'a, Result<Receipt, Error>> {
        R::task(async move {
            let prepared = self.prepare(message)?;
            let mut smtp = self.open_smtp().await?;
            let verdict = smtp.stream(prepared).await;
            // The server has accepted or refused the message already.
            let _ = smtp.say_goodbye().await;
            verdict
        })
    }
}

impl<R: Runtime> Smtp<R> {
    /// Sends one message. Files are read as it is sent; that blocks the thread.
    ///
    /// # Errors
    ///
    /// Fails as [`send`](Self::send) does, and if a file can't be read or has another size than was given. Then nothing
    /// is delivered, and the session has ended.
    pub fn send_prepared<'a>(&'a mut self, message: Prepared<'a>) -> R::Task<'a, Result<Receipt, Error>> {
        R::task(self.stream(message))
    }

    async fn stream(&mut self, mut message: Prepared<'_>) -> Result<Receipt, Error> {
        let mut submission = self.start_submission(message.envelope()).await?;
        let mut piece = Vec::new();
        loop {
            message.next_piece(&mut piece)?;
            if piece.is_empty() {
                return submission.end().await;
            }
            submission.give(&piece).await?;
        }
    }
}

impl Prepared<'_> {
    /// Returns the sender, the recipients, the size, and the extensions that the message needs of the server.
    #[must_use]
    pub fn envelope(&self) -> Envelope {
        let composed = self.draft.composed();
        let mut envelope = Envelope::new(&composed.sender, &composed.recipients);
        envelope.size = self.draft.size();
        envelope.eight_bit = composed.needs_8bitmime;
        envelope.smtp_utf8 = composed.needs_smtputf8;
        envelope
    }

    /// Reads the files, and gives the octets of the message to `sink`, in pieces.
    ///
    /// # Errors
    ///
    /// Fails if reading or `sink` fails, and if a file has another size than was given. `sink` has a part of the
    /// message then.
    pub fn copy<E: From<Error>>(mut self, sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        pieces(|piece| self.next_piece(piece), sink)
    }

    /// Puts the next octets of the message into `piece`, in place of what is there: at most 80 KiB at a time. None are
    /// left at the end.
    ///
    /// # Errors
    ///
    /// Fails if a file can't be read, or has another size than was given.
    pub fn next_piece(&mut self, piece: &mut Vec<u8>) -> Result<(), Error> {
        piece.clear();
        let Self { draft, files, at } = self;
        while let Some(part) = draft.pieces().nth(at.piece) {
            match part {
                Piece::Octets(octets) => {
                    let rest = octets.get(at.octets..).unwrap_or_default();
                    piece.extend_from_slice(rest.get(..PIECE).unwrap_or(rest));
                    at.octets = at.octets.saturating_add(piece.len());
                }
                Piece::File(number) => {
                    // A file that was added to the message itself has no reader.
                    let source = files.get_mut(number).ok_or(compose::Error::ReadLater)?;
                    let file = at.file.get_or_insert_with(Encoding::new);
                    while piece.is_empty() && file.next(source, piece)? {}
                }
            }
            if !piece.is_empty() {
                return Ok(());
            }
            *at = At { piece: at.piece.saturating_add(1), ..At::default() };
        }
        Ok(())
    }
}

/// A file that is being encoded in base64.
struct Encoding {
    /// `None` after the last line.
    encoder: Option<FileEncoder>,
    piece: Vec<u8>,
    read: u64,
}

impl Encoding {
    fn new() -> Self {
        Self { encoder: Some(FileEncoder::default()), piece: vec![0; PIECE], read: 0 }
    }

    /// Fills `encoded` with the next octets. Returns false after the last.
    fn next(&mut self, source: &mut Source<'_>, encoded: &mut Vec<u8>) -> Result<bool, Error> {
        encoded.clear();
        let Some(encoder) = &mut self.encoder else { return Ok(false) };
        let count = loop {
            match source.reader.read(&mut self.piece) {
                Ok(count) => break count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        };
        self.read = self.read.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        // The server was given the size.
        let is_wrong = |size: u64| self.read > size || (count == 0 && self.read < size);
        if source.size.is_some_and(is_wrong) {
            return Err(std::io::Error::other("a file is not as long as was said").into());
        }
        if count == 0 {
            encoder.finish(encoded);
            self.encoder = None;
        } else {
            encoder.encode(self.piece.get(..count).unwrap_or_default(), encoded);
        }
        Ok(true)
    }
}

/// How many octets are read at a time. They make whole lines of base64, so that none has to be completed by copying.
const PIECE: usize = 57 * 1024;

impl Outgoing<'_> {
    /// Changes the message, for example by adding a field.
    #[must_use]
    pub fn map(mut self, change: impl FnOnce(Message) -> Message) -> Self {
        self.message = change(self.message);
        self
    }
}
