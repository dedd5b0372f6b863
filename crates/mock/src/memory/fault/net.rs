//! What is wrong before any server speaks its protocol.

use std::convert::Infallible;

use mailbearer_wire::{Machine, RecvBuf, Security, SendBuf, Step};

use super::{Fault, NetFault};
use crate::{Certificate, memory::session::Session};

const fn fault(
    name: &'static str,
    meaning: &'static str,
    security: Security,
    replies: &'static [&'static str],
    holds: bool,
) -> Fault {
    Fault { net: Some(NetFault { security, replies, holds }), ..Fault::named(name, meaning) }
}

const fn certificate(name: &'static str, meaning: &'static str, certificate: Certificate) -> Fault {
    Fault { certificate: Some(certificate), ..Fault::named(name, meaning) }
}

use Security::{Implicit, StartTls};

const WEB: &str = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

pub(super) const FAULTS: &[Fault] = &[
    certificate("certificate-name", "all ports: the certificate is for another name", Certificate::OtherName),
    certificate("certificate-expired", "all ports: the certificate ended in 2020", Certificate::Expired),
    certificate(
        "certificate-unknown",
        "all ports: the certificate vouches for itself",
        Certificate::SelfSigned,
    ),
    certificate(
        "certificate-ca-as-server",
        "all ports: the certificate is marked as an authority's",
        Certificate::OfAuthority,
    ),
    fault("tls-silence", "mail servers, ports with TLS: nothing is ever said", Implicit, &[], true),
    fault(
        "not-tls",
        "mail servers, ports with TLS: a web server without TLS answers",
        Implicit,
        &[WEB],
        false,
    ),
    fault(
        "cut-at-tls",
        "mail servers, ports with TLS: the connection is closed at once",
        Implicit,
        &[],
        false,
    ),
    fault("tls-alert", "mail servers, ports with TLS: the handshake is refused", Implicit, &[ALERT], false),
    fault("greeting-silence", "mail servers, ports with STARTTLS: nothing is ever said", StartTls, &[], true),
    fault(
        "other-protocol",
        "mail servers, ports with STARTTLS: a web server answers",
        StartTls,
        &[WEB],
        false,
    ),
    fault(
        "closed",
        "submission with STARTTLS: the connection is closed after the greeting",
        StartTls,
        &["220 mail.example.test ESMTP\r\n"],
        false,
    ),
    fault(
        "starttls-missing",
        "submission with STARTTLS: it is not offered",
        StartTls,
        &["220 mail.example.test ESMTP\r\n", "250-mail.example.test\r\n250 AUTH PLAIN LOGIN\r\n"],
        true,
    ),
    fault(
        "starttls-refused",
        "submission with STARTTLS: it is offered, and does not work now",
        StartTls,
        &[
            "220 mail.example.test ESMTP\r\n",
            "250-mail.example.test\r\n250 STARTTLS\r\n",
            "454 4.7.0 TLS not available due to local problem\r\n",
        ],
        true,
    ),
    fault(
        "starttls-silence",
        "submission with STARTTLS: the go-ahead never comes",
        StartTls,
        &["220 mail.example.test ESMTP\r\n", "250-mail.example.test\r\n250 STARTTLS\r\n"],
        true,
    ),
    fault(
        "tampering",
        "submission with STARTTLS: data is sent ahead of TLS",
        StartTls,
        &[
            "220 mail.example.test ESMTP\r\n",
            "250-mail.example.test\r\n250 STARTTLS\r\n",
            "220 go ahead\r\n250-mail.example.test\r\n250 AUTH PLAIN\r\n",
        ],
        true,
    ),
];

/// A fatal TLS alert `handshake_failure` (RFC 8446 section 6).
const ALERT: &str = "\u{15}\u{3}\u{3}\u{0}\u{2}\u{2}\u{28}";

/// Plays a [`NetFault`] to one client.
#[derive(Debug)]
pub(crate) struct NetSession {
    left: std::slice::Iter<'static, &'static str>,
    holds: bool,
    greeted: bool,
}

impl NetSession {
    pub(crate) fn new(fault: NetFault) -> Self {
        Self { left: fault.replies.iter(), holds: fault.holds, greeted: false }
    }
}

impl Machine for NetSession {
    type Event = Infallible;
    type Error = Infallible;

    fn step(&mut self, rx: &mut RecvBuf, tx: &mut SendBuf) -> Result<Step<Infallible>, Infallible> {
        let mut is_asked = !std::mem::replace(&mut self.greeted, true);
        loop {
            if is_asked && let Some(reply) = self.left.next() {
                tx.push(reply.as_bytes());
            }
            if self.left.len() == 0 && !self.holds || rx.is_eof() {
                return Ok(Step::Close);
            }
            let unread = rx.unread();
            let Some(end) = unread.iter().position(|octet| *octet == b'\n') else {
                // What has no line is a handshake: nothing of it is wanted.
                return Ok(Step::Read);
            };
            rx.consume(end.saturating_add(1));
            is_asked = true;
        }
    }
}

impl Session for NetSession {
    fn time_out(&mut self) {
        self.holds = false;
        self.left = [].iter();
    }
}
