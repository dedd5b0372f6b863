//! How much memory a large message takes: as much as a small one.
#![cfg(target_os = "linux")]

use std::{
    env,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Write},
    process::{Command, Stdio},
};

use crate::harness::{OTHER, World, finish};

/// Octets of the message; a little less than the most that Exchange takes.
const SIZE: usize = 150_000_000;

/// KiB that the whole program may take at its peak, its own pages included, which are the most of it; a debug build is
/// larger in itself, and whoever links a smaller one says its limit. Of a message from a pipe that has to be sent, the
/// first MiB is held until it is known whether there is more.
fn most(name: &str) -> u64 {
    let is_debug = cfg!(debug_assertions) && env::var_os(OTHER).is_none();
    if is_debug {
        return 32 << 10;
    }
    if let Ok(most) = env::var("MAILBEARER_TEST_PEAK_KIB") {
        return most.parse().unwrap();
    }
    if name == "send -" { 12 << 10 } else { 11 << 10 }
}

#[test]
fn a_large_message_is_never_held() {
    let world = World::new();
    let lines = ("0123456789".repeat(7) + "\r\n").repeat(1000);
    let mut file = File::create(world.path("m.eml")).unwrap();
    file.write_all(b"Subject: large\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n").unwrap();
    for _ in 0..SIZE / lines.len() {
        file.write_all(lines.as_bytes()).unwrap();
    }
    drop(file);
    world.run(&["token"]).ok();

    let input = || Stdio::from(File::open(world.path("m.eml")).unwrap());
    let append = |file| world.command(&["append", "INBOX", file, "--trace"]);
    check("append FILE", append("m.eml"), Stdio::null(), "APPEND completed.");
    check("append -", append("-"), input(), "APPEND completed.");
    // The one is as good as the other, and one is enough.
    let messages = world.server.mailbox().messages("INBOX");
    let octets = fs::read(world.path("m.eml")).unwrap();
    assert!(messages.iter().all(|message| *message.octets == *octets) && messages.len() == 2);
    world.server.mailbox().remove("INBOX", 2);

    let send = |file, to: &[&str]| {
        world.command(&[&["send", "--trace", "--raw", file, "--to", "a@mailbearer.test"], to].concat())
    };
    check("send FILE", send("m.eml", &[]), Stdio::null(), "Queued mail for delivery");
    // It might have to go in parts, so it is kept.
    check("send -", send("-", &["--to", "b@mailbearer.test"]), input(), "Queued mail for delivery");

    let fetch = |more: &[&str]| {
        world.command(&[&["fetch", "INBOX", "1", "--trace", "--json", "-o", "out"], more].concat())
    };
    check("fetch", fetch(&[]), Stdio::null(), "FETCH completed.");
    assert!(fs::read(world.path("out")).unwrap() == octets);
    check("fetch --part", fetch(&["--part", "1"]), Stdio::null(), "FETCH completed.");
    check("fetch --decode", fetch(&["--part", "1", "--decode"]), Stdio::null(), "FETCH completed.");
}

/// Runs a command with `--trace`, and looks at the peak of its memory when the trace shows `done` and the whole
/// message went over. It can't end before, as nobody takes what it prints.
fn check(name: &str, mut command: Command, stdin: Stdio, done: &str) {
    let (mut results, mut full) = io::pipe().unwrap();
    // As much as a pipe holds.
    let room = 65_536;
    full.write_all(&vec![b'x'; room]).unwrap();
    let mut child = command.stdin(stdin).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    drop(command);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    // A decoded part is preceded by the structure of its message.
    let wanted = if name.contains("decode") { 2 } else { 1 };
    for _ in 0..wanted {
        assert!(lines.any(|line| line.contains(done)), "{name}");
    }
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    let mut told = Vec::new();
    let reader = std::thread::spawn(move || {
        results.read_to_end(&mut told).unwrap();
        told.len() > room
    });
    lines.for_each(drop);
    assert!(child.wait().unwrap().success() && reader.join().unwrap(), "{name}");
    assert!(peak < most(name), "{name}: {peak} KiB");
}

#[test]
fn a_person_at_the_terminal_sees_how_far_it_is() {
    let world = World::new();
    let message = "Subject: x\r\n\r\n".to_owned() + &"0123456789\r\n".repeat(3_000_000);
    world.deliver(message.as_str());
    // Makes a terminal of its own for the program; not every system has it.
    if Command::new("script").arg("--version").output().is_err() {
        return;
    }
    let on_terminal = |arguments: &str| {
        let mut command = world.shell("exec script --quiet --return --command \"$run\" /dev/null");
        command.env("run", format!("\"$mailbearer\" {arguments}")).env("TERM", "xterm");
        let outcome = finish(command, b"");
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        world.check_for_secrets(&outcome.stdout);
        outcome.stdout
    };
    for arguments in
        ["fetch INBOX 1 -o m.eml", "append Drafts m.eml", "send --to a@mailbearer.test --raw m.eml"]
    {
        let shown = on_terminal(arguments);
        assert!(shown.contains(" MiB of 34.33 MiB"), "{arguments}: {shown:?}");
        // Nothing of it stays.
        let left = shown.rsplit('\r').next().unwrap().trim_start_matches("\u{1b}[2K");
        assert!(!left.contains("MiB"), "{arguments}: {shown:?}");
    }
    assert_eq!(fs::read(world.path("m.eml")).unwrap(), message.as_bytes());
    for arguments in ["list", "fetch INBOX 1 -o m.eml --trace", "fetch INBOX 1 --headers -o h.eml"] {
        let shown = on_terminal(arguments);
        assert!(!shown.contains(" MiB of "), "{arguments}: {shown:?}");
    }
}
