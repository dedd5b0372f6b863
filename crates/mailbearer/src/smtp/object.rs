use std::io;

use mailbearer_mime::Composed;
use mailbearer_smtp::Envelope;

/// A message to be sent: an envelope and its content (RFC 5321 section 2.3.1), from memory or from where it is read
/// meanwhile.
pub trait MailObject: Send {
    /// From whom and to whom it goes, and what the server must know of it beforehand.
    fn envelope(&self) -> Envelope;

    /// The octets from `offset` on, as many as are at hand; empty at the end of the message. `offset` grows by what was
    /// taken, or starts at 0 again where the message is sent once more on another connection. Reading may block the thread.
    ///
    /// # Errors
    ///
    /// Fails if they can't be read. The message is not delivered then.
    fn octets(&mut self, offset: u64) -> io::Result<&[u8]>;

    /// Called when every octet is on its way and before the end of the message is, behind which its fate may be unknown.
    /// By itself does nothing.
    ///
    /// # Errors
    ///
    /// Fails if the message is not to be delivered after all.
    fn before_end(&mut self) -> io::Result<()> {
        Ok(())
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
