//! Programs that send by calling `sendmail`: each calls ours, by its name.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
    process::Command,
};

use mailbearer_mock::memory::{Message, Options};
use mailbearer_tests::program;

use crate::foreign::{Bench, Done, run};

/// A memory server, and a folder with a program `sendmail` that sends there.
struct Desk {
    bench: Bench,
    home: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { bench: Bench::start(Options::default()), home: tempfile::tempdir().unwrap() };
        symlink(program(), desk.sendmail()).unwrap();
        desk
    }

    fn sendmail(&self) -> PathBuf {
        self.home.path().join("sendmail")
    }

    /// A program of others in an environment that knows the account.
    fn command(&self, words: &[&str]) -> Command {
        let (program, arguments) = words.split_first().unwrap();
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.home.path()).env_clear().env("HOME", self.home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C.UTF-8");
        command.envs(self.bench.server.env(self.bench.ca_file()));
        command
    }

    fn run(&self, words: &[&str], input: &str) -> Done {
        run(&mut self.command(words), input)
    }

    #[track_caller]
    fn arrived(&self) -> (Message, String) {
        let messages = self.bench.server.mailbox().messages("INBOX");
        let [message] = messages.as_slice() else { panic!("{} messages", messages.len()) };
        (message.clone(), String::from_utf8(message.octets.to_vec()).unwrap())
    }

    /// One message arrived, from and to these, with all of this in it.
    #[track_caller]
    fn check(&self, from: &str, to: &[&str], parts: &[&str]) {
        let (message, text) = self.arrived();
        let envelope = message.envelope.unwrap();
        assert_eq!(
            (envelope.from.as_str(), envelope.to),
            (from, to.iter().map(|one| (*one).into()).collect()),
            "{text}"
        );
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
        let name = |name: &str| {
            text.lines().take_while(|line| !line.is_empty()).filter(|line| line.starts_with(name)).count()
        };
        assert_eq!(
            (name("From:"), name("Date:"), name("Message-ID:") + name("Message-Id:")),
            (1, 1, 1),
            "{text}"
        );
        assert!(!text.contains("\r\nBcc:"), "{text}");
    }
}

#[test]
fn git_send_email() {
    let desk = Desk::new();
    let git = |words: &[&str]| {
        desk.run(&[&["git", "-c", "user.name=Ann Ä", "-c", "user.email=ann@x.test"], words].concat(), "")
    };
    git(&["init", "--quiet", "."]).out();
    fs::write(desk.home.path().join("file"), "Grüße\n.\n..\nend\n").unwrap();
    git(&["add", "file"]).out();
    git(&["commit", "--quiet", "-m", "Add a file with a lone dot"]).out();
    let sendmail = desk.sendmail().display().to_string();
    let options = [
        "--to=bob@x.test",
        "--cc=eve@x.test",
        "--suppress-cc=all",
        "--8bit-encoding=UTF-8",
        "--confirm=never",
        "--from=Ann Ä <ann@x.test>",
    ];
    let script = "exec /usr/lib/git-core/git-send-email \"$@\"";
    let git_email = [&["sh", "-c", script, "sh", "--quiet"][..], &options].concat();
    for program in [format!("--sendmail-cmd={sendmail}"), format!("--smtp-server={sendmail}")] {
        let desk_before = desk.bench.server.mailbox().messages("INBOX").len();
        let mut command = desk.command(&[&git_email[..], &[&program, "-1"]].concat());
        command.env("GIT_CONFIG_COUNT", "2");
        command.env("GIT_CONFIG_KEY_0", "user.name").env("GIT_CONFIG_VALUE_0", "Ann Ä");
        command.env("GIT_CONFIG_KEY_1", "user.email").env("GIT_CONFIG_VALUE_1", "ann@x.test");
        command.env("GITPERLLIB", "/usr/share/perl5").env("PERL5LIB", "/usr/share/perl5");
        let done = run(&mut command, "");
        assert!(done.success, "{done:?}");
        let messages = desk.bench.server.mailbox().messages("INBOX");
        assert_eq!(messages.len(), desk_before + 1);
        let message = messages.last().unwrap();
        assert_eq!(message.envelope.as_ref().unwrap().to, ["bob@x.test", "eve@x.test"]);
        let text = String::from_utf8_lossy(&message.octets);
        assert!(
            text.contains("+.\r\n+..\r\n+end\r\n") || text.contains("=\r\n") || text.contains("base64"),
            "{text}"
        );
    }
}

#[test]
fn s_nail() {
    let desk = Desk::new();
    let sendmail = format!("-Smta={}", desk.sendmail().display());
    let words = [
        "s-nail",
        "-n",
        ":/",
        "-Sv15-compat",
        &sendmail,
        "-Ssendwait",
        "-r",
        "ann@x.test",
        "-s",
        "Grüße",
        "-c",
        "eve@x.test",
        "bob@x.test",
    ];
    let words: Vec<&str> = words.into_iter().filter(|word| *word != ":/").collect();
    let done = desk.run(&words, "hello\n.\nend\n");
    assert!(done.success, "{done:?}");
    desk.check("ann@x.test", &["bob@x.test", "eve@x.test"], &["hello\r\n.\r\nend\r\n"]);
}

