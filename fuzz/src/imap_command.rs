//! A command that a server reads can be said by a client, and is read the same then.

use mailbearer_imap::{Command, Dialect, Invalid, Literals, Next, server::parse_command};
use mailbearer_wire::SendBuf;

use crate::wire;

/// `data` is a command.
pub fn run(data: &[u8]) {
    let Ok((_, command)) = parse_command(data) else { return };
    for literals in [Literals::Plus, Literals::Minus, Literals::Synchronizing] {
        for utf8 in [false, true] {
            let mut dialect = Dialect::default();
            (dialect.literals, dialect.utf8) = (literals, utf8);
            check(&command, dialect);
        }
    }
}

/// What the command is written as, if it can be, is one command and the same.
pub(crate) fn check(command: &Command<'_>, dialect: Dialect) {
    let Ok(octets) = written(command, dialect) else { return };
    let shown = || format!("{command:?}\nwas written as {}", octets.escape_ascii());
    assert_eq!(wire::imap_end(&octets), Some(octets.len()), "not one command: {}", shown());
    let (tag, again) = match parse_command(&octets) {
        Ok(read) => read,
        Err(error) => panic!("not read: {error:?}: {}", shown()),
    };
    assert_eq!(tag, "A1", "{}", shown());
    if dialect.utf8 && shown().contains('&') {
        // In UTF-8 an ampersand is one, and in modified UTF-7 it is not; a name does not say in which it is.
        return;
    }
    assert_eq!(written(&again, dialect).as_deref(), Ok(&*octets), "{}", shown());
    if let Some(wanted) = plain(command) {
        assert_eq!(format!("{again:?}"), wanted, "{}", shown());
    }
}

/// The command as it is read again; `None` where there is more than one way to have the same.
fn plain(command: &Command<'_>) -> Option<String> {
    let shown = format!("{command:?}");
    // Octets from elsewhere are octets, a list of one key is that key, and of no events there is no state to tell.
    let other = ["Stream(", "And(", "Notify { status: true, groups: [] }"];
    (!other.iter().any(|other| shown.contains(other))).then_some(shown)
}

/// The command with every literal granted. At each wait the server has seen an announcement, and nothing behind it.
fn written(command: &Command<'_>, dialect: Dialect) -> Result<Vec<u8>, Invalid> {
    let (mut encoded, mut tx) = (command.encode("A1", dialect)?, SendBuf::new());
    loop {
        match encoded.send(&mut tx) {
            Next::Done => return Ok(tx.unsent().to_vec()),
            Next::Wait => {
                let announced = tx.unsent().strip_suffix(b"\r\n").and_then(wire::announced);
                assert!(announced.is_some(), "waits behind {}", tx.unsent().escape_ascii());
                assert_ne!(dialect.literals, Literals::Plus);
            }
            Next::Stream(size) => tx.push_bulk(&vec![b'x'; usize::try_from(size).unwrap()]),
        }
    }
}
