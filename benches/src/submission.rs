//! What a submission server says, read by us and by a peer.

use std::hint::black_box;

use mailbearer_smtp::{Capabilities, Limits, Quirks, ReplyReader};
use mailbearer_wire::RecvBuf;
use smtp_proto::{EhloResponse, response::parser::ResponseReceiver};

/// What is read, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submission {
    /// Replies to EHLO, down to each extension with its parameters.
    OurEhlo,
    SmtpProtoEhlo,
    /// Replies to everything else, down to the enhanced code.
    OurReply,
    SmtpProtoReply,
}

impl Submission {
    pub const ALL: [Self; 4] = [Self::OurEhlo, Self::SmtpProtoEhlo, Self::OurReply, Self::SmtpProtoReply];

    pub const fn corpus(self) -> &'static str {
        match self {
            Self::OurEhlo | Self::SmtpProtoEhlo => "ehlo",
            Self::OurReply | Self::SmtpProtoReply => "reply",
        }
    }

    pub const fn parser(self) -> &'static str {
        match self {
            Self::OurEhlo | Self::OurReply => "mailbearer",
            Self::SmtpProtoEhlo | Self::SmtpProtoReply => "smtp-proto",
        }
    }

    /// What is read, in memory, so that only reading is measured.
    pub fn prepare(self, count: usize) -> Replies {
        let texts = if self.corpus() == "ehlo" { EHLO } else { REPLIES };
        let octets: Vec<u8> = texts.iter().copied().cycle().take(count).flatten().copied().collect();
        let mut rx = RecvBuf::with_limit(octets.len());
        if self.parser() == "mailbearer" {
            rx.extend(&octets).expect("room");
        }
        Replies { reader: self, count, octets, rx }
    }
}

/// Replies ready for a parser.
pub struct Replies {
    reader: Submission,
    count: usize,
    octets: Vec<u8>,
    rx: RecvBuf,
}

impl Replies {
    /// Reads them all; the number of them.
    pub fn read(mut self) -> usize {
        let mut ours = ReplyReader::new(Limits::default());
        let mut octets = self.octets.iter();
        let mut theirs = ResponseReceiver::default();
        for _ in 0..self.count {
            match self.reader {
                Submission::OurEhlo => {
                    let reply = ours.next(&mut self.rx).expect("a reply").expect("a whole one");
                    let all = Capabilities::of_reply(reply, Quirks::default());
                    black_box((all.mechanisms().count(), all.size()));
                    black_box(&all);
                }
                Submission::OurReply => {
                    black_box(ours.next(&mut self.rx).expect("a reply").expect("a whole one"));
                }
                Submission::SmtpProtoEhlo => {
                    black_box(EhloResponse::parse(&mut octets).expect("a reply to EHLO"));
                }
                Submission::SmtpProtoReply => {
                    black_box(theirs.parse(&mut octets).expect("a reply"));
                    theirs.reset();
                }
            }
        }
        self.count
    }
}

/// Exchange Online, Gmail and Postfix, as they answer on port 587 over TLS.
const EHLO: &[&[u8]] = &[
    b"250-FR4P281CA0001.outlook.office365.com Hello [192.0.2.1]\r\n250-SIZE 157286400\r\n250-PIPELINING\r\n\
      250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-AUTH LOGIN XOAUTH2\r\n250-8BITMIME\r\n250-BINARYMIME\r\n\
      250-CHUNKING\r\n250 SMTPUTF8\r\n",
    b"250-smtp.gmail.com at your service, [192.0.2.1]\r\n250-SIZE 35882577\r\n250-8BITMIME\r\n\
      250-AUTH LOGIN PLAIN XOAUTH2 PLAIN-CLIENTTOKEN OAUTHBEARER XOAUTH\r\n250-ENHANCEDSTATUSCODES\r\n\
      250-PIPELINING\r\n250-CHUNKING\r\n250 SMTPUTF8\r\n",
    b"250-mail.example.org\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n\
      250-AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n\
      250-SMTPUTF8\r\n250 CHUNKING\r\n",
];

const REPLIES: &[&[u8]] = &[
    b"250 2.1.0 Sender OK\r\n",
    b"250 2.1.5 Recipient OK\r\n",
    b"354 Start mail input; end with <CRLF>.<CRLF>\r\n",
    b"250 2.0.0 OK <4f1c9c7e0d8b4f7e9a1b2c3d4e5f6071@FR4P281MB1234.DEUP281.PROD.OUTLOOK.COM> \
      [Hostname=FR4P281MB1234.DEUP281.PROD.OUTLOOK.COM]\r\n",
    b"235 2.7.0 Authentication successful\r\n",
    b"535-5.7.8 Username and Password not accepted. For more information, go to\r\n\
      535 5.7.8  https://support.google.com/mail/?p=BadCredentials x-gsmtp\r\n",
    b"220 FR4P281CA0001.outlook.office365.com Microsoft ESMTP MAIL Service ready at Thu, 26 Nov 2026\r\n",
    b"550 5.1.1 <nobody@example.org>: Recipient address rejected: User unknown in local recipient table\r\n",
    b"221 2.0.0 Service closing transmission channel\r\n",
];
