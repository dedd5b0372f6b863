# Relays side by side in one run: ours, Postfix, and Python's aiosmtpd that hands on with smtplib. Same disk, same client.
# Wants root, as Postfix does, Debian's postfix and python3-aiosmtpd. Arguments: the program mailbearer, how many messages of
# 4 kB, on how many connections. Prints for each how many it accepts a second, its CPU time for each message, until it is
# accepted and until it is handed on, and the memory of all its processes. Ours and Postfix put each on the disk with fsync
# before they accept it; aiosmtpd keeps none and answers when the next server has it.
import os, resource, shutil, signal, smtplib, socket, subprocess, sys, tempfile, threading, time

program, MESSAGES, CLIENTS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
BODY = (b"From: a@x.test\r\nTo: b@x.test\r\nSubject: side by side\r\n\r\n" + b"The quick brown fox jumps over the lazy dog.\r\n" * 90)
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def tree(pid):
    pids, todo = [], [pid]
    kids = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                parent = int(open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            kids.setdefault(parent, []).append(int(name))
    while todo:
        one = todo.pop()
        pids.append(one)
        todo += kids.get(one, [])
    return pids


def cpu(pid):
    total = 0
    for one in tree(pid):
        try:
            fields = open(f"/proc/{one}/stat").read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / TICK


def memory(pid):
    total = 0
    for one in tree(pid):
        try:
            text = open(f"/proc/{one}/smaps_rollup").read()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total / 1000


def wait_for(port):
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nobody listens at {port}")


def burst(port):
    def send():
        with socket.create_connection(("127.0.0.1", port)) as client:
            file = client.makefile("rb")

            def talk(said, want):
                if said:
                    client.sendall(said)
                while True:
                    line = file.readline()
                    if line[3:4] != b"-":
                        break
                assert line.startswith(want), line
            talk(b"", b"220")
            talk(b"EHLO x\r\n", b"250")
            for _ in range(MESSAGES // CLIENTS):
                talk(b"MAIL FROM:<a@x.test>\r\n", b"250")
                talk(b"RCPT TO:<b@x.test>\r\n", b"250")
                talk(b"DATA\r\n", b"354")
                talk(BODY + b".\r\n", b"250")
            talk(b"QUIT\r\n", b"221")
    threads = [threading.Thread(target=send) for _ in range(CLIENTS)]
    start = time.monotonic()
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return time.monotonic() - start


def run(name, pid, port, settled):
    wait_for(port)
    burst_warm = 0
    before = cpu(pid)
    took = burst(port)
    accepted = cpu(pid)
    most = memory(pid)
    settled()
    after = cpu(pid)
    n = MESSAGES // CLIENTS * CLIENTS
    print(f"{name:<34} {n / took:8.0f} accepted/s  {1000 * (accepted - before) / n:7.2f} ms CPU each until accepted"
          f"  {1000 * (after - before) / n:7.2f} ms until handed on  {most:6.1f} MB", flush=True)


folder = tempfile.mkdtemp(prefix="side", dir="/tmp")
os.chmod(folder, 0o755)
# The upstream: the mock, whose certificate and settings it prints.
mock = subprocess.Popen([program, "mock"], stdout=subprocess.PIPE, text=True)
env = {}
for line in mock.stdout:
    if "=" in line:
        key, value = line.strip().split("=", 1)
        env[key] = value.strip("'")
    if line.startswith("MAILBEARER_TLS_CA_FILE"):
        break
try:
    port = free_port()
    spool = f"{folder}/spool"
    home = dict(env, HOME=folder, PATH=os.environ["PATH"])
    ours = subprocess.Popen([program, "relay", "--listen", f"127.0.0.1:{port}", "--spool", spool],
                            env=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def empty():
        for _ in range(6000):
            if not os.listdir(f"{spool}/queue"):
                return
            time.sleep(0.1)
    run("mailbearer, on to the mock by TLS", ours.pid, port, empty)
    ours.send_signal(signal.SIGTERM)
    ours.wait()
    # Accepting alone: nobody is upstream.
    port, away = free_port(), dict(home, MAILBEARER_SMTP_PORT="1")
    ours = subprocess.Popen([program, "relay", "--listen", f"127.0.0.1:{port}", "--spool", spool],
                            env=away, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run("mailbearer, nobody upstream", ours.pid, port, lambda: None)
    ours.kill()
    ours.wait()

    port, pf = free_port(), f"{folder}/pf"
    sink = free_port()
    for name in ["etc", "data", "queue"]:
        os.makedirs(f"{pf}/{name}")
    main = f"""compatibility_level = 3.6
queue_directory = {pf}/queue
data_directory = {pf}/data
maillog_file = {pf}/log
maillog_file_prefixes = {pf}
myhostname = office.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_peername_lookup = no
biff = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_forbid_bare_newline = reject
smtpd_client_connection_count_limit = 0
relayhost = [127.0.0.1]:{sink}
"""
    master = f"""127.0.0.1:{port} inet n - n - - smtpd
qmgr unix n - n 300 1 qmgr
postlog unix-dgram n - n - 1 postlogd
tlsmgr unix - - n 1000? 1 tlsmgr
cleanup unix n - n - 0 cleanup
flush unix n - n 1000? 0 flush
rewrite unix - - n - - trivial-rewrite
smtp unix - - n - - smtp
relay unix - - n - - smtp
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""
    for name, text in [("main.cf", main), ("master.cf", master)]:
        with open(f"{pf}/etc/{name}", "w") as file:
            file.write(text)
    subprocess.run(["chown", "postfix", f"{pf}/data"], check=True)
    drain = subprocess.Popen(["/usr/sbin/smtp-sink", "-u", "nobody", f"127.0.0.1:{sink}", "100"], stdout=subprocess.DEVNULL)
    quiet = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run(["postfix", "-c", f"{pf}/etc", "start"], check=True, **quiet)
    time.sleep(1)
    pid = int(open(f"{pf}/queue/pid/master.pid").read())

    def flushed():
        for _ in range(6000):
            if not sum(len(files) for name in ["incoming", "active", "deferred"] for _, _, files in os.walk(f"{pf}/queue/{name}")):
                return
            time.sleep(0.1)
    run("Postfix, on to smtp-sink in the clear", pid, port, flushed)
    subprocess.run(["postfix", "-c", f"{pf}/etc", "stop"], **quiet)
    drain.kill()

    # aiosmtpd keeps nothing: it hands on before it answers.
    port, sink = free_port(), free_port()
    drain = subprocess.Popen(["/usr/sbin/smtp-sink", "-u", "nobody", f"127.0.0.1:{sink}", "100"], stdout=subprocess.DEVNULL)
    script = f"""
import asyncio, smtplib
from aiosmtpd.controller import Controller
class Handler:
    async def handle_DATA(self, server, session, envelope):
        def send():
            with smtplib.SMTP('127.0.0.1', {sink}) as s:
                s.sendmail(envelope.mail_from, envelope.rcpt_tos, envelope.content)
        await asyncio.get_running_loop().run_in_executor(None, send)
        return '250 OK'
Controller(Handler(), hostname='127.0.0.1', port={port}).start()
import threading; threading.Event().wait()
"""
    peer = subprocess.Popen([sys.executable, "-c", script])
    run("aiosmtpd and smtplib, in the clear", peer.pid, port, lambda: None)
    peer.kill()
    drain.kill()
finally:
    mock.kill()
    shutil.rmtree(folder, ignore_errors=True)
