#!/usr/bin/python3
"""soak.py BIN MODEL OTHER PICTURES [SECONDS [unmeasured]]: mixed traffic for SECONDS (600), while memory, descriptors and threads are watched.

Good clients, forms, heat maps, every attack that is refused at once, connections that drip and leave, and a reload every two seconds between
MODEL and OTHER, two models of the same heads. PICTURES is a folder of JPEG, PNG or WebP files. Each answer is one of the two models';
in the last third of the time the server holds no more than in the second (memory: 10 MB, not with "unmeasured"), and at the end no
descriptor and no thread more than at the beginning. Exit code 0: held.
"""
import random
import socket
import sys
import tempfile
import threading
import time
from functools import partial
from statistics import median

from attacks import attack, table
from reloads import Traffic
from serving import Client, begin_together, pictures_in


class Soak(Traffic):
    def __init__(self, bin_folder, models, pictures, place):
        super().__init__(bin_folder, models, pictures, place, 0, "--deadline", "6")
        self.attacks = [(name, *entry) for name, entry in table(f"127.0.0.1:{self.server.port}", next(iter(pictures.values()))).items()
                        if entry[1] not in (408, None)]
        self.over, self.reloads = threading.Event(), 0
        self.swap()

    def swap(self):
        self.reloads += 1
        self.reload(self.reloads % 2, 1)
        if not self.server.heard("reloaded", patience=60, count=self.reloads):
            self.fail("no reload")

    # Each of these is what one client does until it is over, once.
    def good(self, dice):
        with Client(self.server.port) as client:
            for _ in range(dice.randrange(1, 40)):
                self.raw(client, dice.choice(list(self.pictures)), dice)

    def others(self, dice):
        with Client(self.server.port) as client:
            for kind in (self.form, self.json, self.binary, self.look):
                kind(client, dice.choice(list(self.pictures)), dice)

    def attacked(self, dice):
        name, data, status = dice.choice(self.attacks)
        attack(self.server.port, data, status, self.failures, name)

    def slow(self, dice):
        with socket.create_connection(("127.0.0.1", self.server.port), 30) as drip:
            for byte in b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"[:dice.randrange(2, 40)]:
                drip.send(bytes([byte]))
                if self.over.wait(0.05):
                    return

    def repeat(self, what, seed):
        dice = random.Random(seed)
        while not self.over.is_set():
            try:
                what(dice)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
                self.fail(f"{what.__name__}: {error!r}")

    def watch(self, seconds):
        """Memory, second by second, with a line each minute."""
        whats = [self.good, self.good, self.good, self.others, self.others, self.attacked, self.attacked, self.slow, self.slow]
        threads = begin_together([partial(self.repeat, what, seed) for seed, what in enumerate(whats)])
        begin, memory = time.monotonic(), []
        while time.monotonic() < begin + seconds and len(self.failures) < 10:
            if len(memory) % 2:
                self.swap()
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
    with tempfile.TemporaryDirectory() as place:
        soak = Soak(bin_folder, (model, other), pictures_in(folder), place)
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
