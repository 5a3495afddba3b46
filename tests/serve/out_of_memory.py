#!/usr/bin/python3
"""out_of_memory.py BIN MODEL PICTURE: a server that gets no more memory answers all it is asked, and lives on.

Large bodies, large pictures and forms, at once from eight clients. Each gets an answer: a refusal where the memory does not suffice. With
memory again the answers are those of before. Exit code 0: held.
"""
import json
import resource
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from serving import Client, Server, form, png, together

ROOM = 20_000_000  # bytes beyond what the server has mapped; each of the requests wants about that


def mapped(server):
    with open(f"/proc/{server.process.pid}/statm") as f:
        return int(f.read().split()[0]) * resource.getpagesize()


def limit(server, size):
    hard = resource.prlimit(server.process.pid, resource.RLIMIT_AS)[1]
    resource.prlimit(server.process.pid, resource.RLIMIT_AS, (size, hard))


def main():
    bin_folder, model, picture = sys.argv[1:4]
    photo = Path(picture).read_bytes()
    server = Server(bin_folder, model, "--name", "tiny")
    side = 2800
    huge = png(side, side, bytes((3 * side + 1) * side), color=2)  # 24 MB when decoded
    pixels = json.dumps({"inputs": [{"name": "image", "datatype": "UINT8", "shape": [1, 1000, 1000, 3], "data": [7] * 3_000_000}]})
    many, kind = form([(f"{i}.png", huge) for i in range(8)])
    requests = [("/v1/predict", huge, "image/png"), ("/v1/predict", many, kind), ("/v1/predict", photo, "image/jpeg"),
                ("/v1/predict", bytes(9_900_000), "image/jpeg"), ("/v2/models/tiny/infer", pixels.encode(), "application/json")]
    statuses, lost = Counter(), []

    def client(first):
        for i in range(first, first + len(requests)):
            path, body, content_type = requests[i % len(requests)]
            try:
                with Client(server.port) as connection:
                    reply = connection.ask("POST", path, body, content_type=content_type)
            except OSError as error:
                lost.append(f"{path}: {error}")
                continue
            if reply is None or reply.status != 200 and not reply.json()["error"]:
                lost.append(f"{path}: {reply}")
            else:
                statuses[reply.status] += 1

    def ask():
        with Client(server.port) as connection:
            return connection.ask("POST", "/v1/predict?logits=1", photo, content_type="image/jpeg").body

    before = ask()
    limit(server, mapped(server) + ROOM)
    together([partial(client, i) for i in range(8)])
    limit(server, resource.RLIM_INFINITY)
    after = ask()
    code = server.stop()
    short = statuses[422] + statuses[503]
    print(f"little memory: statuses {dict(statuses)}, {len(lost)} lost; the server ended with {code}")
    for line in [*lost, *server.said]:
        print(line.strip())
    return 0 if before == after and code == 0 and not lost and short and not server.said else 1


if __name__ == "__main__":
    sys.exit(main())
