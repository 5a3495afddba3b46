"""pcserve as a job: start, three requests on connections of their own, SIGTERM."""
import http.client
import os
import re
import select
import signal
import socket
import time

import jobs


def run_server(place, words, prefix=()):
    """Ended; its `out` is what the requests got, a line each: status and body, or why there was none."""
    hidden = any("1>&-" in word or ">/dev/full" in word for word in prefix)
    port = free_port() if hidden else 0
    process = jobs.start(place, words[:-1] + [str(port)], prefix)
    port = wait_until_listening(process, port) if hidden else printed_port(process)
    if not port:
        return jobs.finish(process)
    with open(f"{place.input}/images/red/0.ppm", "rb") as f:
        image = f.read()
    answers = [ask(port, *request) for request in (("POST", "/v1/predict", image), ("GET", "/v2/health/ready", None),
                                                   ("POST", "/v1/predict", image))]
    stop(process, prefix[:1] == ["strace"])
    ended = jobs.finish(process)
    ended.out = b"\n".join(answers)
    return ended


def printed_port(process):
    ready, _, _ = select.select([process.stdout], [], [], jobs.PATIENCE)
    found = re.search(rb"http://127\.0\.0\.1:(\d+)", process.stdout.readline()) if ready else None
    return int(found.group(1)) if found else 0


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until_listening(process, port):
    """The port; 0 if the server has ended."""
    end = time.monotonic() + jobs.PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return port
        except OSError:
            time.sleep(0.01)
    return 0


def ask(port, method, target, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, target, body, {"Content-Type": "image/x-portable-pixmap"} if body else {})
        answer = connection.getresponse()
        return str(answer.status).encode() + b" " + answer.read().replace(b"\n", b" ")
    except (OSError, http.client.HTTPException) as problem:
        return f"none: {type(problem).__name__}".encode()
    finally:
        connection.close()


def stop(process, traced):
    """SIGTERM to the server; strace, which started it, would not pass it on."""
    targets = [process.pid]
    if traced:
        with open(f"/proc/{process.pid}/task/{process.pid}/children") as f:
            targets = [int(pid) for pid in f.read().split()]
    for target in targets:
        try:
            os.kill(target, signal.SIGTERM)
        except ProcessLookupError:
            pass


def complaint(got, usual):
    """What is wrong with the answers under a fault: one may be an error or missing, the others are as ever."""
    if not got.out:
        return ""
    answers, wanted = got.out.split(b"\n"), usual.out.split(b"\n")
    different = [a for a, w in zip(answers, wanted) if a != w]
    if len(different) > 1:
        return f"{len(different)} requests of {len(wanted)} got something else: {b' | '.join(different)[:200].decode(errors='replace')}"
    if different and different[0][:1] not in (b"4", b"5", b"n"):
        return f"another answer: {different[0][:200].decode(errors='replace')}"
    return ""
