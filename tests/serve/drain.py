#!/usr/bin/python3
"""drain.py BIN MODEL PICTURE [DRAINS [CLIENTS]]: SIGTERM under load, DRAINS (50) times; nothing that had arrived is lost.

CLIENTS (32) ask without a pause, half of them on connections of their own each time. A request whose last byte was sent
before the signal gets its one answer, 200, and the server ends with 0. Exit code 0: held.
"""
import random
import signal
import sys
import threading
import time
from pathlib import Path

from serving import Client, Server, request


class Asking:
    """One client until its connection is refused or closed; remembers when its last request was sent, and if it was answered."""

    def __init__(self, port, photo, keep):
        self.port, self.photo, self.keep = port, photo, keep
        self.sent, self.answered, self.bad, self.count = None, True, [], 0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            client = Client(self.port)
            while True:
                if not self.keep:
                    client.socket.close()
                    client = Client(self.port)
                self.answered = False
                client.send(request(self.port, "POST", "/v1/predict", self.photo, content_type="image/jpeg"))
                self.sent = time.monotonic()
                reply = client.reply()
                if reply is None:
                    return
                self.answered, self.count = True, self.count + 1
                if reply.status != 200:
                    self.bad.append((reply.status, reply.body))
                if reply.fields.get("connection") == "close":
                    return
        except OSError:
            return


def main():
    bin_folder, model, picture = sys.argv[1:4]
    drains = int(sys.argv[4]) if len(sys.argv) > 4 else 50
    clients = int(sys.argv[5]) if len(sys.argv) > 5 else 32
    photo, dice = Path(picture).read_bytes(), random.Random(drains)
    answers, longest, failures = 0, 0, []
    for drain in range(drains):
        server = Server(bin_folder, model)
        asking = [Asking(server.port, photo, keep=i % 2 == 0) for i in range(clients)]
        time.sleep(dice.uniform(0.1, 0.5))
        told = time.monotonic()
        server.signal(signal.SIGTERM)
        code = server.wait()
        longest = max(longest, time.monotonic() - told)
        for client in asking:
            client.thread.join()
        lost = sum(1 for c in asking if not c.answered and c.sent is not None and c.sent < told)
        bad = [b for c in asking for b in c.bad]
        answers += sum(c.count for c in asking)
        if code != 0 or lost or bad or server.said:
            failures.append(f"drain {drain}: exit code {code}, {lost} lost, bad {bad}, said {server.said}")
    for failure in failures:
        print(failure)
    print(f"{drains} drains with {clients} clients: {answers} answers, the longest took {longest:.2f} s")
    return 1 if failures or answers < drains else 0


if __name__ == "__main__":
    sys.exit(main())
