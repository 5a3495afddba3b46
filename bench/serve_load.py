#!/usr/bin/python3
"""serve_load.py BIN MODEL PICTURES [CLIENTS [REQUESTS]]: pcserve under load, against pcpredict on the same pictures.

CLIENTS (64) keep-alive connections send REQUESTS (20000) pictures, each chosen at random from the folder PICTURES, and compare every answer with what pcpredict printed, byte for byte but for the file's name. Prints requests a second
and its share of pcpredict's own rate (a batch job over as many pictures), the latencies, and the time of one batch. Exit code
1 where an answer was lost, swapped or different.
"""
import multiprocessing
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/serve"))
from serving import Client, Server, percentile  # noqa: E402

bin_folder, model, folder = (str(Path(p).resolve()) for p in sys.argv[1:4])
clients, requests = (int(sys.argv[i]) if len(sys.argv) > i else default for i, default in ((4, 64), (5, 20_000)))
MAX_BATCH = 32  # the default of both programs
PROCESSES = 4  # that share the clients' work
names = sorted(p.name for p in Path(folder).iterdir() if p.suffix in (".jpg", ".png", ".webp"))


def without_file(line):
    return re.sub(rb'"file":"[^"]*",', b"", line.strip(), count=1)


def batch_job(copies):
    """pcpredict over `copies` times the folder: seconds, and its lines."""
    begin = time.monotonic()
    run = subprocess.run([f"{bin_folder}/pcpredict", "--model", model, "--json", *(names * copies)], cwd=folder,
                         stdout=subprocess.PIPE, check=True)
    return time.monotonic() - begin, [without_file(line) for line in run.stdout.splitlines()]


def client_process(port, connections, count, seed, results):
    """`connections` clients of one request each under way at a time; (latencies, wrong answers) into results."""
    import selectors
    dice, selector = random.Random(seed), selectors.DefaultSelector()
    latencies, wrong, left = [], 0, count

    def send(client):
        nonlocal left
        left -= 1
        client.name = dice.randrange(len(names))
        client.begin = time.monotonic()
        client.send(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
                    % len(pictures[client.name]) + pictures[client.name])

    waiting = 0
    for _ in range(min(connections, count)):
        client = Client(port)
        selector.register(client.socket, selectors.EVENT_READ, client)
        send(client)
        waiting += 1
    while waiting:
        for key, _ in selector.select():
            client = key.data
            reply = client.reply()
            latencies.append(time.monotonic() - client.begin)
            if reply is None or reply.status != 200 or without_file(reply.body) != expected[client.name]:
                wrong += 1
            if left > 0 and reply is not None:
                send(client)
            else:
                selector.unregister(client.socket)
                waiting -= 1
    results.put((latencies, wrong))


def metric(port, name):
    with Client(port) as client:
        return float(re.search(rf"^{name} (\S+)$", client.ask("GET", "/metrics").body.decode(), re.M).group(1))


pictures = [Path(folder, name).read_bytes() for name in names]
expected = batch_job(1)[1]
if __name__ == "__main__":
    copies = max(1, min(requests, 4000) // len(names))
    start_up = batch_job(1)[0]
    rate = (copies - 1) * len(names) / (batch_job(copies)[0] - start_up) if copies > 1 else len(names) / start_up
    server = Server(bin_folder, model, "--queue", str(max(256, clients)))
    results = multiprocessing.Queue()
    shares = [(clients // PROCESSES, requests // PROCESSES)] * PROCESSES
    begin = time.monotonic()
    workers = [multiprocessing.Process(target=client_process, args=(server.port, c, r, i, results)) for i, (c, r) in enumerate(shares)]
    for worker in workers:
        worker.start()
    got = [results.get() for _ in workers]
    seconds = time.monotonic() - begin
    latencies = [x for part, _ in got for x in part]
    wrong = sum(w for _, w in got)
    batches, count = metric(server.port, "pc_batch_pictures_count"), metric(server.port, "pc_batch_pictures_sum")
    memory, code = server.resident(), server.stop()
    served = len(latencies) / seconds
    print(f"{len(latencies)} requests by {clients} clients in {seconds:.1f} s, {wrong} lost, swapped or different")
    print(f"{served:.0f} requests/s, {100 * served / rate:.0f} % of pcpredict's {rate:.0f} pictures/s")
    print(f"latency p50 {1e3 * percentile(latencies, 0.5):.1f} ms, p99 {1e3 * percentile(latencies, 0.99):.1f} ms; a batch of "
          f"{MAX_BATCH} takes pcpredict {1e3 * MAX_BATCH / rate:.1f} ms; {count / batches:.1f} pictures a batch; "
          f"{memory / 1e6:.0f} MB resident")
    expected_count = sum(r for _, r in shares)
    sys.exit(1 if wrong or len(latencies) != expected_count or code != 0 else 0)
