#!/usr/bin/python3
"""stalls.py BIN MODEL PICTURE: what a few clients ask for that takes long holds nobody else up.

Forms of many small files with very many pixels, forms of many pictures, large bodies, and connections that do nothing. Meanwhile other
clients are answered, or told with 503 to come again, within the time that they wait. Exit code 0: held.
"""
import json
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

from serving import Client, Server, begin_together, check, end, failures, form, png

PATIENCE = 60  # seconds, of every client that is well
bin_folder, model, picture = sys.argv[1:4]
photo = Path(picture).read_bytes()


def ask(port, body, kind, query="", patience=PATIENCE):
    with Client(port, patience) as client:
        return client.ask("POST", "/v1/predict" + query, body, content_type=kind)


def while_they_stall(name, server, stalls, expected):
    """The statuses of healthy clients until each of `stalls`, called on threads of their own, is over; ten at least."""
    statuses, over, said = Counter(), [], []

    def stall(call):
        try:
            said.append(call())
        finally:
            over.append(True)

    threads = begin_together([partial(stall, call) for call in stalls])
    while len(over) < len(stalls) or sum(statuses.values()) < 10:
        try:
            statuses[ask(server.port, photo, "image/jpeg").status] += 1
        except OSError as error:
            failures.append(f"{name}: a healthy client: {error}")
            break
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    check(set(statuses) <= {200, 503} and statuses[200], f"{name}: healthy clients: {dict(statuses)}")
    check(len(said) == len(stalls) and all(expected(reply) for reply in said), f"{name}: {[r and (r.status, r.body[:200]) for r in said]}")
    return f"{name}: healthy clients {dict(statuses)}"


def main():
    server = Server(bin_folder, model, "--name", "tiny", "--deadline", "600")  # the order is tried here, not the machine
    side = 6000
    bomb = png(side, side, bytes((3 * side + 1) * side), color=2)  # 36 Mpixel in 100 KB
    bombs, kind = form([(f"{i}.png", bomb) for i in range(20)] + [("photo.jpg", photo)])
    many, _ = form([(f"{i}.jpg", photo) for i in range(64)])
    pixels = json.dumps({"inputs": [{"name": "image", "datatype": "UINT8", "shape": [1, 1000, 1000, 3], "data": [7] * 3_000_000}]}).encode()

    def has_limits(reply):
        """Two bombs and the photo are within the budget of a request, the others are told so; or the queue was full."""
        if reply.status == 503:
            return True
        told = Counter(answer["status"] for answer in reply.json()["pictures"]) if reply.status == 200 else {}
        return told == {"ok": 3, "limit": 18} and "Mpixel together" in reply.json()["pictures"][5]["error"]

    def infer():
        with Client(server.port, 10 * PATIENCE) as client:
            return client.ask("POST", "/v2/models/tiny/infer", pixels, content_type="application/json")

    def posting(body, query=""):
        return lambda: ask(server.port, body, kind, query, 10 * PATIENCE)

    done_or_busy = lambda reply: reply.status in (200, 503)
    lines = [while_they_stall("forms of bombs", server, [posting(bombs)] * 6, has_limits),
             while_they_stall("forms of many", server, [posting(many, "?explain=1")] * 12, done_or_busy),
             while_they_stall("large bodies", server, [infer] * 8, done_or_busy)]
    idle = [Client(server.port) for _ in range(600)]
    lines.append(while_they_stall("idle connections", server, [], lambda _: True))
    for client in idle:
        client.socket.close()
    code = server.stop()
    check(code == 0 and not server.said, f"the server ended with {code} and said {server.said}")
    print("; ".join(lines))
    end()


if __name__ == "__main__":
    main()
