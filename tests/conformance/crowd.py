# A thousand clients of a relay at once, one more, and then a burst of logins that each send.
# Arguments: port, process id, user, password, and the file of the certificate where TLS begins at once. Prints: KiB of memory
# for each client, the 1,001st client's greeting, and how many of the burst were taken.
import base64, resource, socket, ssl, sys, threading

port, pid, user, password = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
tls = ssl.create_default_context(cafile=sys.argv[5]) if len(sys.argv) > 5 else None
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))


def memory():
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def talk(client, line):
    if line:
        client.sendall(line + b"\r\n")
    reply = b""
    while not (reply.endswith(b"\r\n") and reply.split(b"\r\n")[-2][3:4] == b" "):
        piece = client.recv(4096)
        if not piece:
            break
        reply += piece
    return reply


def connect():
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    return tls.wrap_socket(client, server_hostname="localhost") if tls else client


warm = connect()
talk(warm, None), talk(warm, b"EHLO x"), warm.close()
before = memory()
clients = [connect() for _ in range(1000)]
for client in clients:
    assert talk(client, None).startswith(b"220 ")
for client in clients:
    assert talk(client, b"EHLO x").startswith(b"250-")
print((memory() - before) / 1000)
late = connect()
print(talk(late, None).decode().strip())
late.close()
for client in clients:
    client.close()

taken, lock = [], threading.Lock()
login = base64.b64encode(f"\0{user}\0{password}".encode())


def burst(number):
    for _ in range(100):
        client = connect()
        if talk(client, None).startswith(b"220 "):
            break
        client.close()
    assert talk(client, b"EHLO x").startswith(b"250-")
    assert talk(client, b"AUTH PLAIN " + login).startswith(b"235 ")
    assert talk(client, b"MAIL FROM:<a@x.test>").startswith(b"250 ")
    assert talk(client, b"RCPT TO:<b@x.test>").startswith(b"250 ")
    assert talk(client, b"DATA").startswith(b"354 ")
    assert talk(client, b"Subject: burst %d\r\n\r\nx\r\n." % number).startswith(b"250 ")
    with lock:
        taken.append(number)


threads = [threading.Thread(target=burst, args=(number,)) for number in range(200)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(taken))
