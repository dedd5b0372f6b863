use std::io;

use mailbearer_mime::Composed;
use mailbearer_smtp::Envelope;

#[cfg(feature = "pool")]
use crate::Outcome;

/// A message to send: an envelope and its content (RFC 5321 section 2.3.1), from memory, or from a source that is read
/// as it is sent.
pub trait MailObject: Send {
    /// Returns sender and recipients, and what the server must know beforehand.
    fn envelope(&self) -> Envelope;

    /// Returns the octets from `offset` on, as many as are available. Empty at the end of the message. `offset` grows
    /// by what was taken, or starts at 0 again if the message is sent once more on another connection. Reading may
    /// block the thread.
    ///
    /// # Errors
    ///
    /// Fails if the octets can't be read. The message is not delivered then.
    fn octets(&mut self, offset: u64) -> io::Result<&[u8]>;

    /// Called when all octets are on their way, but not the end of the message, after which it may be unknown what
    /// becomes of it. Does nothing by default.
    ///
    /// `recipients` are those of the envelope to whom it goes now, without those whom the server has refused by then. A [`Pool`](crate::Pool) that sends a message in
    /// parts calls this for each part. It calls this again if a part has to be sent once more.
    ///
    /// # Errors
    ///
    /// Fails if the message should not be delivered after all.
    fn before_end(&mut self, recipients: &[String]) -> io::Result<()> {
        let _ = recipients;
        Ok(())
    }

    /// Called when a part of the message has ended and a [`Pool`](crate::Pool) has others to send. Does nothing by default.
    ///
    /// `recipients` are those of the part. [`Outcome::fate`] has what became of it for each of them; a recipient for whom it
    /// is deferred may get it with a later part. The outcome of the whole message has all of this again.
    #[cfg(feature = "pool")]
    fn after_part(&mut self, recipients: &[String], outcome: &Outcome) {
        let _ = (recipients, outcome);
    }
}

impl MailObject for &Composed {
    fn envelope(&self) -> Envelope {
        let mut envelope = Envelope::new(&self.sender, &self.recipients);
        envelope.size = u64::try_from(self.octets.len()).ok();
        envelope.eight_bit = self.needs_8bitmime;
        envelope.smtp_utf8 = self.needs_smtputf8;
        envelope
    }

    fn octets(&mut self, offset: u64) -> io::Result<&[u8]> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.octets.get(offset..));
        Ok(rest.unwrap_or_default())
    }
}
