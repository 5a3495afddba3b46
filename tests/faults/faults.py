#!/usr/bin/python3
"""faults.py [OPTIONS] [JOB [CALL ERRNO N [PATH]]]: every call to the kernel that a job makes fails once.

tools/faults.sh says what has to hold. A call is the N-th of its name in each thread, or the N-th on PATH, as strace counts.
"""
import argparse
import collections
import multiprocessing
import os
import random
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import jobs
import oracle
import serve
import trace

COUNTED = re.compile(r"\b[1-9]\d* ([\w']+ ){0,3}(failed|unreadable|skipped|left out|cannot be read|could not be read)|"
                     r"(failed|unreadable|skipped|left out|cannot be read)\W+[1-9]", re.IGNORECASE)
RESOURCES = re.compile(r"memory|thread|stdout|standard (output|input|error)|socket|port\b|address|connection|descriptor|open files|"
                       r"network|127\.0\.0\.1|current (directory|folder)", re.IGNORECASE)


def named(line, place, injected):
    """Whether a message names a file, or the resource that was refused."""
    if RESOURCES.search(line) or place.root in line:
        return True
    return any(os.path.basename(path) in line for path in re.findall(r'[<"](/[^>"]+)[>"]', injected) if len(path) > 1)


def complaint_of_run(place, job, usual, ended, fault, injected):
    """What the disturbed run did wrong by itself, or ""."""
    if ended.code is None:
        return "did not end"
    if ended.code not in oracle.DOCUMENTED:
        return f"exit code {ended.code}"
    if job.measures and oracle.is_json(ended.out):  # what it cannot find out it reports there
        return ""
    to_stderr = re.search(r"\bwrite\w*\(2<", injected)
    if ended.code:
        lines = oracle.new_lines(ended, usual)
        if to_stderr and not lines:
            return ""
        if oracle.lines_are_wrong(place, job, usual, ended):
            return oracle.lines_are_wrong(place, job, usual, ended)
        if not all(named(line, place, injected) for line in lines):
            return "a message that names no file or resource"
    elif job.program == "pcserve":
        return serve.complaint(ended, usual.ended)
    elif oracle.same(place, job, usual, ended):
        counted = COUNTED.search("\n".join(oracle.new_lines(ended, usual)) + "\n" + ended.out.decode(errors="replace"))
        if not counted and not to_stderr and not refuses_removal(fault):
            return f"exit code 0, {oracle.same(place, job, usual, ended)}, and nothing was counted"
    return ""


def refuses_removal(fault):
    return fault.call.startswith(("unlink", "rmdir"))


def try_fault(place, job, usual, fault):
    """None where the call was not made, else what went wrong ("" for nothing)."""
    place.fresh()
    log = f"{place.root}/strace.log"
    ended = oracle.run(place, job, job.command(place), trace.strace(log, *fault.options(place)))
    with open(log, errors="replace") as f:
        injected = " ".join(line for line in f if "(INJECTED)" in line)
    if not injected:
        return None
    said = lambda what: f"{what}\n    {injected.strip()[:200]}\n    " + "\n    ".join(ended.errors.strip().splitlines()[-4:])
    wrong = complaint_of_run(place, job, usual, ended, fault, injected)
    if wrong:
        return said(wrong)
    skipped = ended.code == 0 and oracle.same(place, job, usual, ended)  # other results: names of files may differ too
    left = [] if skipped else oracle.strays(place, job, usual, ended.code != 0)
    if left and not refuses_removal(fault):
        return said(f"left behind {', '.join(left[:3])}")
    if ended.code == 0 and not skipped:
        return ""  # a rerun would do the same once more
    wrong = oracle.rerun(place, job, usual)
    return said(wrong) if wrong else ""


def faults_of(worker, job):
    usual, logs = worker.prepare(job), []
    log = f"{worker.place.root}/strace.log"
    for words in (job.command(worker.place), [worker.place.program(job.program), "--version"]):
        worker.place.fresh()
        what = jobs.Job("version", "") if logs else job
        ended = oracle.run(worker.place, what, words, trace.strace(log))
        if not logs and ended.code != usual.ended.code:
            raise SystemExit(f"{job.name}: exit code {ended.code} under strace: {ended.errors}")
        logs.append(trace.calls_of(log))
    return trace.faults_of(worker.place, *logs)


