#!/usr/bin/env python3
"""bench_step against PyTorch, eager and compiled, on one device: slices alternate, each side in its own process.

Prints one line of JSON for every case: the rates of each side in every round, and a note where a side is missing.
A model is compiled while nothing else uses the device, first with max-autotune; where that takes longer than --compile-limit, with
reduce-overhead in a third of that time; the row names the mode.
"""
import argparse
import json
import pathlib
import queue
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent


class Case:
    """dtype/HxW/bN, as bench_step names it."""

    def __init__(self, text):
        self.text = text
        self.dtype, size, batch = text.split("/")
        self.height, self.width = size.split("x")
        self.batch = batch[1:]


class Server:
    """A step_server.py; its answers are read by a thread, so that waiting for one can end."""

    def __init__(self, case, device, mode=None):
        command = [sys.executable, HERE / "step_server.py", "--device", device, "--dtype", case.dtype, "--batch", case.batch,
                   "--height", case.height, "--width", case.width] + (["--compile", mode] if mode else [])
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                self.lines.put(json.loads(line))
        self.lines.put(None)

    def answer(self, seconds):
        """The next line; None where the process has ended or is too late."""
        try:
            return self.lines.get(timeout=max(0.1, seconds))
        except queue.Empty:
            return None

    def slice(self, seconds):
        try:
            self.process.stdin.write("%g\n" % seconds)
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        answer = self.answer(30 + 3 * seconds)
        return answer and answer["img_per_s"]

    def close(self):
        self.process.kill()
        self.process.wait()


def ours(program, case, device, seconds, engines):
    name = "^step/%s/%s/(real|manual)_time$" % (device, case.text)
    command = [str(program), "--benchmark_filter=" + name, "--benchmark_min_time=%g" % seconds, "--benchmark_format=json"]
    if engines:
        command += ["--engines", str(engines)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode or "{" not in done.stdout:
        return None
    runs = json.loads(done.stdout[done.stdout.index("{"):])["benchmarks"]
    return runs[0].get("img/s") if runs else None


def compiled(case, device, limit, notes):
    """A warm server of a compiled model; None where no mode is ready in time."""
    for mode, seconds in (("max-autotune", limit), ("reduce-overhead", limit / 3)):
        if seconds <= 0:
            return None
        server = Server(case, device, mode)
        if server.answer(seconds):
            notes.append("compiled with " + mode)
            return server
        server.close()
        notes.append("not compiled with %s within %g s" % (mode, seconds))
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="+", type=Case, help="such as bf16/224x224/b256")
    parser.add_argument("--bench", type=pathlib.Path, required=True, help="bench_step")
    parser.add_argument("--engines", type=pathlib.Path, help="folder of conv-engines.txt, for bench_step")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="of a slice")
    parser.add_argument("--compile-limit", type=float, default=90, help="seconds for a compiled model; 0: none")
    args = parser.parse_args()
    for case in args.cases:
        row = {"case": case.text, "ours": [], "eager": [], "compiled": [], "notes": []}
        fast = compiled(case, args.device, args.compile_limit, row["notes"])
        eager = Server(case, args.device)
        versions = eager.answer(120)
        row["torch"] = versions and "%s, cuDNN %s" % (versions["torch"], versions["cudnn"])
        for _ in range(args.rounds):
            row["ours"].append(ours(args.bench, case, args.device, args.seconds, args.engines))
            row["eager"].append(eager.slice(args.seconds) if versions else None)
            row["compiled"].append(fast.slice(args.seconds) if fast else None)
        eager.close()
        if fast:
            fast.close()
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
