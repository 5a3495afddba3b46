#!/usr/bin/python3
"""reloads.py BIN MODEL OTHER PICTURES [REQUESTS [RELOADS]]: REQUESTS requests of all kinds (20000) by 8 clients under RELOADS reloads (300).

MODEL and OTHER, two models of the same heads, take turns; every second time the file is copied over in place, while it is loaded. Every
request gets a complete answer, which is one model's and never a mix, or 503; the server writes nothing but lines about its reloads and
ends with 0. With pcserve of an asan or tsan build this shows that no request outlives what it uses. Exit code 0: held.
"""
import base64
import json
import random
import signal
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

from serving import Client, Server, begin_together, form, pictures_in, request

CLIENTS = 8
INFER = "/v2/models/tiny/infer"


class Traffic:
    def __init__(self, bin_folder, models, pictures, place, count, *options):
        self.models, self.pictures = [Path(m).read_bytes() for m in models], pictures
        self.file = Path(place) / "served.safetensors"
        self.file.write_bytes(self.models[0])
        self.server = Server(bin_folder, self.file, "--name", "tiny", *options)
        self.left, self.lock = count, threading.Lock()
        self.counts, self.statuses, self.failures = Counter(), Counter(), []
        self.kinds = {name: getattr(self, name) for name in ("raw", "form", "json", "binary", "look", "bad")}
        self.right = self.answers(models, bin_folder, place)

    def answers(self, models, bin_folder, place):
        """picture -> the logits that each model gives it, from a server of its own."""
        right = {name: [] for name in self.pictures}
        for model in models:
            server = Server(bin_folder, model, "--name", "tiny")
            with Client(server.port) as client:
                for name, data in self.pictures.items():
                    right[name].append(client.ask("POST", "/v1/predict?logits=1", data).json()["logits"])
            server.stop()
        return right

    def fail(self, text):
        with self.lock:
            self.failures.append(text)

    def ask(self, client, kind, *arguments, expected=(200,), **fields):
        """The reply; None for 503, which is tried again by nobody here."""
        reply = client.ask(*arguments, **fields)
        if reply is None:
            self.fail(f"{kind}: no complete answer")
            raise ConnectionError
        with self.lock:
            self.counts[kind] += 1
            self.statuses[reply.status] += 1
        if reply.status not in (*expected, 503):
            self.fail(f"{kind}: {reply.status} {reply.body[:200]}")
        return reply if reply.status in expected else None

    def check(self, kind, name, logits):
        if logits not in self.right[name]:
            self.fail(f"{kind}: an answer to {name} that is neither model's")

    # Each of these is one request.
    def raw(self, client, name, dice):
        query = dice.choice(("logits=1", "logits=1&top_k=2&explain=1"))
        if reply := self.ask(client, "raw", "POST", "/v1/predict?" + query, self.pictures[name], content_type="image/jpeg"):
            self.check("raw", name, reply.json()["logits"])

    def form(self, client, name, dice):
        body, kind = form([(name, self.pictures[name]), ("bad", b"no image")])
        if reply := self.ask(client, "form", "POST", "/v1/predict?logits=1", body, content_type=kind):
            good, bad = reply.json()["pictures"]
            self.check("form", name, good["logits"])
            if bad["status"] != "bad picture":
                self.fail(f"form: {bad}")

    def json(self, client, name, dice):
        body = {"inputs": [{"name": "file", "datatype": "BYTES", "shape": [1], "data": [base64.b64encode(self.pictures[name]).decode()]}]}
        if reply := self.ask(client, "json", "POST", INFER, json.dumps(body).encode(), content_type="application/json"):
            self.check("json", name, {o["name"]: o["data"] for o in reply.json()["outputs"] if o["datatype"] == "FP32"})

    def binary(self, client, name, dice):
        data = struct.pack("<I", len(self.pictures[name])) + self.pictures[name]
        head = json.dumps({"parameters": {"binary_data_output": True}, "inputs": [
            {"name": "file", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(data)}}]}).encode()
        if reply := self.ask(client, "binary", "POST", INFER, head + data, inference_header_content_length=len(head)):
            at = int(reply.fields["inference-header-content-length"])
            logits = {}
            for output in json.loads(reply.body[:at])["outputs"]:
                size = output["parameters"]["binary_data_size"]
                if output["datatype"] == "FP32":
                    logits[output["name"]] = list(struct.unpack(f"<{size // 4}f", reply.body[at:at + size]))
                at += size
            self.check("binary", name, logits)

    def look(self, client, name, dice):
        path = dice.choice(("/", "/metrics", "/openapi.json", "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/tiny",
                            "/v2/models/tiny/ready", "/v2/models/tiny/versions/1", "/v2/models/tiny/versions/1/ready"))
        self.ask(client, path, dice.choice(("GET", "HEAD")), path)

    def bad(self, client, name, dice):
        method, path, body, status = dice.choice((("GET", "/nowhere", b"", 404), ("POST", "/v1/predict?top_k=x", b"x", 400),
                                                  ("POST", "/v1/predict", b"no image", 415), ("POST", INFER, b'{"inputs":', 400),
                                                  ("GET", "/v2/models/other", b"", 404), ("POST", "/metrics", b"", 405)))
        self.ask(client, "bad", method, path, body, expected=(status,))

    def run(self, seed):
        dice, client = random.Random(seed), None
        while True:
            with self.lock:
                self.left -= 1
                if self.left < 0 or len(self.failures) > 20:
                    return
            try:
                if client is None or dice.random() < 0.05:
                    client = Client(self.server.port, patience=120)
                self.kinds[dice.choice(list(self.kinds))](client, dice.choice(list(self.pictures)), dice)
                if dice.random() < 0.02:  # one that leaves before its answer
                    client.send(request(self.server.port, "POST", "/v1/predict", self.pictures[dice.choice(list(self.pictures))]))
                    client = None
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
                self.fail(repr(error))
                client = None

    def reload(self, which, number):
        """A new file by rename, or over the old one in place: before the signal, or while it is obeyed."""
        data = self.models[which]
        if number % 2:
            fresh = self.file.with_suffix(".new")
            fresh.write_bytes(data)
            fresh.rename(self.file)
            self.server.signal(signal.SIGHUP)
            return
        if number % 4:
            self.server.signal(signal.SIGHUP)
        with open(self.file, "wb") as file:  # as cp does: cut to nothing, then written in pieces
            for at in range(0, len(data), 1 << 17):
                file.write(data[at:at + (1 << 17)])
                file.flush()
        if not number % 4:
            self.server.signal(signal.SIGHUP)


