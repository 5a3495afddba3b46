#!/usr/bin/python3
"""clients.py BIN MODEL PICTURE: what probes, proxies, old clients and pages of other origins send is answered.

curl is the independent client where it is there. Exit code 0: held.
"""
import shutil
import subprocess
import sys
from pathlib import Path

from serving import Client, Server, check, end

bin_folder, model, picture = sys.argv[1:4]
photo = Path(picture).read_bytes()


def raw(port, *lines):
    """The reply to these lines on a connection of its own, and whether the server ends it instead of answering them again."""
    request = "".join(line + "\r\n" for line in (*lines, "")).encode()
    with Client(port) as client:
        client.send(request)
        reply = client.reply()
        try:
            client.send(request)
            return reply, client.reply() is None
        except ConnectionError:
            return reply, True


def probes(server):
    """kubelet names the pod's address, a service mesh its service, HAProxy nothing at all."""
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/tiny/ready"):
        for host in ("10.244.0.5:8080", "pcserve.default.svc:8080", "", "[fe80::1]:8080", "a b"):
            reply, _ = raw(server.port, f"GET {path} HTTP/1.1", f"Host: {host}")
            check(reply.status == 200, f"{path} with Host {host!r}: {reply.status}")
        for method in ("GET", "HEAD"):
            with Client(server.port) as client:
                client.send(f"{method} {path} HTTP/1.0\r\n\r\n".encode())
                check(client.reply(head_only=method == "HEAD").status == 200, f"{method} {path} of HTTP/1.0 without Host")
    reply, _ = raw(server.port, "GET /v2/health/live HTTP/1.1")
    check(reply.status == 400, "HTTP/1.1 without Host")
    reply, _ = raw(server.port, "GET /v2 HTTP/1.0")
    check(reply.status == 200, "HTTP/1.0 without Host, elsewhere")
    for version in ("1.0", "1.1"):
        reply, _ = raw(server.port, f"GET /v2 HTTP/{version}", "Host: evil.example")
        check(reply.status == 421 and b"--allow-host" in reply.body, f"HTTP/{version}, another host elsewhere: {reply.status}")


def old_connections(server):
    """HTTP/1.0: the connection stays where the client asks, and the client is told; each answer has its length."""
    head = f"Host: 127.0.0.1:{server.port}"
    for path in ("/v2/health/live", "/v2/health/ready", "/v2", "/metrics", "/openapi.json", "/", "/nowhere"):
        for spelled in ("keep-alive", "Keep-Alive", "Upgrade, keep-alive"):
            reply, ended = raw(server.port, f"GET {path} HTTP/1.0", head, f"Connection: {spelled}")
            check(reply.fields.get("connection") == "keep-alive" and not ended, f"{path}, {spelled}: {reply.fields}")
            check(int(reply.fields["content-length"]) == len(reply.body), f"{path}: the length")
        reply, ended = raw(server.port, f"GET {path} HTTP/1.0", head)
        check(reply.fields.get("connection") == "close" and ended, f"{path}, HTTP/1.0: {reply.fields}")
    reply, ended = raw(server.port, "GET /v2 HTTP/1.1", head)
    check("connection" not in reply.fields and not ended, f"HTTP/1.1: {reply.fields}")
    reply, ended = raw(server.port, "GET /v2 HTTP/1.0", head, "Connection: close, keep-alive")
    check(reply.fields.get("connection") == "close" and ended, f"HTTP/1.0, both: {reply.fields}")
    with Client(server.port) as client:
        for _ in range(3):
            client.send(f"POST /v1/predict HTTP/1.0\r\n{head}\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n"
                        f"Content-Type: image/jpeg\r\nContent-Length: {len(photo)}\r\n\r\n".encode() + photo)
            reply = client.reply()
            check(reply.status == 200 and reply.fields["connection"] == "keep-alive", f"a picture by HTTP/1.0: {reply.status}")
    if shutil.which("curl"):
        url = f"http://127.0.0.1:{server.port}/v2/health/live"
        done = subprocess.run(["curl", "-sS0", "-m", "10", "-H", "Connection: keep-alive", "-w", "%{http_code} %{num_connects}\n", "-o",
                               "/dev/null", url, "-o", "/dev/null", url], capture_output=True, text=True)
        check(done.stdout.split("\n")[:2] == ["200 1", "200 0"], f"curl --http1.0 keeps its connection: {done}")


def part(disposition, *more):
    lines = [disposition and f"Content-Disposition: {disposition}", *more]
    return b"--b\r\n" + "".join(f"{line}\r\n" for line in lines if line).encode() + b"\r\n" + photo + b"\r\n"


