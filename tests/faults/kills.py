#!/usr/bin/python3
"""kills.py [--bin DIR] [--kills N] [--seed N] [JOB…]: jobs are killed (SIGKILL) at random moments and run again.

tools/kills.sh says what has to hold. Half of the reruns are killed as well, so that what one kill left meets another.
"""
import argparse
import collections
import json
import os
import random
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import jobs
import oracle

MOST_IN_A_ROW = 6


def steps_done(path):
    """The total_steps of a checkpoint, after reading all of it; 0 where there is none."""
    try:
        with open(path, "rb") as f:
            (size,) = struct.unpack("<Q", f.read(8))
            header = json.loads(f.read(size))
            body = len(f.read())
    except FileNotFoundError:
        return 0
    ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
    if body != max(ends):
        raise ValueError(f"{path}: {body} bytes of {max(ends)}")
    return json.loads(header["__metadata__"]["pc.train"])["total_steps"]


def run_and_kill(place, words, seconds):
    """Whether the job lived so long, and the newest checkpoint seen complete meanwhile."""
    checkpoint, newest = f"{place.out}/runs/tiny/last/checkpoint.safetensors", 0
    process = jobs.start(place, words)
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        newest = max(newest, steps_done(checkpoint))
        time.sleep(0.001)
    killed = process.poll() is None
    process.kill()
    process.communicate()
    after = steps_done(checkpoint)
    if after < newest:
        raise ValueError(f"the checkpoint is of step {after}, {newest} was complete before")
    return killed


def one_round(place, job, usual, seconds, dice):
    """The kills of one job until its rerun is left in peace, and what was wrong then ("" for nothing)."""
    place.fresh()
    kills, words = 0, job.command(place)
    while True:
        killed = run_and_kill(place, words, dice.uniform(0, seconds))
        kills += killed
        if not killed or kills == MOST_IN_A_ROW or dice.random() < 0.5:
            break
        words = job.command_again(place)
    return kills, oracle.rerun(place, job, usual)


def main():
    parser = argparse.ArgumentParser(description="Kills jobs at random moments and runs them again.")
    parser.add_argument("--bin", default="build/release/bin", help="directory of the programs")
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("jobs", nargs="*")
    options = parser.parse_args()
    chosen = [job for job in jobs.JOBS if job.written and (not options.jobs or job.name in options.jobs)]
    if not chosen:
        raise SystemExit(f"no such job; there are {', '.join(job.name for job in jobs.JOBS if job.written)}")
    dice = random.Random(options.seed)
    kills, rounds, failures = collections.Counter(), collections.Counter(), collections.Counter()
    with tempfile.TemporaryDirectory(prefix="pc_kills_", dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as root:
        worker = oracle.Worker(options.bin, f"{root}/0")
        while sum(kills.values()) < options.kills:
            job = min(chosen, key=lambda job: kills[job.name])
            usual = worker.prepare(job)
            worker.place.fresh()
            begin = time.monotonic()
            oracle.run(worker.place, job, job.command(worker.place))
            seconds = time.monotonic() - begin  # on a busy machine it changes from minute to minute
            try:
                killed, wrong = one_round(worker.place, job, usual, seconds, dice)
            except ValueError as problem:
                killed, wrong = 1, str(problem)
            kills[job.name] += killed
            rounds[job.name] += 1
            if wrong:
                failures[job.name] += 1
                print(f"{job.name}: after {killed} kills: {wrong}", flush=True)
        worker.server.stdin.close()
    print(f"{'job':16} {'kills':>6} {'runs':>6} {'failures':>9}")
    for job in chosen:
        print(f"{job.name:16} {kills[job.name]:6} {rounds[job.name]:6} {failures[job.name]:9}")
    print(f"{sum(kills.values())} kills, {sum(failures.values())} failures")
    return 1 if sum(failures.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
