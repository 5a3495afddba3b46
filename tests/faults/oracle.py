"""What an undisturbed run of a job prints and leaves, and how another one differs from it."""
import json
import os
import re
import struct
import subprocess
import sys

import jobs
import serve

DOCUMENTED = {0, 2, 3, 4, 5, 6, 7, 8, 75}  # exit codes; 1 is an internal error

BLANKS = [(re.compile(pattern), replacement) for pattern, replacement in (
    (rb'(\\?"(?:seconds|log_bytes|trained_log_bytes|img_per_s|\w+_seconds)\\?": ?)[-+.e\d]+', rb"\1#"),
    (rb"(?<![\d.,])[\d.,]{1,12}( ?(?:img/s|MB/s|MiB/s|s\b))", rb"#\1"),
    (rb"\b\d+:\d\d\b", rb"#:##"),
)]


def blank(line):
    """A line without its numbers and its temporary names."""
    return re.sub(r"[\d.,]+", "#", line)


def without_times(name, data):
    """The bytes of a file, or of standard output, with seconds, rates and what depends on their length blanked."""
    if "tfevents" in name:
        return tfevents(data)
    if name.endswith((".pth", ".zip", ".u8", ".onnx", ".index", "own.safetensors", "mean.safetensors", "model.safetensors", ".png", ".ppm", ".jpg")):
        return data
    if name.endswith("checkpoint.safetensors"):  # the size of its header depends on the seconds in it
        size = 8 + struct.unpack("<Q", data[:8])[0] if len(data) >= 8 else 0
        return without_times("", data[8:size].rstrip()) + data[size:]
    for pattern, replacement in BLANKS:
        data = pattern.sub(replacement, data)
    if name.endswith("metrics.jsonl"):  # a resumed run says again how it started
        lines = data.splitlines()
        data = b"\n".join(line for i, line in enumerate(lines) if line not in lines[:i])
    return data


def tfevents(data):
    """Its scalars: records without checksums and wall-clock times (field 1, a double); a resumed run writes the head again."""
    records = []
    while len(data) >= 12:
        (size,) = struct.unpack("<Q", data[:8])
        record = data[12:12 + size]
        record = record[9:] if record[:1] == b"\x09" else record
        if b"img_per_s" not in record and record not in records:
            records.append(record)
        data = data[12 + size + 4:]
    return b"|".join(records)


def tree(place):
    """Every file and directory below out/, its bytes without times."""
    found = {}
    for folder, folders, files in os.walk(place.out):
        for name in folders:
            found[os.path.relpath(f"{folder}/{name}", place.out) + "/"] = b""
        for name in files:
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, place.out)
            with open(path, "rb") as f:
                found[relative] = without_times(relative, f.read()).replace(place.root.encode(), b"ROOT")
    return found


def new_lines(ended, usual):
    """The lines on stderr that the job left in peace does not print."""
    known = {blank(line) for line in usual.ended.errors.splitlines()}
    return [line for line in ended.errors.splitlines() if line.strip() and blank(line) not in known]


def lines_are_wrong(place, job, usual, ended):
    """A failure is said in one line of the program; lines about single images or archives may come before it."""
    lines = [line for line in new_lines(ended, usual) if line.startswith(job.program + ": ")]
    entries = [line for line in lines if f"{place.input}/images" in line or f"{place.input}/shop.zip" in line]
    if lines and len(lines) - len(entries) <= 1:
        return ""
    return f"exit code {ended.code} with {len(lines)} lines of {job.program}: {ended.errors.strip()[-200:]}"


def run(place, job, words, prefix=()):
    if job.program == "pcserve":
        return serve.run_server(place, words, prefix)
    return jobs.finish(jobs.start(place, words, prefix))


def printed(place, job, ended):
    out = re.sub(rb"[\d.]+( [KMGT]i?B)?", b"#", ended.out) if job.measures else without_times("", ended.out)
    return out.replace(place.root.encode(), b"ROOT")


class Usual:
    """A job left in peace: what it prints and writes."""

    def __init__(self, place, job):
        place.fresh()
        self.ended = run(place, job, job.command(place))
        self.tree = tree(place)
        self.out = printed(place, job, self.ended)


def is_cached(name):
    """The packed images have a name of their own for every list of images: one that an error has shortened leaves another file."""
    return re.fullmatch(r"cache/pictures-\w+\.u8", name) is not None


def is_json(text):
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def same(place, job, usual, ended):
    """What differs from the job left in peace; "" if nothing does."""
    found = tree(place)
    names = [name for name in sorted(found.keys() | usual.tree.keys()) if found.get(name) != usual.tree.get(name)
             and not (name not in usual.tree and is_cached(name))]
    if names:
        return "other bytes in " + ", ".join(names[:3])
    if printed(place, job, ended) != usual.out:
        return "something else on standard output"
    return ""


def strays(place, job, usual, anything):
    """Files that nobody asked for. `anything`: the job failed, so that what it resumes from may lie there too."""
    return [name for name in tree(place) if name not in usual.tree and not (anything and job.may_remain(name) and ".tmp." not in name)
            and not name.endswith("/") and not is_cached(name)]


def rerun(place, job, usual):
    """Runs a job that did not end well once more, and says what differs from the job left in peace."""
    again = run(place, job, job.command_again(place))
    if again.code != usual.ended.code:
        return f"run again it ends with {again.code}: {' | '.join(again.errors.strip().splitlines()[-2:])}"
    if job.resumes:  # what it prints depends on how much was left to do
        again.out = usual.ended.out
    left = strays(place, job, usual, False)
    wrong = f"{', '.join(left[:3])} remains" if left else same(place, job, usual, again)
    return f"run again: {wrong}" if wrong else ""


class Worker:
    """A place of its own, with what it knows of each job; one for each process."""

    def __init__(self, programs, root):
        os.makedirs(f"{root}/served")
        self.place = jobs.Place(os.path.abspath(programs), root)
        server = [sys.executable, f"{jobs.SOURCE}/tests/fetch/fault_server.py", f"{root}/served"]
        self.server = subprocess.Popen(server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = self.server.stdout.readline().split()[0]
        self.requests = 0
        self.place.make_inputs()
        self.usual = {}

    def prepare(self, job):
        self.requests += 1
        self.place.server = f"http://127.0.0.1:{self.port}/{self.requests}/ok"  # a client that the server has not seen yet
        if job.name not in self.usual:
            self.usual[job.name] = Usual(self.place, job)
            self.place.fresh()
            ended = run(self.place, job, job.command(self.place))
            if ended.code and not job.measures:
                raise SystemExit(f"{job.name}: undisturbed it ends with {ended.code}: {ended.errors}")
            if ended.code != self.usual[job.name].ended.code or same(self.place, job, self.usual[job.name], ended):
                raise SystemExit(f"{job.name}: two undisturbed runs differ: {same(self.place, job, self.usual[job.name], ended)}")
        return self.usual[job.name]
