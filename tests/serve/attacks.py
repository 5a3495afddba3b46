#!/usr/bin/python3
"""attacks.py BIN MODEL PICTURE [SLOW [unmeasured]]: every attack of one table gets its status, while healthy clients get their answers.

SLOW connections (400 by default) send a byte now and then at the same time. After that the server still answers as at first, has
closed them all, holds no descriptor more, and its memory has grown by 10 MB at most (not with "unmeasured"). Exit code 0: held.
"""
import json
import socket
import struct
import sys
import threading
import time
from functools import partial
from pathlib import Path

from serving import Client, Server, begin_together, form, percentile, png, together

LIMIT = 10_000_000
DEADLINE = 6  # seconds; a head has one


def webp_of(width, height):
    """A lossless WebP's header for these sides, and nothing of its pixels."""
    bits = (width - 1) | (height - 1) << 14
    return b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8L" + struct.pack("<I", 10) + b"\x2f" + struct.pack("<I", bits) + bytes(5)


def table(host, photo):
    """name -> (bytes, expected status). None: closed without an answer. A list: each of these, in order."""
    good = b"Host: " + host.encode() + b"\r\n"
    jpeg = good + b"Content-Type: image/jpeg\r\n"
    chunked = jpeg + b"Transfer-Encoding: chunked\r\n"
    as_json = good + b"Content-Type: application/json\r\n"

    def get(path, head=good):
        return b"GET " + path + b" HTTP/1.1\r\n" + head + b"\r\n"

    def post(body, head=jpeg, path=b"/v1/predict"):
        return b"POST " + path + b" HTTP/1.1\r\n" + head + b"Content-Length: %d\r\n\r\n" % len(body) + body

    def raw(head, body=b""):
        return b"POST /v1/predict HTTP/1.1\r\n" + head + b"\r\n" + body

    def multipart(body, kind=b"multipart/form-data; boundary=b"):
        return post(body, good + b"Content-Type: " + kind + b"\r\n")

    def infer(body):
        return post(body if isinstance(body, bytes) else json.dumps(body).encode(), as_json, b"/v2/models/tiny/infer")

    def image(shape, data, kind="UINT8", name="image"):
        return infer({"inputs": [{"name": name, "datatype": kind, "shape": shape, "data": data}]})

    def binary(data, size, name="image", length=None):
        one = {"name": name, "datatype": "UINT8" if name == "image" else "BYTES", "shape": [1, 1, 1, 3] if name == "image" else [1]}
        head = json.dumps({"inputs": [one if size is None else one | {"parameters": {"binary_data_size": size}}]}).encode()
        field = b"Inference-Header-Content-Length: %d\r\n" % (len(head) if length is None else length)
        return post(head + data, good + field, b"/v2/models/tiny/infer")

    part = b'--b\r\nContent-Disposition: form-data; name="f"; filename="%s"\r\n\r\n'
    bmp = b"BM" + struct.pack("<IHHIIiiHHIIiiII", 58, 0, 0, 54, 40, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0) + bytes(4)
    return {
        # Two readers, two lengths.
        "CL and TE": (raw(chunked + b"Content-Length: 5\r\n", b"0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n"), 400),
        "TE and CL": (raw(jpeg + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), 400),
        "two lengths": (raw(jpeg + b"Content-Length: 3\r\nContent-Length: 4\r\n", b"abcd"), 400),
        "one length twice": (raw(jpeg + b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc"), 400),
        "lengths in a list": (raw(jpeg + b"Content-Length: 3, 3\r\n", b"abc"), 400),
        "length with a sign": (raw(jpeg + b"Content-Length: +3\r\n", b"abc"), 400),
        "negative length": (raw(jpeg + b"Content-Length: -1\r\n"), 400),
        "length 2^64": (raw(jpeg + b"Content-Length: 18446744073709551616\r\n"), 400),
        "length 1e3": (raw(jpeg + b"Content-Length: 1e3\r\n"), 400),
        "length 0x10": (raw(jpeg + b"Content-Length: 0x10\r\n"), 400),
        "length with a blank within": (raw(jpeg + b"Content-Length: 1 0\r\n", b"a" * 10), 400),
        "empty length": (raw(jpeg + b"Content-Length:\r\n"), 400),
        "TE gzip, chunked": (raw(jpeg + b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), 400),
        "TE identity": (raw(jpeg + b"Transfer-Encoding: identity\r\n"), 400),
        "TE xchunked": (raw(jpeg + b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"), 400),
        "TE chunked twice": (raw(chunked + b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"), 400),
        "TE with a tab before the colon": (raw(jpeg + b"Transfer-Encoding\t: chunked\r\n", b"0\r\n\r\n"), 400),
        "TE with a blank before the colon": (raw(jpeg + b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"), 400),
        "TE in a folded line": (raw(jpeg + b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"), 400),
        "TE in HTTP/1.0": (b"POST /v1/predict HTTP/1.0\r\n" + chunked + b"\r\n0\r\n\r\n", 400),
        "GET with a body": (get(b"/v2", good + b"Content-Length: 3\r\n") + b"abc", 400),
        # Chunks.
        "chunk size -2": (raw(chunked, b"-2\r\nab\r\n0\r\n\r\n"), 400),
        "chunk size of 17 digits": (raw(chunked, b"10000000000000000\r\na"), 400),
        "chunk size 0x2": (raw(chunked, b"0x2\r\nab\r\n0\r\n\r\n"), 400),
        "chunk size of no digit": (raw(chunked, b"zz\r\nab\r\n0\r\n\r\n"), 400),
        "empty chunk size": (raw(chunked, b"\r\nab\r\n0\r\n\r\n"), 400),
        "chunk longer than its size": (raw(chunked, b"2\r\nabcd\r\n0\r\n\r\n"), 400),
        "chunk line with bare LF": (raw(chunked, b"2\nab\r\n0\r\n\r\n"), 400),
        "chunk data without CR LF": (raw(chunked, b"2\r\nab0\r\n\r\n"), 400),
        "chunk extension of 20 KB": (raw(chunked, b"2;" + b"x" * 20_000 + b"\r\nab\r\n0\r\n\r\n"), 400),
        "trailer of 40 KB": (raw(chunked, b"0\r\n" + b"X: y\r\n" * 7000 + b"\r\n"), 400),
        "empty chunked body": (raw(chunked, b"0\r\n\r\n"), 400),
        "chunks beyond the limit": (raw(chunked, b"989681\r\n"), 413),
        "small chunks beyond the limit": (raw(chunked, (b"80000\r\n" + bytes(0x80000) + b"\r\n") * 21), 413),
        # Lines and fields.
        "bare LF": (b"GET /v2 HTTP/1.1\n" + good.replace(b"\r", b"") + b"\n", 400),
        "bare LF in a field": (get(b"/v2", good + b"X: a\nY: b\r\n"), 400),
        "bare CR in a field": (get(b"/v2", good + b"X: a\rContent-Length: 3\r\n"), 400),
        "NUL in a field": (get(b"/v2", good + b"X: a\0b\r\n"), 400),
        "a folded line": (get(b"/v2", good + b"X: a\r\n b\r\n"), 400),
        "a field without a colon": (get(b"/v2", good + b"Nothing\r\n"), 400),
        "a field without a name": (get(b"/v2", good + b": value\r\n"), 400),
        "a field name with a bracket": (get(b"/v2", good + b"A(b): c\r\n"), 400),
        "an empty line first": (b"\r\n" + get(b"/v2"), 400),
        "request line of 9 KB": (get(b"/" + b"a" * 9000), 414),
        "a line of 100 KB": (get(b"/v2", good + b"X: " + b"a" * 100_000 + b"\r\n"), 431),
        "1,000 fields": (get(b"/v2", good + b"X: a\r\n" * 1000), 431),
        "endless fields": (b"GET /v2 HTTP/1.1\r\n" + b"X: aaaaaaaaaaaaaaaaaa\r\n" * 1000, 431),
        "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        "HTTP/0.9": (b"GET /v2\r\n\r\n", 400),
        "version 1.2": (b"GET /v2 HTTP/1.2\r\n" + good + b"\r\n", 400),
        "lower-case version": (b"GET /v2 http/1.1\r\n" + good + b"\r\n", 400),
        "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)), 400),
        "two blanks in the request line": (b"GET  /v2 HTTP/1.1\r\n" + good + b"\r\n", 400),
        "a tab in the request line": (b"GET\t/v2 HTTP/1.1\r\n" + good + b"\r\n", 400),
        # Who asks.
        "no host": (get(b"/v2", b""), 400),
        "two hosts": (get(b"/v2", good + b"Host: evil.example\r\n"), 400),
        "rebinding host": (get(b"/v2", b"Host: evil.example\r\n"), 421),
        "host that begins like ours": (get(b"/v2", b"Host: localhost.evil.example\r\n"), 421),
        "host with a user": (get(b"/v2", b"Host: 127.0.0.1@evil.example\r\n"), 421),
        "host of another address": (get(b"/v2", b"Host: 169.254.169.254\r\n"), 421),
        "absolute target": (get(b"http://evil.example/v2"), 400),
        "foreign origin": (post(photo, jpeg + b"Origin: https://evil.example\r\n"), 403),
        "origin null": (post(photo, jpeg + b"Origin: null\r\n"), 403),
        "origin of another port": (post(photo, jpeg + b"Origin: http://127.0.0.1:1\r\n"), 403),
        "foreign preflight": (b"OPTIONS /v1/predict HTTP/1.1\r\n" + good + b"Origin: https://evil.example\r\n\r\n", 405),
        # Paths and methods.
        "dots": (get(b"/../../etc/passwd"), 404),
        "encoded dots": (get(b"/%2e%2e/%2e%2e/etc/passwd"), 404),
        "two slashes": (get(b"//v2"), 404),
        "encoded NUL": (get(b"/v2%00"), 404),
        "backslashes": (get(b"/..\\..\\etc\\passwd"), 404),
        "a slash behind": (get(b"/v2/"), 404),
        "another model": (get(b"/v2/models/other"), 404),
        "a control character in the target": (get(b"/v2\x01"), 400),
        "a byte beyond ASCII in the target": (get(b"/\xff"), 400),
        "another version": (get(b"/v2/models/tiny/versions/2"), 404),
        "TRACE": (b"TRACE /v2 HTTP/1.1\r\n" + good + b"\r\n", 405),
        "TRACE with a body": (b"TRACE /v2 HTTP/1.1\r\n" + good + b"Content-Length: 1\r\n\r\na" + get(b"/v2"), [405, None]),
        "GET with a body where POST is taken": (b"GET /v1/predict HTTP/1.1\r\n" + good + b"Content-Length: 1\r\n\r\na" + get(b"/v2"), [405, None]),
        "GET with chunks": (b"GET /v2 HTTP/1.1\r\n" + good + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n" + get(b"/v2"), [400, None]),
        "preflight with a body": (b"OPTIONS /v1/predict HTTP/1.1\r\n" + good + b"Content-Length: 1\r\n\r\na" + get(b"/v2"), [405, None]),
        "GET with a body, then another": (b"GET /v2 HTTP/1.1\r\n" + good + b"Content-Length: 1\r\n\r\na" + get(b"/v2"), [400, None]),
        "PUT": (b"PUT /v1/predict HTTP/1.1\r\n" + jpeg + b"Content-Length: 1\r\n\r\na", 405),
        "CONNECT": (b"CONNECT evil.example:443 HTTP/1.1\r\n" + good + b"\r\n", 400),
        "GET of predict": (get(b"/v1/predict"), 405),
        "POST to the page": (post(b"x", path=b"/"), 405),
        "unknown parameter": (post(photo, path=b"/v1/predict?path=/etc/passwd"), 400),
        "top_k of many digits": (post(photo, path=b"/v1/predict?top_k=99999999999999999999"), 400),
        # Bodies.
        "12 MB announced": (raw(jpeg + b"Content-Length: 12000000\r\n"), 413),
        "12 MB announced, continue expected": (raw(jpeg + b"Content-Length: 12000000\r\nExpect: 100-continue\r\n"), 413),
        "gzip": (post(photo, jpeg + b"Content-Encoding: gzip\r\n"), 415),
        "text": (post(b"hello", good + b"Content-Type: text/plain\r\n"), 415),
        "a form of the old kind": (post(b"a=b", good + b"Content-Type: application/x-www-form-urlencoded\r\n"), 415),
        "no type": (post(photo, good), 200),
        "no body": (post(b""), 400),
        "POST without a length": (raw(jpeg), 400),
        "form without a boundary": (multipart(b"--b--\r\n", b"multipart/form-data"), 400),
        "boundary of 1 KB": (multipart(b"--b--\r\n", b"multipart/form-data; boundary=" + b"b" * 1000), 400),
        "boundary that is another": (multipart(b"--c\r\n\r\n\r\n--c--\r\n"), 400),
        "form without an end": (multipart(part % b"a" + photo), 400),
        "form of 10,000 parts": (multipart((part % b"a" + b"x\r\n") * 10_000 + b"--b--\r\n"), 400),
        "part head of 1 MB": (multipart(b"--b\r\n" + b"X: y\r\n" * 150_000 + b"\r\nx\r\n--b--\r\n"), 400),
        "form without a file": (multipart(b'--b\r\nContent-Disposition: form-data; name="f"\r\n\r\nx\r\n--b--\r\n'), 400),
        "file name that climbs": (multipart(part % b"../../x" + photo + b"\r\n--b--\r\n"), 200),
        "file name of 3 KB": (multipart(part % (b"x" * 3000) + photo + b"\r\n--b--\r\n"), 400),
        "file name that is markup": (multipart(part % b"<img src=x onerror=alert(1)>" + photo + b"\r\n--b--\r\n"), 200),
        # Pictures.
        "GIF": (post(b"GIF89a" + bytes(20)), 415),
        "BMP": (post(bmp), 415),
        "PNM": (post(b"P6 1 1 255\nabc"), 415),
        "HTML": (post(b"<!doctype html><html>"), 415),
        "HEIC": (post(b"\0\0\0\x18ftypheic" + bytes(20)), 415),
        "cut JPEG": (post(photo[:len(photo) // 2] if photo[:2] == b"\xff\xd8" else b"\xff\xd8\xff\xe0"), 422),
        "JPEG of a signature": (post(b"\xff\xd8\xff"), 422),
        "PNG bomb of 900 Mpixel": (post(png(30_000, 30_000)), 422),
        "PNG bomb that is real": (post(png(12_000, 12_000, bytes(12_001 * 12_000))), 422),
        "PNG of the largest sides": (post(png(0x7FFFFFFF, 0x7FFFFFFF)), 422),
        "PNG without pixels": (post(png(40, 40)), 422),
        "WebP bomb": (post(webp_of(16383, 16383)), 422),
        "WebP cut": (post(webp_of(40, 40)), 422),
        # KServe.
        "not JSON": (infer(b"{"), 400),
        "100,000 brackets": (infer(b"[" * 100_000), 400),
        "no inputs": (infer({}), 400),
        "two inputs": (infer({"inputs": [{}, {}]}), 400),
        "negative sides": (image([-1, -1, 1, 3], [1, 2, 3]), 400),
        "sides that overflow": (image([2**32, 2**32, 2**32, 3], [1, 2, 3]), 400),
        "a shape larger than its data": (image([1, 1000, 1000, 3], [1, 2, 3]), 400),
        "data beyond a byte": (image([1, 1, 1, 3], [1, 2, 300]), 400),
        "fractions": (image([1, 1, 1, 3], [0.5, 0.5, 0.5]), 400),
        "10,000 pictures": (image([10_000, 1, 1, 3], [0] * 30_000), 400),
        "no base64": (image([1], ["!!!!"], "BYTES", "file"), 400),
        "base64 of a GIF": (image([1], ["R0lGODlh"], "BYTES", "file"), 422),
        "another output": (infer({"inputs": [{"name": "image", "datatype": "UINT8", "shape": [1, 1, 1, 3], "data": [1, 2, 3]}],
                                  "outputs": [{"name": "x"}]}), 400),
        "binary tensors that end early": (binary(b"abcd", size=5), 400),
        "binary tensors with bytes left": (binary(b"abcdefg", size=6), 400),
        "binary tensors of another size": (binary(b"abcd", size=4), 400),
        "binary tensors without a size": (binary(b"abc", size=None), 400),
        "binary files that end early": (binary(b"\x05\0\0\0ab", size=6, name="file"), 400),
        "binary files of 4 GB": (binary(b"\xff\xff\xff\xff", size=4, name="file"), 400),
        "binary files that are too few": (binary(b"", size=0, name="file"), 400),
        "JSON longer than the body": (binary(b"abc", size=3, length=1000), 400),
        "JSON of a negative length": (binary(b"abc", size=3, length=-1), 400),
        "JSON of an empty length": (post(b'{"inputs": [{"name": "image", "datatype": "UINT8", "shape": [1, 1, 1, 3], "data": [1, 2, 3]}]}',
                                         good + b"Inference-Header-Content-Length:\r\n", b"/v2/models/tiny/infer"), 400),
        "JSON of many digits": (binary(b"abc", size=3, length=10**40), 400),
        "JSON cut by its length": (binary(b"abc", size=3, length=20), 400),
        "shared memory": (infer({"inputs": [{"name": "image", "datatype": "UINT8", "shape": [1, 1, 1, 3],
                                             "parameters": {"shared_memory_region": "x"}}]}), 400),
        # Time. The head, then the body, stops halfway.
        "half a head": (b"GET /v2 HT", 408),
        "half a body": (raw(jpeg + b"Content-Length: 100\r\n", b"abc"), 408),
        "chunks without an end": (raw(chunked, b"2\r\nab\r\n"), 408),
        "nothing at all": (b"", None),
        # Pipelines: what stands behind a refused request is not read as another one.
        "good ones in one go": (get(b"/v2") * 3, [200, 200, 200]),
        "a bad one between": (get(b"/v2") + b"BAD\r\n\r\n" + get(b"/v2"), [200, 400, None]),
        "behind a refusal": (post(b"x", jpeg.replace(b"image/jpeg", b"text/plain")) + get(b"/metrics"), [415, None]),
    }


def attack(port, data, expected, failures, name):
    wanted = expected if isinstance(expected, list) else [expected]
    try:
        with Client(port) as client:
            try:
                # In two pieces, cut where a parser may stumble: within the last line's end.
                client.send(data[:-2])
                time.sleep(0.01)
                client.send(data[-2:])
            except ConnectionError:
                pass  # it has been refused in the midst of its body
            for status in wanted:
                reply = client.reply()
                got = reply and reply.status
                if got != status:
                    failures.append(f"{name}: {got}, expected {status}: {reply and reply.body[:200]}")
                    return
                if reply and status >= 400 and "error" not in reply.json():
                    failures.append(f"{name}: no error in the answer")
    except OSError as error:
        failures.append(f"{name}: {error}")


class Healthy:
    """Clients that ask for one picture again and again: always the same answer."""

    def __init__(self, port, photo, answer):
        self.port, self.photo, self.answer = port, photo, answer
        self.over, self.wrong, self.seconds = False, [], []
        self.threads = begin_together([self.run] * 2)

    def run(self):
        with Client(self.port) as client:
            while not self.over:
                begin = time.monotonic()
                reply = client.ask("POST", "/v1/predict", self.photo, content_type="image/jpeg")
                self.seconds.append(time.monotonic() - begin)
                if reply is None or reply.status != 200 or reply.body != self.answer:
                    self.wrong.append(reply and (reply.status, reply.body[:200]))
                    return
                time.sleep(0.02)

    def stop(self):
        self.over = True
        for thread in self.threads:
            thread.join()
        return self.seconds


def crawl(port, count, seconds, host):
    """Slow connections: each sends a byte of a head or of a body every half second, until it is cut off."""
    sockets = []
    body = f"POST /v1/predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: image/jpeg\r\nContent-Length: 9000000\r\n\r\n".encode()
    for i in range(count):
        s = socket.create_connection(("127.0.0.1", port), 30)
        s.setblocking(False)
        if i % 2:
            s.send(body)
        sockets.append(s)
    end = time.monotonic() + seconds
    while sockets and time.monotonic() < end:
        for s in list(sockets):
            try:
                s.send(b"G")
                if s.recv(4096) == b"":
                    raise ConnectionError
            except BlockingIOError:
                continue
            except OSError:
                s.close()
                sockets.remove(s)
        time.sleep(0.5)
    left = len(sockets)
    for s in sockets:
        s.close()
    return left


def main():
    bin_folder, model, picture = sys.argv[1:4]
    slow = int(sys.argv[4]) if len(sys.argv) > 4 else 400
    photo = Path(picture).read_bytes()
    server = Server(bin_folder, model, "--name", "tiny", "--deadline", str(DEADLINE))
    attacks = table(f"127.0.0.1:{server.port}", photo)
    failures = []

    def round_of_attacks(but=()):
        together([partial(attack, server.port, data, status, failures, name)
                  for name, (data, status) in attacks.items() if status not in but])

    with Client(server.port) as client:
        answer = client.ask("POST", "/v1/predict", photo, content_type="image/jpeg").body
    before = Healthy(server.port, photo, answer)
    time.sleep(2)
    calm = before.stop()
    round_of_attacks(but=(408, None))  # what the allocator keeps for good, it has after these
    memory, descriptors = server.resident(), server.descriptors()

    healthy, left = Healthy(server.port, photo, answer), []
    crawler = threading.Thread(
        target=lambda: left.append(crawl(server.port, slow, 3 * DEADLINE, f"127.0.0.1:{server.port}")))
    crawler.start()
    round_of_attacks()
    crawler.join()
    attacked = healthy.stop()

    grown = server.resident() - memory
    time.sleep(0.5)
    if left != [0]:
        failures.append(f"{left} slow connections were not cut off")
    if healthy.wrong:
        failures.append(f"healthy clients got {healthy.wrong}")
    if grown > 10_000_000 and "unmeasured" not in sys.argv:
        failures.append(f"memory grew by {grown} bytes")
    if server.descriptors() > descriptors:
        failures.append(f"descriptors: {descriptors} before, {server.descriptors()} after")
    code = server.stop()
    if code != 0 or server.said:
        failures.append(f"the server ended with {code} and said {server.said}")
    for failure in failures:
        print(failure)
    print(f"{len(attacks)} attacks, {slow} slow connections; memory grew by {grown / 1e6:.1f} MB; p99 of healthy clients "
          f"{1e3 * percentile(calm, 0.99):.1f} ms calm, {1e3 * percentile(attacked, 0.99):.1f} ms under attack; "
          f"{len(attacked)} answers right")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
