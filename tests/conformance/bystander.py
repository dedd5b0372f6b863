# Clients of a relay that misbehave in every way at once, and one that behaves and whose mail has to go on.
# Arguments: port, process id, user, password. Prints: how many messages of the good client were taken, how many of the
# others' commands got an answer that lets a message in, and by how many MiB the relay grew at most.
import base64, os, random, socket, sys, threading

port, pid, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
MESSAGES = 20
over = threading.Event()
let_in, lock = [], threading.Lock()


def memory():
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def connect():
    return socket.create_connection(("127.0.0.1", port), timeout=120)


def talk(client, line):
    if line:
        client.sendall(line + b"\r\n")
    reply = b""
    while not (reply.endswith(b"\r\n") and reply.split(b"\r\n")[-2][3:4] == b" "):
        piece = client.recv(4096)
        if not piece:
            raise ConnectionError(reply)
        reply += piece
    return reply


def again(deed):
    """Does it over and over until it is over; a relay may cut off who behaves like this."""
    def run(number):
        chance = random.Random(number)
        while not over.is_set():
            try:
                with connect() as client:
                    deed(client, chance)
            except OSError:
                pass
    return run


def slow(client, chance):
    for octet in b"EHLO " + b"x" * 2000:
        client.sendall(bytes([octet]))
        if over.wait(0.05):
            return


def deaf(client, chance):
    """Asks and never reads."""
    client.settimeout(1)
    while not over.is_set():
        client.sendall(b"EHLO x\r\n" * 5000)


def garbage(client, chance):
    client.settimeout(1)
    client.sendall(b"EHLO x\r\nMAIL FROM:<a@x.test>\r\n")
    while not over.is_set():
        client.sendall(chance.randbytes(20000))


def guess(client, chance):
    talk(client, None), talk(client, b"EHLO x")
    while not over.is_set():
        word = base64.b64encode(b"\0%d\0guess" % chance.getrandbits(30))
        if talk(client, b"AUTH PLAIN " + word).startswith(b"2"):
            with lock:
                let_in.append(word)


def smuggle(client, chance):
    talk(client, None), talk(client, b"EHLO x"), talk(client, b"AUTH PLAIN " + login)
    inner = b"MAIL FROM:<evil@x.test>\r\nRCPT TO:<victim@x.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"
    end = chance.choice([b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r\n.\n"])
    for line in [b"MAIL FROM:<a@x.test>", b"RCPT TO:<b@x.test>", b"DATA"]:
        talk(client, line)
    if talk(client, b"Subject: outer\r\n\r\nx" + end + inner[:-2]).startswith(b"2"):
        with lock:
            let_in.append(end)


def half(client, chance):
    talk(client, None), talk(client, b"EHLO x"), talk(client, b"AUTH PLAIN " + login)
    for line in [b"MAIL FROM:<a@x.test>", b"RCPT TO:<b@x.test>"]:
        talk(client, line)
    client.sendall(b"BDAT 1000000 LAST\r\nSubject: half\r\n\r\n" + b"x" * 50000)


login = base64.b64encode(f"\0{user}\0{password}".encode())
deeds = [slow] * 40 + [deaf] * 10 + [garbage] * 20 + [guess] * 12 + [smuggle] * 10 + [half] * 10
before, most = memory(), 0
threads = [threading.Thread(target=again(deed), args=(number,)) for number, deed in enumerate(deeds)]
[thread.start() for thread in threads]
taken = 0
try:
    for number in range(MESSAGES):
        with connect() as client:
            assert talk(client, None).startswith(b"220 ")
            assert talk(client, b"EHLO good").startswith(b"250-")
            assert talk(client, b"AUTH PLAIN " + login).startswith(b"235 ")
            assert talk(client, b"MAIL FROM:<good@x.test>").startswith(b"250 ")
            assert talk(client, b"RCPT TO:<b@x.test>").startswith(b"250 ")
            assert talk(client, b"DATA").startswith(b"354 ")
            taken += talk(client, b"Subject: good %d\r\n\r\nx\r\n." % number).startswith(b"250 ")
        most = max(most, memory() - before)
finally:
    over.set()
    [thread.join() for thread in threads]
print(taken)
print(len(let_in))
print(most / 1000)