def work(options, root, tasks, results):
    worker = oracle.Worker(options.bin, root)
    for name, fault in iter(tasks.get, None):
        job = next(job for job in jobs.JOBS if job.name == name)
        try:
            results.put((name, fault, try_fault(worker.place, job, worker.prepare(job), fault)))
        except Exception as problem:  # a bug here must not stop the others
            results.put((name, fault, f"faults.py: {type(problem).__name__}: {problem}"))
    worker.server.stdin.close()
    results.put(None)


def plan(options, root):
    """All (job name, fault), in the order of the jobs, and how many calls of each job are out of reach."""
    chosen = [job for job in jobs.JOBS if not options.job or job.name == options.job or job.program == options.job]
    if not chosen:
        raise SystemExit(f"no job {options.job}; there are {', '.join(job.name for job in jobs.JOBS)}")
    if options.call:
        return [(job.name, trace.Fault(options.call, options.error, options.number, options.path or "")) for job in chosen], {}
    worker, tasks, unreachable = oracle.Worker(options.bin, root), [], {}
    for job in chosen:
        faults, unreachable[job.name] = faults_of(worker, job)
        tasks += [(job.name, fault) for fault in faults]
    worker.server.stdin.close()
    dice = random.Random(options.seed)
    if options.most and len(tasks) > options.most:
        tasks = [tasks[i] for i in sorted(dice.sample(range(len(tasks)), options.most))]
    return tasks, unreachable


def main():
    parser = argparse.ArgumentParser(description="Fails every call to the kernel that a job makes, one at a time.")
    parser.add_argument("--bin", default="build/release/bin", help="directory of the programs")
    parser.add_argument("--seed", type=int, default=1, help="draws the calls with --most")
    parser.add_argument("--most", type=int, default=0, help="this many runs, drawn from all")
    parser.add_argument("--workers", type=int, default=2)
    for name in ("job", "call", "error"):
        parser.add_argument(name, nargs="?")
    parser.add_argument("number", nargs="?", type=int)
    parser.add_argument("path", nargs="?")
    options = parser.parse_args()
    if not shutil.which("strace"):
        raise SystemExit("faults: strace is not installed; tools/setup.sh installs it")
    with tempfile.TemporaryDirectory(prefix="pc_faults_", dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as root:
        return campaign(options, root)


def campaign(options, root):
    tasks, unreachable = plan(options, f"{root}/plan")
    queue, results = multiprocessing.Queue(), multiprocessing.Queue()
    workers = [multiprocessing.Process(target=work, args=(options, f"{root}/{i}", queue, results)) for i in range(options.workers)]
    for task in tasks:
        queue.put(task)
    for worker in workers:
        queue.put(None)
        worker.start()
    runs, failures, missed, alive = collections.Counter(), collections.Counter(), collections.Counter(), len(workers)
    while alive:
        result = results.get()
        if result is None:
            alive -= 1
            continue
        name, fault, wrong = result
        if wrong is None:
            missed[name] += 1
            continue
        runs[name] += 1
        if sum(runs.values()) % 500 == 0:
            print(f"faults: {sum(runs.values())} of {len(tasks)}", file=sys.stderr, flush=True)
        if wrong:
            failures[name] += 1
            print(f"{name}: {fault}: {wrong}\n    again: tools/faults.sh {name} {fault}", flush=True)
    print(f"\n{'job':16} {'runs':>6} {'failures':>9} {'not made again':>15} {'out of reach':>13}")
    for name in dict.fromkeys(name for name, _ in tasks):
        print(f"{name:16} {runs[name]:6} {failures[name]:9} {missed[name]:15} {unreachable.get(name, 0):13}")
    print(f"{sum(runs.values())} runs, {sum(failures.values())} failures")
    return 1 if sum(failures.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
