//! What broken and hostile clients send: no session panics, runs on for ever, or takes in what it should not.

use std::{convert::Infallible, sync::Arc};

use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step};

use super::{
    imap::Imap,
    pop3::Pop3,
    smtp::Smtp,
    testing::{USER, token, world, xoauth2},
    token_endpoint::TokenEndpoint,
};

/// A generator of numbers that are always the same (xorshift, Marsaglia 2003).
struct Noise(u64);

impl Noise {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0).unwrap_or_default().checked_rem(below).unwrap_or_default()
    }

    /// `script` with pieces of it dropped, doubled, moved and overwritten.
    fn disturb(&mut self, script: &[u8]) -> Vec<u8> {
        let mut out = script.to_vec();
        for _ in 0..=self.next(4) {
            let (at, length) = (self.next(out.len()), self.next(12));
            let end = at.saturating_add(length).min(out.len());
            match self.next(4) {
                0 => drop(out.drain(at..end)),
                1 => {
                    let piece = out[at..end].to_vec();
                    let to = self.next(out.len());
                    out.splice(to..to, piece);
                }
                2 => out[at..end].fill(b"\0\r\n \"\\{}()*%[]<>~\xff9A"[self.next(20)]),
                _ => {
                    let words: [&[u8]; 8] = [
                        b"{5}\r\n",
                        b"{99999999999}\r\n",
                        b"1:*",
                        b"(((",
                        b"\r\n.\r\n",
                        b"*",
                        b"\r\n",
                        b"BODY[1.1.1]",
                    ];
                    out.splice(at..at, words[self.next(8)].iter().copied());
                }
            }
        }
        out
    }
}

fn run<E>(session: &mut dyn Machine<Event = Infallible, Error = E>, input: &[u8], noise: &mut Noise) {
    let (mut rx, mut tx) = (RecvBuf::with_limit(1 << 16), SendBuf::new());
    let mut rest = input;
    for _ in 0..100_000 {
        let action = session.step(&mut rx, &mut tx);
        assert!(tx.unsent().len() <= SendBuf::LIMIT + 4096, "{} octets at once", tx.unsent().len());
        tx.sent(usize::MAX);
        match action {
            Ok(Step::Close) | Err(_) => return,
            Ok(Step::Event(never)) => match never {},
            Ok(Step::Flush) => {}
            Ok(Step::StartTls) => assert!(rx.unread().is_empty(), "octets are kept across STARTTLS"),
            Ok(Step::Read) => {
                assert!(!rx.is_eof(), "reads on after the end");
                let count = noise.next(200).max(1).min(rest.len());
                rx.extend(&rest[..count]).unwrap();
                rest = &rest[count..];
                if count == 0 {
                    rx.set_eof();
                }
            }
        }
    }
    panic!("no end of {}", input.escape_ascii());
}

#[test]
fn sessions_survive_it() {
    let world = world(|options| {
        options.tenant = Some("t".into());
        options.limits.message_octets = 1000;
        options.limits.mailbox_octets = 100_000;
        options.limits.messages = 50;
    });
    let login = xoauth2(USER, &token(&world));
    let imap = format!(
        "a AUTHENTICATE XOAUTH2 {login}\r\nb CREATE x\r\nc APPEND INBOX (\\Seen) {{58+}}\r\n\
         Subject: s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nd SELECT INBOX\r\n\
         e FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE BODY[1.MIME] BODY[HEADER.FIELDS (SUBJECT)]<0.5>)\r\n\
         f UID STORE 1:* +FLAGS (\\Deleted k)\r\ng SEARCH OR NOT SUBJECT \"s\" (SINCE 1-Jan-2020 TEXT x)\r\n\
         h COPY 1:* x\r\ni IDLE\r\nDONE\r\nj LIST \"\" % RETURN (STATUS (MESSAGES UNSEEN))\r\nk EXPUNGE\r\nl LOGOUT\r\n"
    );
    let smtp = format!(
        "EHLO a\r\nAUTH XOAUTH2 {login}\r\nMAIL FROM:<a@b> SIZE=5\r\nRCPT TO:<c@d>\r\nDATA\r\n.a\r\n.\r\nRSET\r\nQUIT\r\n"
    );
    let pop3 = format!(
        "CAPA\r\nAUTH XOAUTH2\r\n{login}\r\nSTAT\r\nLIST\r\nUIDL 1\r\nRETR 1\r\nTOP 1 2\r\nDELE 1\r\nRSET\r\nLANG\r\nQUIT\r\n"
    );
    let http = "POST /t/oauth2/v2.0/token HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                Content-Length: 40\r\n\r\ngrant_type=client_credentials&scope=%41+";
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    for _ in 0..1500 {
        let tls = if noise.next(8) > 0 { Security::Implicit } else { Security::StartTls };
        let input = noise.disturb(imap.as_bytes());
        run(&mut Imap::new(Arc::clone(&world), tls), &input, &mut noise);
        let input = noise.disturb(smtp.as_bytes());
        run(&mut Smtp::new(Arc::clone(&world), tls), &input, &mut noise);
        let input = noise.disturb(pop3.as_bytes());
        run(&mut Pop3::new(Arc::clone(&world), tls), &input, &mut noise);
        let input = noise.disturb(http.as_bytes());
        run(&mut TokenEndpoint::new(Arc::clone(&world)), &input, &mut noise);
    }
    let store = world.mailbox.lock();
    let held: usize = store.folders.values().map(|folder| folder.messages.len()).sum();
    assert!((1..=50).contains(&held), "{held} messages");
}
