//! Whatever a file of the spool holds, it is read or refused, and what is read fits the file.

use std::io::Cursor;

use mailbearer_bridge::spool::Stored;

/// `data` is a file.
pub fn run(data: &[u8]) {
    let Ok(stored) = Stored::read(&mut Cursor::new(data)) else { return };
    assert!(!stored.states.is_empty() && stored.states.len() == stored.envelope.recipients.len());
    assert!(stored.envelope.size.is_some_and(|size| size <= data.len() as u64));
    // A line that is cut off says nothing, and takes nothing of what was said before.
    let cut = &data[..data.len().saturating_sub(1)];
    if let Ok(less) = Stored::read(&mut Cursor::new(cut)) {
        assert!(less.attempts <= stored.attempts && less.envelope.recipients == stored.envelope.recipients);
    }
}