def main():
    bin_folder, model, other, folder = sys.argv[1:5]
    count, reloads = (int(sys.argv[i]) if len(sys.argv) > i else usual for i, usual in ((5, 20_000), (6, 300)))
    pictures = pictures_in(folder)
    with tempfile.TemporaryDirectory() as place:
        traffic = Traffic(bin_folder, (model, other), pictures, place, count)
        threads = begin_together([partial(traffic.run, seed) for seed in range(CLIENTS)])
        done = 0
        while any(thread.is_alive() for thread in threads) or done < reloads:
            # Spread over the requests.
            if done < reloads and (count - traffic.left) * reloads >= done * count:
                done += 1
                traffic.reload(done // 2 % 2, done)
            if traffic.server.process.poll() is not None:
                break
            time.sleep(0.005)
        for thread in threads:
            thread.join()
        with Client(traffic.server.port) as client:
            traffic.raw(client, next(iter(pictures)), random.Random(1))
        code = traffic.server.stop(patience=120)
        traffic.server.listener.join(10)
        said = Counter("reloaded" if "reloaded" in line else "kept" if "the model stays as it was" in line else line
                       for line in traffic.server.said)
        odd = [line for line in said if line not in ("reloaded", "kept")]
        if code != 0 or odd or not said["reloaded"]:
            traffic.failures.append(f"the server ended with {code} and said {''.join(odd)[:4000]}")
    for failure in traffic.failures:
        print(failure)
    print(f"{sum(traffic.counts.values())} requests by {CLIENTS} clients, {done} reloads ({said['reloaded']} loaded, {said['kept']} kept the old model): "
          f"statuses {dict(sorted(traffic.statuses.items()))}, {len(traffic.failures)} failures")
    return 1 if traffic.failures else 0


if __name__ == "__main__":
    sys.exit(main())
