# Pools side by side in one run: ours, lettre's, and a connection of smtplib in each of as many threads. Same server (the mock,
# by TLS and with a token), same messages of 4 kB. Arguments: the program mailbearer, the program pool of the benches, how many
# messages, over how many connections. Prints for each how long it takes from start to end, and its CPU time for each message;
# with valgrind, the instructions too, from the difference of two numbers of messages.
import os, re, resource, shutil, subprocess, sys, time

program, pool, MESSAGES, CONNECTIONS = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
SMTPLIB = """
import os, smtplib, ssl, sys, threading
count, connections = int(sys.argv[1]), int(sys.argv[2])
body = b"From: a@x.test\\r\\nTo: b@x.test\\r\\nSubject: side by side\\r\\n\\r\\n" + b"The quick brown fox jumps over the lazy dog.\\r\\n" * 90
tls = ssl.create_default_context(cafile=os.environ["MAILBEARER_TLS_CA_FILE"])
secret = "user=%s\\x01auth=Bearer %s\\x01\\x01" % (os.environ["MAILBEARER_USER"], os.environ["TOKEN"])
def send():
    with smtplib.SMTP_SSL("localhost", int(os.environ["MOCK_SMTP_TLS_PORT"]), context=tls) as s:
        s.ehlo()
        s.auth("XOAUTH2", lambda challenge=None: secret)
        for _ in range(count // connections):
            s.sendmail("a@x.test", ["b@x.test"], body)
threads = [threading.Thread(target=send) for _ in range(connections)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def measured(words, env):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(words, env=env, check=True)
    after, took = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - start
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def instructions(words, env):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *words],
                          env=env, check=True, stderr=subprocess.PIPE, text=True)
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


# A large box: the mock keeps what it takes, in memory. The others send the token on the line of AUTH, which a long one passes.
mock = subprocess.Popen([program, "mock", "--token-octets", "200"], stdout=subprocess.PIPE, text=True)
env = dict(PATH=os.environ["PATH"])
for line in mock.stdout:
    if "=" in line:
        key, value = line.strip().split("=", 1)
        env[key] = value.strip("'")
    if line.startswith("MOCK_SMTP_TLS_PORT"):
        break
try:
    env["TOKEN"] = subprocess.run([program, "token", "--no-cache"], env=env, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    rows = [("mailbearer", [pool, "ours"]), ("lettre", [pool, "lettre"]), ("smtplib", [sys.executable, "-c", SMTPLIB])]
    for name, words in rows:
        took, cpu = min(measured([*words, str(MESSAGES), str(CONNECTIONS)], env) for _ in range(3))
        line = f"{name:<11} {MESSAGES / took:8.0f} messages/s  {1e6 * cpu / MESSAGES:7.0f} us CPU each"
        if shutil.which("valgrind") and name != "smtplib":
            few, many = (instructions([*words, str(count), str(CONNECTIONS)], env) for count in (30, 330))
            line += f"  {(many - few) / 300:9.0f} instructions each"
        print(line, flush=True)
finally:
    mock.kill()
