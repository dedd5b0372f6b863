//! Mail programs that get their tokens from `mailbearer token`, with the configuration that `docs/programs.md` shows.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    process::Command,
};

use mailbearer_mock::memory::Options;
use mailbearer_tests::program;

use crate::foreign::{Bench, Done, run};

const PAGE: &str = include_str!("../../docs/programs.md");

/// A memory server, and a home with the program in its path.
struct Desk {
    bench: Bench,
    home: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self::with(Options::default())
    }

    fn with(options: Options) -> Self {
        let desk = Self { bench: Bench::start(options), home: tempfile::tempdir().unwrap() };
        fs::create_dir(desk.home.path().join("bin")).unwrap();
        symlink(program(), desk.home.path().join("bin/mailbearer")).unwrap();
        desk
    }

    /// A block of the page, for this server: `more` is put behind the line that begins with `after`.
    fn block(&self, kind: &str, after: &str, more: &str) -> String {
        let start = format!("```{kind}\n");
        let (_, rest) = PAGE.split_once(&start).unwrap_or_else(|| panic!("no {kind}"));
        let (block, _) = rest.split_once("```").unwrap();
        let ports = self.bench.server.ports();
        let ca = self.bench.ca_file().display().to_string();
        let mut text = String::new();
        for line in block.lines() {
            let line = line
                .replace("smtp.office365.com:587", &format!("localhost:{}", ports.smtp))
                .replace("imaps://outlook.office365.com/", &format!("imaps://localhost:{}/", ports.imaps))
                .replace("outlook.office365.com", "localhost")
                .replace("smtp.office365.com", "localhost")
                .replace("ann@contoso.com", self.bench.server.user())
                .replace("Port 993", &format!("Port {}", ports.imaps))
                .replace("port 587", &format!("port {}", ports.smtp));
            text.push_str(&line);
            text.push('\n');
            if !after.is_empty() && line.starts_with(after) {
                text.push_str(&more.replace("CA", &ca));
                text.push('\n');
            }
        }
        text
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.home.path().join(name), text).unwrap();
        // msmtp takes no file that others can read.
        fs::set_permissions(self.home.path().join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn run(&self, words: &[&str], input: &str) -> Done {
        let (first, arguments) = words.split_first().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(first);
        command.args(arguments).current_dir(self.home.path()).env_clear().env("HOME", self.home.path());
        command.env("PATH", format!("{}/bin:{path}", self.home.path().display())).env("LC_ALL", "C.UTF-8");
        command.env("TERM", "xterm").env("GIT_CONFIG_NOSYSTEM", "1").env("GITPERLLIB", "/usr/share/perl5");
        command.env("PERL5LIB", "/usr/share/perl5").env("GIT_COMMITTER_NAME", "Robot");
        command.env("GIT_COMMITTER_EMAIL", self.bench.server.user()).env("GIT_AUTHOR_NAME", "Robot");
        command.env("GIT_AUTHOR_EMAIL", self.bench.server.user());
        command.envs(self.bench.server.env(self.bench.ca_file()));
        run(&mut command, input)
    }

    /// One message arrived in `folder`, with this in it.
    #[track_caller]
    fn arrived(&self, folder: &str, part: &str, done: &Done) {
        let messages = self.bench.server.mailbox().messages(folder);
        let [message] = messages.as_slice() else {
            panic!("{} messages in {folder}: {done:?}", messages.len())
        };
        let text = String::from_utf8_lossy(&message.octets);
        assert!(text.contains(part), "{text}");
    }
}

const MESSAGE: &str = "From: robot@mailbearer.test\nTo: bob@x.test\nSubject: one\n\nhello\n";

#[test]
fn isync() {
    let desk = Desk::new();
    desk.bench.server.mailbox().deliver(*b"Subject: one\r\n\r\nhello\r\n").unwrap();
    desk.write(".mbsyncrc", &desk.block("mbsyncrc", "SSLType", "CertificateFile CA"));
    fs::create_dir(desk.home.path().join("Mail")).unwrap();
    desk.run(&["mbsync", "office"], "").out();
    let new = fs::read_dir(desk.home.path().join("Mail/INBOX/new")).unwrap();
    let [file] = &new.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()[..] else {
        panic!("one message")
    };
    assert!(fs::read_to_string(file).unwrap().contains("hello"));
}

#[test]
fn msmtp_and_git_send_email_by_it() {
    let desk = Desk::new();
    desk.write(".msmtprc", &desk.block("msmtprc", "tls on", "tls_trust_file CA"));
    let done = desk.run(&["msmtp", "bob@x.test"], MESSAGE);
    desk.arrived("INBOX", "hello", &done);

    let desk = Desk::new();
    desk.write(".msmtprc", &desk.block("msmtprc", "tls on", "tls_trust_file CA"));
    desk.write(".gitconfig", &desk.block("gitconfig", "", ""));
    desk.write("0001-one.patch", "From 0 Mon Sep 17 00:00:00 2001\nFrom: Robot <robot@mailbearer.test>\nSubject: [PATCH] one\n\nhello\n");
    let script = "exec /usr/lib/git-core/git-send-email \"$@\"";
    let words = [
        "sh",
        "-c",
        script,
        "sh",
        "--quiet",
        "--confirm=never",
        "--suppress-cc=all",
        "--to=bob@x.test",
        "0001-one.patch",
    ];
    let done = desk.run(&words, "");
    desk.arrived("INBOX", "[PATCH] one", &done);
}

#[test]
fn neomutt() {
    // It sends the token on the line of the command, which RFC 4954 section 4 bounds to 512 octets, and the mock with it.
    let mut options = Options::default();
    options.token_octets = 200;
    let desk = Desk::with(options);
    desk.write(
        ".neomuttrc",
        &desk.block(
            "neomuttrc",
            "set from",
            "set certificate_file = \"CA\"\nset ssl_ca_certificates_file = \"CA\"",
        ),
    );
    let done = desk.run(&["neomutt", "-s", "one", "--", "bob@x.test"], "hello\n");
    desk.arrived("INBOX", "hello", &done);
    // It reads on a terminal alone, which `script` pretends to be.
    let read = "neomutt -f imaps://localhost:PORT/INBOX -e 'push \"<pipe-message>cat > piped<enter><exit>\"'";
    let read = read.replace("PORT", &desk.bench.server.ports().imaps.to_string());
    let done = desk.run(&["script", "--quiet", "--return", "--command", &read, "/dev/null"], "");
    let piped = fs::read_to_string(desk.home.path().join("piped"));
    assert!(piped.unwrap_or_default().contains("hello"), "{done:?}");
}

#[test]
fn curl() {
    let desk = Desk::new();
    desk.bench.server.mailbox().deliver(*b"Subject: one\r\n\r\nhello\r\n").unwrap();
    let script = desk.block("sh", "", "").replace(
        "curl ",
        &format!("curl --silent --show-error --cacert {} ", desk.bench.ca_file().display()),
    );
    let out = desk.run(&["sh", "-c", &script], "").out();
    assert!(out.contains("hello"), "{out}");
}
