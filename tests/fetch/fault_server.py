"""A file server on the loopback that misbehaves on request; the standard library only.

fault_server.py FOLDER [CERTIFICATE KEY]: prints the ports of its http and https sides (0: no certificate given), and ends when its
standard input does. FOLDER/1 and FOLDER/2 are the two versions of the file it serves, zip archives it makes itself.

The path is the script: /RUN/FAULT,FAULT,…/anything plays one fault per request of this RUN, the last one for ever:
  ok  drip (in small pieces)  cut:N (N bytes, then the end)  reset:N (N bytes, then a TCP reset)  stall:N (N bytes, then silence)
  slow (200 bytes a second)  ignore[:N] (200 to a Range, N bytes of it)  start, total (a 206 that lies about them)
  change (version 2 from here on)  chunked[:N], close[:N] (no length)  long:N, less:N (a length that is off by N)  endless
  garbage (no HTTP)  html  NUMBER[:SECONDS] (a status with Retry-After)  redirect, elsewhere, plain, loop (redirects: to itself, under
  another host name, to the http side, for ever)
FOLDER/log gets one JSON line per request: what it asked for and, in "again", how many of these bytes this RUN had already received.
"""
import json
import os
import random
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
import zipfile

FOLDER = sys.argv[1]
LOCK = threading.Lock()
RUNS = {}
PORTS = [0, 0]
MOST = 60.0  # seconds that any answer takes at most; libcurl averages over five before it calls a silence slow, and may be kept waiting


def make_version(number, members=24, size=20000):
    path = os.path.join(FOLDER, str(number))
    source = random.Random(number)
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(members):
            archive.writestr(zipfile.ZipInfo(f"images/{i}.jpg"), source.randbytes(size))
    with open(path, "rb") as file:
        return file.read()


