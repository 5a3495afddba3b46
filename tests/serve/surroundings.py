#!/usr/bin/python3
"""surroundings.py BIN MODEL PICTURE: whatever becomes of its log and of its standard streams, pcserve answers, or ends with one line
and a documented code. Exit code 0: held.
"""
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from serving import Client, check, end, failures

bin_folder, model, picture = sys.argv[1:4]
photo = Path(picture).read_bytes()
COMMAND = [f"{bin_folder}/pcserve", "--model", model, "--port", "0", "--name", "tiny"]


def start(stderr, *arguments, closed=()):
    """The process, and its port or None where it ended instead."""
    def prepare():
        for descriptor in closed:
            os.close(descriptor)

    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=stderr, text=True, preexec_fn=prepare)
    line = process.stdout.readline().strip()
    return process, int(line.rstrip("/").rsplit(":", 1)[1]) if line else None


def ask(port, patience=30):
    with Client(port, patience) as client:
        statuses = [client.ask("GET", path).status for path in ("/v2/health/live", "/metrics", "/nowhere")]
        return statuses + [client.ask("POST", "/v1/predict", photo, content_type="image/jpeg").status]


def lives(name, process, port, requests=40):
    """It answers, reloads and ends as if nothing were."""
    try:
        for i in range(requests):
            check(ask(port) == [200, 200, 404, 200], f"{name}: the answers")
            if i % 10 == 0:
                process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        check(process.wait(40) == 0, f"{name}: ended with {process.returncode}")
    except (OSError, AttributeError) as error:
        failures.append(f"{name}: {error!r}, the server {process.poll()}")
        process.kill()
        process.wait()


def early_reload():
    """SIGHUP while the first model is loaded: the server comes up, and reloads."""
    for _ in range(20):
        process = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            with open(f"/proc/{process.pid}/status") as status:  # some starts are over before it is looked at
                loading = False
                while not loading and not select.select([process.stdout], [], [], 0)[0]:
                    status.seek(0)
                    blocked = re.search(r"SigBlk:\s*(\w+)", status.read())
                    loading = blocked is not None and int(blocked.group(1), 16) & 1 << (signal.SIGHUP - 1) != 0
            process.send_signal(signal.SIGHUP)
            line = process.stdout.readline().strip()
            check(line, "an early reload: the server is gone")
            if line:
                check("reloaded" in process.stderr.readline(), "an early reload: it does not reload")
            if loading:
                return
        finally:
            process.kill()
            process.wait()
    failures.append("an early reload: no start was seen to hold it")


def logs():
    """A pipe without a reader, one whose reader does not read, and a full disk; with --log more than a pipe takes."""
    for name in ("no reader", "a reader that does not read", "a full disk"):
        for options in ([], ["--log"]):
            if name == "a full disk":
                far, near = None, os.open("/dev/full", os.O_WRONLY)
            else:
                far, near = os.pipe()
            if name == "a reader that does not read":  # nor is there room: the pipe is full from the beginning
                os.set_blocking(near, False)
                try:
                    while os.write(near, bytes(4096)):
                        pass
                except BlockingIOError:
                    os.set_blocking(near, True)
            process, port = start(near, *options)
            os.close(near)
            if name == "no reader":
                os.close(far)
                far = None
            lives(f"stderr: {name} {options}", process, port)
            if far is not None:
                os.close(far)


def streams():
    """Closed standard streams: without stdout its address cannot be said, which is an error; without the others it serves."""
    for closed in ((0,), (2,), (0, 2)):
        process, port = start(None, closed=closed)
        lives(f"closed {closed}", process, port, requests=2)
    done = subprocess.run(COMMAND, stderr=subprocess.PIPE, preexec_fn=lambda: os.close(1), timeout=60)
    check(done.returncode == 4 and done.stderr.count(b"\n") == 1, f"closed stdout: {done}")


def main():
    for part in (logs, streams, early_reload):
        begin = time.monotonic()
        part()
        print(f"{part.__name__}: {time.monotonic() - begin:.0f} s")
    end()


if __name__ == "__main__":
    main()
