#!/usr/bin/python3
"""conditions.py [--table] BIN [JOB…]: the main job of every program where something that programs take for granted is missing.

Closed or full standard streams, limits on memory, descriptors, threads and file sizes, and files in the current directory with the names of
the program's libraries. Held: the usual bytes, or a documented exit code other than 1 with one line on stderr; no signal, no wait.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import jobs
import oracle

USER = 54321  # nobody's; root has no limit on its processes


def conditions():
    """(column of the table, shell text before `exec`, redirections behind it)."""
    yield "planted library", "", ""
    yield "2>/dev/full", "", "2>/dev/full"
    yield ">/dev/full", "", ">/dev/full"
    for closed in ("0", "1", "2", "01", "02", "12", "012"):
        yield f"closed {closed}", "", " ".join({"0": "0<&-", "1": "1>&-", "2": "2>&-"}[c] for c in closed)
    for threads in (0, 1, 2):
        yield f"-u {threads}", f"ulimit -u {threads} || exit 99;", ""
    for descriptors in (3, 4, 5, 6, 7, 8, 10, 14):
        yield f"-n {descriptors}", f"ulimit -n {descriptors} || exit 99;", ""
    for megabytes in (*range(12, 64, 4), *range(64, 160, 16), 192, 256):
        yield f"-v {megabytes}M", f"ulimit -v {megabytes * 1024} || exit 99;", ""
    for kilobytes in (0, 1, 16, 256):
        yield f"-f {kilobytes}K", f"ulimit -f {kilobytes} || exit 99;", ""


def plant(place, program):
    """What the program would die of if it looked for its libraries here."""
    dynamic = subprocess.run(["readelf", "-d", program], capture_output=True, text=True).stdout
    for name in re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic):
        with open(f"{place.out}/{name}", "w") as f:
            f.write("no library\n")
    return len(dynamic)


def not_started(ended):
    """Whether the system's loader, not the program, gave up: there was no room for its libraries."""
    return (ended.code == 127 or ended.code in (-11, 139)) and ("error while loading shared libraries" in ended.errors or not ended.errors)


def complaint(place, job, usual, ended, redirections):
    if ended.code is None:
        return "did not end"
    if ended.code not in oracle.DOCUMENTED:
        return f"exit code {ended.code}: {ended.errors.strip()[-200:]}"
    if job.measures and ended.code == 2 and oracle.is_json(ended.out):
        return ""  # pcdoctor's answer: something is missing, and it names it there
    if ended.code and redirections in ("2>/dev/full", "0<&-", "2>&-", "0<&- 2>&-"):
        return f"exit code {ended.code}: nothing that it needs is missing"
    if ended.code and "2>" not in redirections and oracle.lines_are_wrong(place, job, usual, ended):
        return oracle.lines_are_wrong(place, job, usual, ended)
    if ended.code:
        return ""
    if job.program == "pcserve" or "1>" in redirections or job.measures:
        return ""
    return oracle.same(place, job, usual, ended)


def try_condition(worker, job, before, redirections, planted):
    place, usual = worker.place, worker.prepare(job)
    place.fresh()
    prefix = ["bash", "-c", f'{before} exec "$@" {redirections}', "bash"]
    if before.startswith("ulimit -u") and os.getuid() == 0:
        os.chown(place.out, USER, USER)
        prefix = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] + prefix
    if planted and not plant(place, job.command(place)[0]):
        return None, "readelf is missing"
    ended = oracle.run(place, job, job.command(place), prefix)
    if planted:
        for name in os.listdir(place.out):
            if ".so" in name:
                os.remove(f"{place.out}/{name}")
    if not_started(ended):
        return "–", ""
    return ended.code, complaint(place, job, usual, ended, redirections)


def main():
    parser = argparse.ArgumentParser(description="Runs every program's main job without what programs take for granted.")
    parser.add_argument("bin")
    parser.add_argument("--table", action="store_true", help="print exit codes; –: the system could not start the program")
    parser.add_argument("jobs", nargs="*")
    options = parser.parse_args()
    chosen = [job for job in jobs.JOBS if not options.jobs or job.name in options.jobs]
    table, failures, runs = {}, 0, 0
    with tempfile.TemporaryDirectory(prefix="pc_conditions_", dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as root:
        os.chmod(root, 0o755)
        worker = oracle.Worker(options.bin, f"{root}/0")
        for job in chosen:
            for name, before, redirections in conditions():
                code, wrong = try_condition(worker, job, before, redirections, name == "planted library")
                table.setdefault(name, {})[job.name] = code
                runs += 1
                if wrong:
                    failures += 1
                    print(f"{job.name}, {name}: {wrong}", flush=True)
        worker.server.stdin.close()
    if options.table:
        print("| | " + " | ".join(job.name for job in chosen) + " |\n|---" + "|---" * len(chosen) + "|")
        for name, codes in table.items():
            print(f"| `{name}` | " + " | ".join(str(codes[job.name]) for job in chosen) + " |")
    print(f"{runs} runs, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
