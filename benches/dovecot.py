# The program on a real server, beside others that do the same there, in one run. Wants root, as the servers do, and Debian's
# curl, isync and libsasl2-modules-kdexoauth2. Arguments: the program mailbearer, and what to measure, or nothing for all:
#
#   list    10,000 messages are listed to a pipe: ours, and imaplib
#   upload  150 MB are appended: ours, and curl
#   bulk    10,000 messages of 4 kB are brought by a network that takes 25 ms each way: ours into a Maildir and an mbox file,
#           mbsync, a bare transfer, and what the file system takes for the Maildir's files alone
#
# Each is the best of some runs in turn. Prints the seconds that a process took of the clock and of the processor, and the
# processor time that Dovecot took meanwhile.
import base64, contextlib, http.server, imaplib, os, queue, resource, shutil, signal, socket, ssl, subprocess, sys, tempfile, threading, time

PROGRAM, WHAT = os.path.abspath(sys.argv[1]), sys.argv[2:] or ["list", "upload", "bulk"]
RUNS, MESSAGES, DELAY, MEGABYTES = 10, 10_000, 0.025, 150
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
work = tempfile.mkdtemp(prefix="mailbearer-bench-")
os.chmod(work, 0o755)


def xtask(*words):
    return subprocess.run(["cargo", "xtask", "servers", *words], cwd=HERE, check=True, stdout=subprocess.PIPE, text=True).stdout


SERVERS = f"/tmp/mailbearer-bench-{os.getpid()}"
settings = dict(line.split("=", 1) for line in xtask("up", "--dir", SERVERS).splitlines() if "=" in line)
settings = {key: value.strip("'") for key, value in settings.items()}
USER, TOKEN, PORT = settings["USER"], settings["TOKEN"], int(settings["IMAPS_PORT"])
CA = f"{SERVERS}/certificates/ca.pem"
trust = ssl.create_default_context(cafile=CA)


class Endpoint(http.server.BaseHTTPRequestHandler):
    """Gives the token that Dovecot takes to whoever asks."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        said = f'{{"access_token":"{TOKEN}","token_type":"Bearer","expires_in":3600}}'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass


endpoint = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f"{SERVERS}/certificates/localhost.pem", f"{SERVERS}/certificates/localhost.key")
endpoint.socket = context.wrap_socket(endpoint.socket, server_side=True)
threading.Thread(target=endpoint.serve_forever, daemon=True).start()


def environment(port):
    mine = {
        "PROVIDER": "custom", "USER": USER, "TLS_CA_FILE": CA, "OAUTH_GRANT": "client_credentials",
        "OAUTH_TOKEN_URL": f"https://localhost:{endpoint.server_port}/token", "OAUTH_SCOPE": "mail", "OAUTH_CLIENT_ID": "robot",
        "OAUTH_CLIENT_SECRET": "secret", "IMAP_HOST": "localhost", "IMAP_PORT": str(port), "IMAP_TLS": "implicit",
    }
    return {"PATH": os.environ["PATH"], "HOME": work, **{f"MAILBEARER_{key}": value for key, value in mine.items()}}


class Session:
    """IMAP by hand."""

    def __init__(self, port):
        self.socket = trust.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="localhost")
        self.file = self.socket.makefile("rb")
        self.file.readline()
        answer = base64.b64encode(f"user={USER}\x01auth=Bearer {TOKEN}\x01\x01".encode()).decode()
        self.command(f"AUTHENTICATE XOAUTH2 {answer}")

    def command(self, text):
        self.socket.sendall(f"a {text}\r\n".encode())
        self.answer()

    def answer(self):
        while not (line := self.file.readline()).startswith(b"a "):
            assert line, "the server is gone"
        assert line.startswith(b"a OK"), line


def processor_of(parents):
    """Seconds of the processes below these, whether they have ended or not."""
    total, ticks = 0, os.sysconf("SC_CLK_TCK")
    stats = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            fields = open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()
            stats[int(name)] = (int(fields[1]), sum(int(field) for field in fields[11:15]) / ticks)
    todo = list(parents)
    while todo:
        one = todo.pop()
        total += stats.get(one, (0, 0))[1]
        todo += [pid for pid, (parent, _) in stats.items() if parent == one]
    return total


helpers = []
dovecot = int(open(f"{SERVERS}/dovecot/run/master.pid").read())


def measure(run):
    """Seconds of the clock, of the processor of what ran, and of Dovecot's."""
    theirs, mine = processor_of([dovecot]), resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    run()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    own = after.ru_utime + after.ru_stime - mine.ru_utime - mine.ru_stime
    return wall, own, processor_of([dovecot]) - theirs


def side_by_side(runs, *rows):
    found = {name: [] for name, _ in rows}
    for _ in range(runs):
        for name, run in rows:
            # Not removed: ext4 looks at every inode that was freed in the last minutes before it makes a file.
            if os.path.exists(f"{work}/mail"):
                os.rename(f"{work}/mail", tempfile.mkdtemp(dir=work) + "/mail")
            os.mkdir(f"{work}/mail")
            found[name].append(measure(run))
    for name, seconds in found.items():
        wall, own, theirs = (min(column) for column in zip(*seconds))
        print(f"  {name:<24} {wall:>8.3f} s of the clock {own:>8.3f} s of processor {theirs:>8.2f} s of Dovecot's", flush=True)


def quiet(words, port=PORT, **more):
    with subprocess.Popen(words, env=environment(port), stdout=subprocess.PIPE, **more) as child:
        said = child.stdout.read()
    assert child.returncode == 0, (words, child.returncode)
    return said