#[test]
fn php_mail() {
    let desk = Desk::new();
    let path = format!("sendmail_path={} -t -i", desk.sendmail().display());
    let script = "exit(mail('bob@x.test', 'Hello', \"one\\n.\\ntwo\\n\", ['From' => 'Ann <ann@x.test>', 'Bcc' => 'eve@x.test'], \
                  '-fbounce@x.test') ? 0 : 1);";
    let done = desk.run(&["php", "-n", "-d", &path, "-r", script], "");
    assert!(done.success, "{done:?}");
    desk.check(
        "bounce@x.test",
        &["bob@x.test", "eve@x.test"],
        &["Subject: Hello\r\n", "one\r\n.\r\ntwo\r\n"],
    );
    // What it refuses, PHP hears of.
    let refused = "exit(mail('bob@refused.test', 'Hello', 'x') ? 0 : 1);";
    assert_eq!(desk.run(&["php", "-n", "-d", &path, "-r", refused], "").code, Some(1));
}

#[test]
fn ruby_mail() {
    let desk = Desk::new();
    let script = "require 'mail'\n\
                  mail = Mail.new(from: 'Ann <ann@x.test>', to: 'bob@x.test', bcc: 'eve@x.test', subject: 'Grüße', body: \"one\\n.\\ntwo\\n\")\n\
                  mail.charset = 'UTF-8'\n\
                  mail.delivery_method :sendmail, location: ARGV[0]\n\
                  mail.deliver!\n";
    fs::write(desk.home.path().join("send.rb"), script).unwrap();
    let sendmail = desk.sendmail().display().to_string();
    let done = desk.run(&["ruby", "send.rb", &sendmail], "");
    assert!(done.success, "{done:?}");
    desk.check("ann@x.test", &["bob@x.test", "eve@x.test"], &["one\r\n.\r\ntwo\r\n"]);
}

#[test]
fn mutt() {
    let desk = Desk::new();
    let muttrc = format!(
        "set sendmail=\"{} -oem -oi\"\nset from=\"Ann <ann@x.test>\"\nset use_envelope_from=yes\nset copy=no\n\
         set dsn_notify='failure,delay'\nset dsn_return=hdrs\n",
        desk.sendmail().display()
    );
    fs::write(desk.home.path().join("muttrc"), muttrc).unwrap();
    let words = ["mutt", "-n", "-F", "muttrc", "-s", "Grüße", "-c", "eve@x.test", "--", "bob@x.test"];
    let done = desk.run(&words, "hello\n.\nend\n");
    assert!(done.success, "{done:?}");
    desk.check("ann@x.test", &["bob@x.test", "eve@x.test"], &["hello\r\n.\r\nend\r\n"]);
}

/// Debian's cron calls /usr/sbin/sendmail, in a mount namespace of its own here, for a job of this minute. Where such a
/// thing can't be had, the command line that it has is all that is tried.
#[test]
fn debian_cron() {
    let desk = Desk::new();
    let user = desk.bench.server.user().to_owned();
    // As its source has it: the message with its header on standard input, the user as recipient.
    let text = "From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@box> echo hello\nMIME-Version: 1.0\n\
                Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\
                X-Cron-Env: <SHELL=/bin/sh>\n\nhello\n.\nGrüße\n";
    let sendmail = desk.sendmail().display().to_string();
    let words = [&*sendmail, "-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root"];
    let done = desk.run(&words, text);
    assert!(done.success, "{done:?}");
    let from = format!("From: Cron Daemon <{user}>\r\n");
    desk.check(&user, &[&user], &[&from, "hello\r\n.\r\nGrüße\r\n"]);
}

/// The daemon itself, in a mount namespace where ours is /usr/sbin/sendmail: for root alone, and where there is one.
#[test]
fn debian_cron_itself() {
    let desk = Desk::new();
    let home = desk.home.path();
    fs::set_permissions(home, fs::Permissions::from_mode(0o755)).unwrap();
    // What cron calls has an environment of cron's; the account would be in /etc.
    let variables = desk.bench.server.env(desk.bench.ca_file());
    let set = |(name, value): &(&str, String)| format!("export {name}='{}'\n", value.replace('\'', "'\\''"));
    let set: String = variables.iter().map(set).collect();
    let wrapper = home.join("wrapper");
    let text = format!(
        "#!/bin/sh\n{set}export HOME={}\nexec {} sendmail \"$@\"\n",
        home.display(),
        program().display()
    );
    fs::write(&wrapper, text).unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    let script = "test -e /usr/sbin/sendmail || exit 77\n\
                  mount --make-rprivate / 2> /dev/null; mount -t tmpfs none /run && mount -t tmpfs none /var/spool/cron \
                  && mount -t tmpfs none /etc/cron.d && mount --bind \"$1\" \"$(readlink -f /usr/sbin/sendmail)\" || exit 77\n\
                  mkdir /var/spool/cron/crontabs; echo '@reboot root echo hello from cron' > /etc/cron.d/job\n\
                  cron -f & cron=$!\n\
                  for i in $(seq 300); do test -e \"$2\" && break; sleep 0.1; done; kill $cron\n";
    let told = home.join("told");
    let mut command = desk.command(&["unshare", "-m", "sh", "-c", script, "sh"]);
    let mut child = command.arg(&wrapper).arg(&told).spawn().unwrap();
    let code = loop {
        if !desk.bench.server.mailbox().messages("INBOX").is_empty() {
            fs::write(&told, "").unwrap();
        }
        match child.try_wait().unwrap() {
            Some(status) => break status.code(),
            None => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    };
    // No namespaces for this user, or no sendmail to stand in for.
    if !matches!(code, Some(1 | 77)) {
        let user = desk.bench.server.user();
        desk.check(user, &[user], &["hello from cron\r\n", "Subject: Cron <root@"]);
    }
}