def forms(server):
    """Each part is answered, or the form is refused and the part named; none is passed over."""
    jpeg, plain = "Content-Type: image/jpeg", part('form-data; name="file"; filename="a.jpg"')
    names = {
        "form-data; name=\"file\"; filename*=utf-8''%D1%84.jpg": "\u0444.jpg",
        "form-data; name=\"file\"; filename*=UTF-8'en'a%20b.jpg; filename=\"c.jpg\"": "a b.jpg",
        "form-data; filename*=iso-8859-1''%E9.jpg; name=file": "\u00e9.jpg",
        "form-data; filename*=\"utf-8''%e2%82%ac.jpg\"; name=file": "\u20ac.jpg",
        "form-data; name=\"file\"": "file",  # its type says that it is a file
        "form-data": "",
    }
    refused = {
        part("form-data; name=\"file\"; filename*=koi8-r''%C6.jpg", jpeg): b"filename*",
        part("form-data; name=\"file\"; filename*=utf-8''%D1.jpg", jpeg): b"filename*",
        part("form-data; name=\"file\"; filename*=utf-8''%D", jpeg): b"filename*",
        part("form-data; name=\"file\"; filename*=a.jpg", jpeg): b"filename*",
        part("form-data; name=\"top_k\""): b"top_k",
        part("form-data; name=\"note\"", "Content-Type: text/plain"): b"note",
        part("form-data; name=\"file\"; filename=\"a.jpg", jpeg): b"Content-Disposition",
        part("form-data; name=\"file\" filename=a.jpg", jpeg): b"Content-Disposition",
        part("", jpeg): b"Content-Disposition",
        part('form-data; name="file"; filename="a.jpg"', jpeg, "Content-Transfer-Encoding: base64"): b"base64",
    }

    def ask(body):
        with Client(server.port) as client:
            return client.ask("POST", "/v1/predict", body + b"--b--\r\n", content_type="multipart/form-data; boundary=b")

    for disposition, name in names.items():
        for before, after in ((b"", b""), (plain, b""), (b"", plain)):
            reply = ask(before + part(disposition, jpeg) + after)
            files = [answer["file"] for answer in reply.json().get("pictures", [])]
            check(reply.status == 200 and files == ["a.jpg"] * bool(before) + [name] + ["a.jpg"] * bool(after),
                  f"{disposition}: {reply.status} {reply.body[:200]}")
    for body, named in refused.items():
        for form in (body, plain + body, body + plain):
            reply = ask(form)
            check(reply.status == 400 and named in reply.body, f"{named} is to be refused: {reply.status} {reply.body[:200]}")


def names_and_origins():
    with_names = Server(bin_folder, model, "--allow-host", "pc.example", "--allow-host", "::2", "--allow-origin", "https://a.example",
                        "--allow-origin", "http://localhost:3000")
    for host, status in {"PC.example:99": 200, "[::2]:1": 200, "localhost": 200, "10.0.0.1": 421, "other.example": 421}.items():
        check(raw(with_names.port, "GET /v2 HTTP/1.1", f"Host: {host}")[0].status == status, f"--allow-host, Host {host}")
    for origin, status in {"https://a.example": 200, "http://localhost:3000": 200, "https://b.example": 403, "null": 403}.items():
        with Client(with_names.port) as client:
            reply = client.ask("POST", "/v1/predict", photo, content_type="image/jpeg", origin=origin)
            check(reply.status == status, f"--allow-origin, Origin {origin}: {reply.status}")
            check((reply.fields.get("access-control-allow-origin") == origin) == (status == 200), f"{origin} may read")
    check(with_names.stop() == 0 and not with_names.said, "the end")
    for_all = Server(bin_folder, model, "--allow-host", "*", "--allow-origin", "*")
    with Client(for_all.port) as client:
        reply = client.ask("POST", "/v1/predict", photo, content_type="image/jpeg", origin="https://any.example", host="what.ever")
        check(reply.status == 200 and reply.fields["access-control-allow-origin"] in ("*", "https://any.example"), "any of both")
        flight = client.ask("OPTIONS", "/v1/predict", origin="https://any.example", host="what.ever")
        check(flight.status == 204 and "access-control-allow-origin" in flight.fields, "and ask before")
    check(for_all.stop() == 0, "the end")


def listens_where_it_is_told():
    server = Server(bin_folder, model, "--host", "0.0.0.0")
    check(server.heard("--token-file"), "that others can reach it is said")
    with Client(server.port, address="127.0.0.2") as client:
        check(client.ask("GET", "/v2", host="127.0.0.2").status == 200, "every address is listened on, and answered by its number")
        check(client.ask("GET", "/v2", host="name.example").status == 421, "a name is not")
    check(server.stop() == 0, "the end")
    server = Server(bin_folder, model, "--host", "localhost")
    check(raw(server.port, "GET /v2 HTTP/1.1", "Host: localhost")[0].status == 200, "--host localhost")
    check(server.stop() == 0 and not server.said, "the end")


def main():
    server = Server(bin_folder, model, "--name", "tiny")
    probes(server)
    old_connections(server)
    forms(server)
    check(server.stop() == 0 and not server.said, f"the end: {server.said}")
    names_and_origins()
    listens_where_it_is_told()
    end()


if __name__ == "__main__":
    main()