def fill(size):
    """Puts the messages into the inbox, all by one command."""
    session = Session(PORT)
    session.command("SELECT INBOX")
    session.command("UID STORE 1:* +FLAGS (\\Deleted)")
    session.command("EXPUNGE")
    whole = [b"a APPEND INBOX"]
    for number in range(MESSAGES):
        head = f"From: Ann {number} <ann@x.test>\r\nTo: bob@x.test\r\nSubject: message {number}\r\nMessage-ID: <{number}@x.test>\r\n"
        head += "Date: Fri, 27 Nov 2026 01:02:03 +0000\r\n\r\n"
        text = head.encode() + (b"The quick brown fox jumps over the lazy dog.\r\n" * (size // 46))
        whole.append(b" {%d+}\r\n" % len(text) + text)
    session.socket.sendall(b"".join(whole) + b"\r\n")
    session.answer()


def with_imaplib():
    session = imaplib.IMAP4_SSL("localhost", PORT, ssl_context=trust)
    session.authenticate("XOAUTH2", lambda _: f"user={USER}\x01auth=Bearer {TOKEN}\x01\x01".encode())
    session.select("INBOX", readonly=True)
    _, lines = session.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)")
    assert len(lines) == MESSAGES


def listing():
    fill(200)
    print(f"listing {MESSAGES} messages to a pipe")

    def ours():
        assert quiet([PROGRAM, "list", "--limit", str(MESSAGES)]).count(b"\n") >= MESSAGES

    ours()
    with_imaplib()
    side_by_side(RUNS, ("mailbearer list", ours), ("imaplib, lines not read", lambda: child(with_imaplib)))


def child(run):
    """Runs it in a process of its own, which counts apart."""
    pid = os.fork()
    if pid == 0:
        run()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


def upload():
    file = f"{work}/large.eml"
    with open(file, "wb") as out:
        out.write(b"From: a@x.test\r\nSubject: large\r\n\r\n" + (b"x" * 76 + b"\r\n") * (MEGABYTES * 1_000_000 // 78))
    print(f"appending {MEGABYTES} MB")
    curl = ["curl", "--silent", "--show-error", "--cacert", CA, "--user", f"{USER}:", "--oauth2-bearer", TOKEN]
    curl += ["--login-options", "AUTH=XOAUTH2", "--upload-file", file, f"imaps://localhost:{PORT}/Drafts"]
    ours = ("mailbearer append", lambda: quiet([PROGRAM, "append", "Drafts", file]))
    side_by_side(5, ours, ("curl", lambda: quiet(curl)))
    Session(PORT).command("DELETE Drafts")


def slow_network():
    """A port that leads to Dovecot's, on which each octet takes a while in either direction."""

    def carry(source, sink):
        pipe = queue.SimpleQueue()

        def out():
            while (item := pipe.get())[1]:
                time.sleep(max(0, item[0] - time.monotonic()))
                sink.sendall(item[1])
            with contextlib.suppress(OSError):
                sink.shutdown(socket.SHUT_WR)

        threading.Thread(target=out, daemon=True).start()
        while True:
            data = source.recv(1 << 18)
            pipe.put((time.monotonic() + DELAY, data))
            if not data:
                return

    listener = socket.create_server(("127.0.0.1", 0))
    pid = os.fork()
    helpers.append(pid)
    if pid == 0:
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(("127.0.0.1", PORT))
            for one in near, far:
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for pair in (near, far), (far, near):
                threading.Thread(target=carry, args=pair, daemon=True).start()
    return listener.getsockname()[1]


def bulk():
    fill(4000)
    slow = slow_network()
    print(f"bringing {MESSAGES} messages of 4 kB, {DELAY * 1000:.0f} ms each way")

    def bare():
        session = Session(slow)
        session.command("EXAMINE INBOX")
        session.command("UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])")

    def files():
        os.makedirs(f"{work}/mail/new")
        for number in range(MESSAGES):
            with open(f"{work}/mail/{number}", "wb", buffering=0) as file:
                file.write(b"x" * 4000)
                os.utime(file.fileno())
            os.rename(f"{work}/mail/{number}", f"{work}/mail/new/{number}")
        os.sync()

    with open(f"{work}/.mbsyncrc", "w") as rc:
        rc.write(
            f"IMAPAccount one\nHost localhost\nPort {slow}\nUser {USER}\nPassCmd \"cat {work}/token\"\nAuthMechs XOAUTH2\n"
            f"SSLType IMAPS\nCertificateFile {CA}\n\nIMAPStore far\nAccount one\n\nMaildirStore near\nPath {work}/mail/\n"
            f"Inbox {work}/mail/INBOX\n\nChannel one\nFar :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSync Pull\nSyncState *\n"
        )
    with open(f"{work}/token", "w") as file:
        file.write(TOKEN)
    os.chmod(f"{work}/token", 0o600)
    ours = lambda *where: quiet([PROGRAM, "fetch", "INBOX", "1:*", *where], port=slow)
    maildir = lambda: ours("--maildir", f"{work}/mail/INBOX")
    mbox = lambda: ours("--mbox", f"{work}/mail/mbox")
    mbsync = lambda: quiet(["mbsync", "-q", "-c", f"{work}/.mbsyncrc", "one"])
    rows = ("bare transfer", lambda: child(bare)), ("files alone", lambda: child(files))
    rows += ("mailbearer, Maildir", maildir), ("mailbearer, mbox", mbox), ("mbsync", mbsync)
    side_by_side(3, *rows)


try:
    for name in WHAT:
        {"list": listing, "upload": upload, "bulk": bulk}[name]()
finally:
    for pid in filter(None, helpers):
        os.kill(pid, signal.SIGKILL)
    xtask("down", "--dir", SERVERS)
    shutil.rmtree(work, ignore_errors=True)
