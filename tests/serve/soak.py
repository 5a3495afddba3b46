#!/usr/bin/python3
"""soak.py BIN MODEL OTHER PICTURES [SECONDS [unmeasured]]: mixed traffic for SECONDS (600), while memory, descriptors and threads are watched.

Good clients, forms, heat maps, every attack that is refused at once, connections that drip and leave, and a reload every two seconds between
MODEL and OTHER, two models of the same heads. PICTURES is a folder of JPEG, PNG or WebP files. Each answer is one of the two models';
in the last third of the time the server holds no more than in the second (memory: 10 MB, not with "unmeasured"), and at the end no
descriptor and no thread more than at the beginning. Exit code 0: held.
"""
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from statistics import median

from attacks import attack, table
from serving import Client, Server, form


class Soak:
    def __init__(self, bin_folder, models, pictures, place):
        self.models, self.pictures, self.file = [Path(m).read_bytes() for m in models], pictures, Path(place) / "served.safetensors"
        self.put(0)
        self.server = Server(bin_folder, self.file, "--name", "tiny", "--deadline", "6")
        self.attacks = [(name, *entry) for name, entry in table(f"127.0.0.1:{self.server.port}", next(iter(pictures.values()))).items()
                        if entry[1] not in (408, None)]
        self.over, self.failures, self.counts, self.reloads = threading.Event(), [], Counter(), 0
        self.right = {name: {self.ask(name)} for name in pictures}
        self.reload()
        for name in pictures:
            self.right[name].add(self.ask(name))

    def put(self, which):
        fresh = self.file.with_suffix(".new")
        fresh.write_bytes(self.models[which])
        os.replace(fresh, self.file)

    def reload(self):
        self.reloads += 1
        self.put(self.reloads % 2)
        self.server.signal(signal.SIGHUP)
        if not self.server.heard("reloaded", patience=60, count=self.reloads):
            self.failures.append("no reload")

    def ask(self, name, query="?logits=1", client=None):
        if client is None:
            with Client(self.server.port) as client:
                return self.ask(name, query, client)
        return client.ask("POST", "/v1/predict" + query, self.pictures[name], content_type="image/jpeg").body

    # Each of these is what one client does until it is over, once.
    def good(self, dice):
        with Client(self.server.port) as client:
            for _ in range(dice.randrange(1, 40)):
                name = dice.choice(list(self.pictures))
                body = self.ask(name, client=client)
                if body not in self.right[name]:
                    self.failures.append(f"{name}: {body[:200]}")

    def many(self, dice):
        body, kind = form([(name, self.pictures[name]) for name in self.pictures])
        with Client(self.server.port) as client:
            reply = client.ask("POST", "/v1/predict", body, content_type=kind)
            if reply.status != 200 or len(reply.json()["pictures"]) != len(self.pictures):
                self.failures.append(f"a form: {reply.status} {reply.body[:200]}")

    def look(self, dice):
        with Client(self.server.port) as client:
            statuses = [client.ask("GET", path).status for path in ("/", "/metrics", "/openapi.json", "/v2/models/tiny")]
            if b'"explain"' not in self.ask(next(iter(self.pictures)), "?explain=1", client) or statuses != [200] * 4:
                self.failures.append(f"pages: {statuses}")

    def bad(self, dice):
        name, data, status = dice.choice(self.attacks)
        attack(self.server.port, data, status, self.failures, name)

    def slow(self, dice):
        with socket.create_connection(("127.0.0.1", self.server.port), 30) as drip:
            for byte in b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"[:dice.randrange(2, 40)]:
                drip.send(bytes([byte]))
                if self.over.wait(0.05):
                    return

    def run(self, what, seed):
        dice = random.Random(seed)
        while not self.over.is_set():
            try:
                what(dice)
                self.counts[what.__name__] += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
                self.failures.append(f"{what.__name__}: {error!r}")

    def watch(self, seconds):
        """Memory, second by second, with a line each minute."""
        whats = [self.good, self.good, self.good, self.many, self.look, self.bad, self.bad, self.slow, self.slow]
        threads = [threading.Thread(target=self.run, args=(what, seed)) for seed, what in enumerate(whats)]
        for thread in threads:
            thread.start()
        begin, memory = time.monotonic(), []
        while time.monotonic() < begin + seconds and len(self.failures) < 10:
            if len(memory) % 2:
                self.reload()
            if len(memory) % 60 == 59:
                print(f"{time.monotonic() - begin:.0f} s: {median(memory[-60:]) / 1e6:.1f} MB, {self.server.descriptors()} descriptors, "
                      f"{self.server.threads()} threads, {dict(self.counts)}", flush=True)
            time.sleep(1)
            memory.append(self.server.resident())
        self.over.set()
        for thread in threads:
            thread.join()
        return memory


def main():
    bin_folder, model, other, folder = sys.argv[1:5]
    seconds = float(sys.argv[5]) if len(sys.argv) > 5 else 600
    pictures = {p.name: p.read_bytes() for p in sorted(Path(folder).iterdir()) if p.suffix in (".jpg", ".png", ".webp")}
    with tempfile.TemporaryDirectory() as place:
        soak = Soak(bin_folder, (model, other), pictures, place)
        # A reload has a thread of its own, that of the last one waits to be joined.
        held = soak.server.descriptors(), soak.server.threads()
        memory = soak.watch(seconds)
        time.sleep(3)  # refused connections linger for two
        left = soak.server.descriptors(), soak.server.threads()
        third = len(memory) // 3
        grown = median(memory[2 * third:]) - median(memory[third:2 * third])
        if left[0] > held[0] or left[1] > held[1]:
            soak.failures.append(f"descriptors and threads: {held} before, {left} after")
        if grown > 10_000_000 and "unmeasured" not in sys.argv:
            soak.failures.append(f"memory grew by {grown} bytes")
        code = soak.server.stop()
        if code != 0 or len(soak.server.said) != soak.reloads:
            soak.failures.append(f"the server ended with {code} and said {[s for s in soak.server.said if 'reloaded' not in s]}")
    for failure in soak.failures:
        print(failure)
    print(f"{seconds:.0f} s: {dict(soak.counts)}, {soak.reloads} reloads; memory {median(memory[third:2 * third]) / 1e6:.1f} MB in the second third, "
          f"{grown / 1e6:+.1f} MB in the last; descriptors {held[0]} before, {left[0]} after, threads {held[1]}, {left[1]}")
    return 1 if soak.failures else 0


if __name__ == "__main__":
    sys.exit(main())
