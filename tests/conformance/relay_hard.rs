//! The relay among clients that misbehave, and its TLS.

use std::{fs, process::Command};

use crate::relay::Relay;

/// A crowd that is slow, deaf, loud, guesses, smuggles and breaks off changes nothing for one that behaves.
#[test]
fn a_crowd_changes_nothing_for_others() {
    let relay = Relay::start("");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance/bystander.py");
    let done = relay.run(&["python3", script, &relay.port, &relay.pid(), "scanner", "scan"], "");
    let out = done.out();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines[..2], ["20", "0"], "taken of the good, let in of the bad");
    // 100 clients with 64 KiB of buffers in each direction, and two passwords hashed at a time in 19 MiB each.
    let mib: f64 = lines[2].parse().unwrap();
    assert!(mib < 160.0, "{mib} MB");
    let mut subjects: Vec<String> = relay.arrived(20).iter().map(|one| subject(&one.octets)).collect();
    subjects.sort();
    let mut want: Vec<String> = (0..20).map(|number| format!("good {number}")).collect();
    want.sort();
    assert_eq!(subjects, want);
}

fn subject(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets);
    text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or_default().to_owned()
}

/// A certificate and its key for `localhost`, in these files.
fn certify(chain: &str, key: &str) {
    let words =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
    let mut command = Command::new("openssl");
    command.args(words).args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]);
    let done = command.args(["-out", chain, "-keyout", key]).output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

#[test]
fn a_new_certificate_counts_from_the_next_handshake_on() {
    let folder = tempfile::tempdir().unwrap();
    let [chain, key, other, other_key] = ["chain.pem", "key.pem", "other.pem", "other-key.pem"]
        .map(|name| folder.path().join(name).display().to_string());
    certify(&chain, &key);
    let relay =
        Relay::start(&format!("[relay.tls]\nmode = 'implicit'\ncert_file = '{chain}'\nkey_file = '{key}'\n"));
    // A connection from before stays as it is; each line that comes in asks for another handshake.
    let script = "import socket, ssl, sys, time\nport, old, new = int(sys.argv[1]), *sys.argv[2:4]\n\
                  def shake():\n    tls = ssl.create_default_context()\n    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE\n    \
                  s = tls.wrap_socket(socket.create_connection(('localhost', port)), server_hostname='localhost')\n    \
                  return s, ssl.DER_cert_to_PEM_cert(s.getpeercert(True)).split()\n\
                  first, seen = shake()\nassert seen == open(old).read().split(), seen\nassert first.recv(100).startswith(b'220 ')\n\
                  print('before', flush=True)\nsys.stdin.readline()\n\
                  for i in range(600):\n    if shake()[1] == open(new).read().split(): break\n    time.sleep(0.1)\n\
                  else: sys.exit('it never came')\n\
                  first.sendall(b'NOOP\\r\\n')\nassert first.recv(100).startswith(b'250 '), 'the old connection'\n";
    certify(&other, &other_key);
    let mut command = Command::new("python3");
    command.args(["-c", script, &relay.port, &chain, &other]);
    let mut child =
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    assert_eq!(line, "before\n");
    fs::copy(&chain, folder.path().join("old.pem")).unwrap();
    fs::rename(&other_key, &key).unwrap();
    fs::copy(&other, folder.path().join("new.pem")).unwrap();
    fs::rename(folder.path().join("new.pem"), &chain).unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"\n").unwrap();
    assert!(child.wait().unwrap().success());
}

/// What stands behind STARTTLS in the clear is thrown away, and the client has to greet again.
#[test]
fn nothing_of_the_clear_counts_behind_starttls() {
    let relay = Relay::start("allow_from = '127.0.0.1'\n[relay.tls]\n");
    let script = "import socket, ssl, sys\ns = socket.create_connection(('localhost', int(sys.argv[1])))\n\
                  def talk(line):\n    s.sendall(line)\n    reply = b''\n    \
                  while not reply.endswith(b'\\r\\n'): reply += s.recv(4096)\n    return reply[:3].decode()\n\
                  seen = [talk(b''), talk(b'EHLO x\\r\\n')]\n\
                  seen.append(talk(b'STARTTLS\\r\\nRSET\\r\\nMAIL FROM:<evil@x.test>\\r\\n'))\n\
                  tls = ssl.create_default_context(cafile=sys.argv[2])\ns = tls.wrap_socket(s, server_hostname='localhost')\n\
                  seen += [talk(b'RCPT TO:<b@x.test>\\r\\n'), talk(b'MAIL FROM:<a@x.test>\\r\\n'), talk(b'EHLO x\\r\\n')]\n\
                  seen += [talk(b'STARTTLS\\r\\n'), talk(b'MAIL FROM:<a@x.test>\\r\\n'), talk(b'RCPT TO:<b@x.test>\\r\\n')]\n\
                  seen += [talk(b'DATA\\r\\n'), talk(b'Subject: 1\\r\\n\\r\\nx\\r\\n.\\r\\n'), talk(b'QUIT\\r\\n')]\nprint(*seen)\n";
    let done = relay.run(&["python3", "-c", script, &relay.port, &relay.certificate()], "");
    assert_eq!(done.out(), "220 250 220 503 503 250 503 250 250 354 250 221\n");
    let messages = relay.arrived(1);
    let text = String::from_utf8_lossy(&messages[0].octets).into_owned();
    assert_eq!(messages[0].envelope.as_ref().unwrap().from, "a@x.test");
    assert!(text.contains(" with ESMTPS id "), "{text}");
}
