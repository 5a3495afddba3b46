"""What the scripts share: pcserve as a child, raw sockets, and answers taken apart."""
import atexit
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

failures = []  # what did not hold in this script


def check(holds, what):
    if not holds:
        failures.append(what)


def end():
    """Says what did not hold, and ends the script."""
    for failure in failures:
        print(failure)
    sys.exit(1 if failures else 0)


def begin_together(calls):
    """The calls on threads of their own."""
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    return threads


def together(calls):
    for thread in begin_together(calls):
        thread.join()


def pictures_in(folder):
    """name -> bytes."""
    return {p.name: p.read_bytes() for p in sorted(Path(folder).iterdir()) if p.suffix in (".jpg", ".png", ".webp")}


class Server:
    """A pcserve on 127.0.0.1 (port 0: a free one), with what it said on stderr."""

    def __init__(self, bin_folder, model, *arguments, port=0):
        environment = dict(os.environ, OMP_NUM_THREADS="2")
        self.process = subprocess.Popen(
            [f"{bin_folder}/pcserve", "--model", str(model), "--port", str(port), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        atexit.register(self.process.kill)  # where a script gives up, its servers do not outlive it
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("pcserve did not start: " + self.process.stderr.read())
        self.port = int(line.strip().rstrip("/").rsplit(":", 1)[1])
        self.said = []
        self.listener = threading.Thread(target=lambda: self.said.extend(self.process.stderr), daemon=True)
        self.listener.start()

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, patience=40):
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait(patience)

    def wait(self, patience=40):
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "did not end"

    def resident(self):
        with open(f"/proc/{self.process.pid}/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def heard(self, text, patience=10, count=1):
        """Whether so many lines with this text come on stderr."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if sum(text in line for line in list(self.said)) >= count:
                return True
            time.sleep(0.02)
        return False


class Reply:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def json(self):
        return json.loads(self.body)


class Client:
    """One connection."""

    def __init__(self, port, patience=40, address="127.0.0.1"):
        self.port = port
        self.socket = socket.create_connection((address, port), patience)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def reply(self, head_only=False):
        """The next reply; None where the connection ends without one."""
        while b"\r\n\r\n" not in self.rest:
            try:
                more = self.socket.recv(65536)
            except ConnectionError:
                return None
            if not more:
                return None
            self.rest += more
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        status = int(re.fullmatch(r"HTTP/1\.1 (\d{3}) .*", lines[0]).group(1))
        fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        size = 0 if head_only or status in (100, 204) else int(fields["content-length"])
        while len(self.rest) < size:
            more = self.socket.recv(65536)
            if not more:
                return None
            self.rest += more
        body, self.rest = self.rest[:size], self.rest[size:]
        return Reply(status, fields, body)

    def ask(self, method, target, body=b"", **fields):
        self.send(request(self.port, method, target, body, **fields))
        return self.reply(head_only=method == "HEAD")


def request(port, method, target, body=b"", **fields):
    """The bytes of a well-formed request; content_type="…" becomes Content-Type: …."""
    lines = {"Host": f"127.0.0.1:{port}"}
    lines.update({name.replace("_", "-").title(): value for name, value in fields.items()})
    if method == "POST":
        lines.setdefault("Content-Length", len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body


def form(files, boundary="xYz"):
    """A multipart body of (name, bytes) pairs, and its Content-Type."""
    parts = b"".join(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
                     + data + b"\r\n" for name, data in files)
    return parts + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def png(width, height, rows=b"", color=0):
    """A PNG whose header says so (color 0: gray, 2: RGB), with these filtered rows."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