class Run:
    """What a client of one RUN has seen so far."""

    def __init__(self):
        self.requests = 0
        self.version = 1
        self.have = 0  # bytes received in one piece from the start
        self.wrong = 0  # answers with a wrong range


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            self.answer()
        except (OSError, ssl.SSLError):
            pass  # the client went away

    def answer(self):
        words = self.rfile.readline().decode("latin-1").split()
        headers = {}
        while True:
            line = self.rfile.readline().decode("latin-1").strip()
            if not line:
                break
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if len(words) < 2:
            return
        if words[0] == "CONNECT":  # a proxy that wants a password; its line in the log belongs to no run
            with open(os.path.join(FOLDER, "log"), "a") as log:
                log.write(json.dumps({"run": "proxy", "host": words[1], "headers": sorted(headers)}) + "\n")
            return self.wfile.write(b"HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n")
        self.path = words[1]
        name, script = self.path.split("/")[1:3]
        start = int(headers["range"][6:-1]) if "range" in headers else 0
        with LOCK:
            run = RUNS.setdefault(name, Run())
            faults = script.split(",")
            fault, _, argument = faults[min(run.requests, len(faults) - 1)].partition(":")
            run.requests += 1
            if fault == "change":
                run.version = 2
            body = VERSIONS[run.version]
            tag = f'"version-{run.version}"'
            ranged = "range" in headers and headers.get("if-range") == tag and fault != "ignore"
            again = max(0, run.have - start) if run.have and headers.get("if-range", tag) == tag else 0
            with open(os.path.join(FOLDER, "log"), "a") as log:
                log.write(json.dumps({
                    "run": name, "fault": fault, "from": start, "again": again, "if_range": headers.get("if-range", ""),
                    "host": headers.get("host", ""), "authorization": headers.get("authorization", ""),
                    "url": self.path, "headers": sorted(headers)}) + "\n")
        self.play(run, fault, int(argument or -1), body, tag, start if ranged else 0, ranged)

    def play(self, run, fault, number, body, tag, start, ranged):
        if fault == "garbage":
            return self.wfile.write(os.urandom(3000))
        if fault == "html":
            run.have = 0
            page = b"<!DOCTYPE html><title>Sign in</title>"
            return self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(page) + page)
        if fault in ("redirect", "elsewhere", "plain", "loop"):
            host = "localhost" if fault == "elsewhere" else "127.0.0.1"
            side = 1 if isinstance(self.request, ssl.SSLSocket) and fault != "plain" else 0
            scheme = ("http", "https")[side]
            return self.wfile.write(f"HTTP/1.1 302 Found\r\nLocation: {scheme}://{host}:{PORTS[side]}{self.path}\r\n"
                                    "Content-Length: 0\r\n\r\n".encode())
        if fault.isdigit():
            wait = f"Retry-After: {number}\r\n" if number >= 0 else ""
            return self.wfile.write(f"HTTP/1.1 {fault} No\r\n{wait}Content-Length: 3\r\n\r\nno\n".encode())
        if ranged and start >= len(body):
            return self.wfile.write(b"HTTP/1.1 416 No\r\nContent-Range: bytes */%d\r\nContent-Length: 0\r\n\r\n" % len(body))
        self.send_file(run, fault, number, body, tag, start, ranged)

    def send_file(self, run, fault, number, body, tag, start, ranged):
        rest = body[start:]
        length = len(rest) + (number if fault == "long" else -number if fault == "less" else 0)
        if fault == "less":
            rest = rest[:max(0, length)]
        first = start + 1 if fault == "start" else start
        total = len(body) + (1 if fault == "total" else 0)
        lines = [f"HTTP/1.1 {'206 Partial Content' if ranged else '200 OK'}", f"ETag: {tag}",
                 "Last-Modified: Mon, 02 Jan 2023 03:04:05 GMT"]
        if ranged:
            lines.append(f"Content-Range: bytes {first}-{len(body) - 1}/{total}")
        if fault in ("chunked", "endless"):
            lines.append("Transfer-Encoding: chunked")
        elif fault != "close":
            lines.append(f"Content-Length: {max(0, length)}")
        self.wfile.write(("\r\n".join(lines) + "\r\nConnection: close\r\n\r\n").encode())
        if fault == "endless":
            return self.send_endless()
        if fault in ("start", "total") and ranged:
            # A client stops here; twice a wrong start, or another size, makes it begin anew.
            run.wrong += fault == "start"
            if fault == "total" or run.wrong == 2:
                run.have = 0
            return
        piece = rest if number < 0 or fault in ("long", "less") else rest[:number]
        # A reset may take sent bytes away again, and what looks whole without being so must be dropped.
        seems_whole = not ranged and fault in ("less", "close") and len(piece) < len(body)
        run.have = 0 if fault == "reset" or seems_whole else start + len(piece)
        self.send_body(fault, piece, number < 0)

    def send_body(self, fault, piece, whole):
        if fault == "chunked":
            for at in range(0, len(piece), 5000):
                part = piece[at:at + 5000]
                self.wfile.write(b"%x\r\n" % len(part) + part + b"\r\n")
            if whole:
                self.wfile.write(b"0\r\n\r\n")
        elif fault == "drip":
            for at in range(0, len(piece), 4096):
                self.wfile.write(piece[at:at + 4096])
                time.sleep(0.002)
        elif fault == "slow":
            for at in range(0, min(len(piece), int(MOST) * 200), 20):
                self.wfile.write(piece[at:at + 20])
                time.sleep(0.1)
        else:
            self.wfile.write(piece)
        if fault == "stall":
            self.request.settimeout(MOST)
            self.request.recv(1)
        if fault == "reset":
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.request.close()

    def send_endless(self):
        end = time.monotonic() + MOST
        while time.monotonic() < end:
            self.wfile.write(b"10000\r\n" + bytes(65536) + b"\r\n")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64
    context = None

    def finish_request(self, request, client_address):
        if self.context:
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except (OSError, ssl.SSLError):
                return
        super().finish_request(request, client_address)
        try:
            request.close()
        except OSError:
            pass


VERSIONS = {n: make_version(n) for n in (1, 2)}
servers = [Server(("127.0.0.1", 0), Handler)]
if len(sys.argv) > 2:
    servers.append(Server(("127.0.0.1", 0), Handler))
    servers[1].context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    servers[1].context.load_cert_chain(sys.argv[2], sys.argv[3])
for index, server in enumerate(servers):
    PORTS[index] = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
print(*PORTS, flush=True)
sys.stdin.read()
