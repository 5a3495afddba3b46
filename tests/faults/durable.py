#!/usr/bin/python3
"""durable.py BIN [JOB…]: what every program writes is there, whole, after a power cut.

Each job runs under strace, and its calls change a small model of a disk that keeps bytes only from fsync on and names only from an fsync of
their folder on. It is run a second time over what it left. Held, for every file and folder that a job leaves:

- it was written under the name of a temporary, made by this job alone (O_EXCL) and locked before its first byte, synced, renamed in its
  folder and the folder synced, in this order, and nothing was written in between; IN_PLACE names the others;
- a file that says what is in another one is renamed into place when that one is synced (BEFORE), and rows are written only while their
  manifest is there and says that they are not finished;
- at the end nothing is left to be synced.

Exit code 77: strace cannot trace here.
"""
import fnmatch
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import jobs
import oracle
import trace

APPENDED, LOCKED, DESCRIBED, LOST = "appended to", "locked", "has a manifest", "may be lost"
# Files that are written under their own name, and how. Those of a run are behind the lock of its folder.
IN_PLACE = {
    "*.lock": {LOCKED, LOST},
    "rows.csv": {LOCKED, APPENDED, DESCRIBED},
    "runs/*/metrics.jsonl": {APPENDED},
    "runs/*/tensorboard/*/events.out.tfevents.pctrain": {APPENDED},
    "fetched/*.part": {APPENDED},
    "fetched/*.part.json": {LOST},  # torn, it means to begin again
}
# What must be synced before a file of this name is there.
BEFORE = [("*.manifest", "{stem}"), ("runs/*/last/checkpoint.safetensors", "{folder}/../metrics.jsonl")]
BEFORE += [("runs/*/last/checkpoint.safetensors", f"{{folder}}/../tensorboard/{part}/events.out.tfevents.pctrain") for part in ("train", "val", "test")]

CALLS = ("open,openat,creat,write,writev,pwrite64,pwritev,pwritev2,ftruncate,truncate,fallocate,copy_file_range,sendfile,mmap,fsync,fdatasync,"
         "syncfs,sync,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat,flock")
WRITES = ("write", "writev", "pwrite64", "pwritev", "pwritev2", "fallocate")
FINISHED = re.compile(r'finished\\?": *true')
TEMPORARY = re.compile(r"(.*\.tmp\.\d+)(?:/.*)?$")


def training(more):
    return lambda place: jobs.training(place) + [word for setting in more.split() for word in ("--set", setting)]


PREDICT = "-m {model} --threads 2 --csv -o {out}/rows.csv "
MORE = [
    jobs.Job("pcpredict-force", PREDICT + "{in}/images"),
    jobs.Job("pcpredict-more", PREDICT + "{in}/shop.zip"),
    jobs.Job("pcpredict-order", PREDICT + "{in}/shop.zip {in}/images"),
    jobs.Job("pcpredict-explain", "-m {model} --threads 2 --explain {out}/cams {in}/images/red"),
    jobs.Job("pctrain-patience", training("train.patience=5"), again=""),
]
# What is run the second time, where that is not the same command with its option to begin again.
SECOND = {
    "pcpredict-more": jobs.Job("pcpredict-more", PREDICT + "--resume {in}/images {in}/shop.zip"),  # its rows come before the others
    "pcpredict-order": jobs.Job("pcpredict-order", PREDICT + "--resume {in}/images {in}/shop.zip"),
    "pctrain-patience": jobs.Job("pctrain-patience", training("train.patience=5 train.epochs=2")),
}


def below(path, folder):
    return path == folder or path.startswith(folder + "/")


class Disk:
    """What lies below `root`, by its names: `dirty` files have bytes, and `new` names are in a folder, that a power cut takes away."""

    def __init__(self, root):
        self.root, self.complaints = root, []
        self.names = {os.path.join(folder, name) for folder, folders, files in os.walk(root) for name in folders + files}
        self.dirty, self.new, self.locked, self.flags = set(), set(), set(), {}
        self.finished = {path: bool(FINISHED.search(open(path).read())) for path in self.names if path.endswith(".manifest")}

    def complain(self, path, what):
        self.complaints.append(f"{os.path.relpath(path, self.root)}: {what}")

    def rules(self, path):
        """How this file may be written under its own name; None for a temporary."""
        if TEMPORARY.match(path):
            return None
        name = os.path.relpath(path, self.root)
        return next((rules for pattern, rules in IN_PLACE.items() if fnmatch.fnmatch(name, pattern)), set())

    def opened(self, path, flags):
        if "O_CREAT" in flags and path not in self.names:
            self.names.add(path)
            self.new.add(path)
            if TEMPORARY.match(path) and "O_EXCL" not in flags:
                self.complain(path, "a temporary is made without O_EXCL")
        if "O_TRUNC" in flags and path in self.names:
            self.dirty.add(path)
        if "O_RDONLY" not in flags:
            self.flags[path] = flags

    def changed(self, path):
        rules, temporary = self.rules(path), TEMPORARY.match(path)
        if temporary and temporary.group(1) not in self.locked:
            self.complain(path, "a temporary is written that is not locked")
        if rules is not None and not rules:
            self.complain(path, "is written under its own name")
        if rules and LOCKED in rules and path not in self.locked:
            self.complain(path, "is written without its lock")
        self.dirty.add(path)

    def written(self, path, arguments):
        self.changed(path)
        rules = self.rules(path) or ()
        if APPENDED in rules and "O_APPEND" not in self.flags.get(path, ""):
            self.complain(path, "is written without O_APPEND")
        self.check_manifest(path)
        if ".manifest.tmp." in path:
            self.finished[path] = bool(FINISHED.search(arguments))

    def check_manifest(self, path):
        if DESCRIBED in (self.rules(path) or ()) and self.finished.get(path + ".manifest", True):
            self.complain(path, "is written while its manifest is absent or says that it is finished")

    def synced(self, path):
        self.dirty.discard(path)
        self.new = {name for name in self.new if os.path.dirname(name) != path}

    def check_rename(self, old, new):
        if not TEMPORARY.match(old) and not old.endswith(".part"):
            self.complain(old, "is renamed, and is no temporary")
        if os.path.dirname(old) != os.path.dirname(new):
            self.complain(new, "comes from another folder")
        for path in sorted(self.dirty | (self.new - {old})):
            if below(path, old):
                self.complain(new, f"is renamed into place before {os.path.relpath(path, self.root)} is synced")
        for pattern, other in BEFORE:
            other = os.path.normpath(other.format(stem=os.path.splitext(new)[0], folder=os.path.dirname(new)))
            if fnmatch.fnmatch(os.path.relpath(new, self.root), pattern) and other in self.dirty:
                self.complain(new, f"is renamed into place before {os.path.relpath(other, self.root)} is synced")

    def renamed(self, old, new, exchanged):
        self.check_rename(old, new)
        self.check_manifest(new)
        if not exchanged:
            for path in [path for path in self.names if below(path, new)]:
                self.removed(path)
        move = lambda path: new + path[len(old):] if below(path, old) else old + path[len(new):] if below(path, new) else path
        self.names, self.dirty, self.new, self.locked = (set(map(move, paths)) for paths in (self.names, self.dirty, self.new, self.locked))
        self.new.add(new)
        if old in self.finished:
            self.finished[new] = self.finished.pop(old)

    def removed(self, path):
        for paths in (self.names, self.dirty, self.new, self.locked):
            paths.discard(path)

    def ended(self):
        found = {os.path.join(folder, name) for folder, folders, files in os.walk(self.root) for name in folders + files}
        for path in sorted(found ^ self.names):
            self.complain(path, "durable.py has lost track of it")
        for path in sorted(self.dirty):
            if LOST not in (self.rules(path) or ()):
                self.complain(path, "is not synced")
        for path in sorted(self.new):
            self.complain(path, "its folder is not synced")


def target(call, nth=0):
    """The nth path that is among the arguments of a call."""
    folders = re.findall(r"(?:AT_FDCWD|\d+)<([^>]*)>", call.arguments)
    names = re.findall(r'"((?:[^"\\]|\\.)*)"', call.arguments)
    return os.path.normpath(os.path.join(folders[min(nth, len(folders) - 1)] if folders else "/", names[nth]))


def replay(disk, call):
    """Has the disk do what the call did."""
    descriptor = re.match(r"\d+<([^>]*)>", call.arguments)
    path = descriptor.group(1) if descriptor else ""
    ours = lambda path: path.startswith(disk.root + "/") or path == disk.root
    name = call.name
    if name in ("open", "openat", "creat"):
        path = re.search(r"<([^>]*)>$", call.result).group(1)
        if ours(path):
            disk.opened(path, call.arguments)
    elif name in ("syncfs", "sync"):
        disk.dirty, disk.new = set(), set()
    elif name in ("fsync", "fdatasync"):
        disk.synced(path)
    elif name.startswith("rename") and ours(target(call, 1)):
        disk.renamed(target(call), target(call, 1), "RENAME_EXCHANGE" in call.arguments)
    elif name.startswith(("unlink", "rmdir")):
        disk.removed(target(call))
    elif name.startswith("mkdir") and ours(target(call)):
        disk.names.add(target(call))
        disk.new.add(target(call))
    elif name == "flock" and ours(path):
        (disk.locked.add if "LOCK_EX|LOCK_NB" in call.arguments else disk.locked.discard)(path)
    elif name in WRITES and ours(path):
        disk.written(path, call.arguments)
    elif name in ("truncate", "ftruncate") and ours(path or target(call)):
        disk.changed(path or target(call))
    elif name in ("link", "linkat", "symlink", "symlinkat", "copy_file_range", "sendfile") and disk.root in call.arguments:
        disk.complaints.append(f"durable.py does not know {name}({call.arguments})")
    elif name == "mmap" and "MAP_SHARED" in call.arguments and "PROT_WRITE" in call.arguments and disk.root in call.arguments:
        disk.complaints.append(f"a file is written through memory: {call.arguments}")


def complaints_of(place, job, words):
    disk, log = Disk(place.out), f"{place.root}/strace.log"
    ended = oracle.run(place, job, words, trace.strace(log, "--seccomp-bpf", "-s", "65536", "-e", f"trace={CALLS}"))
    if ended.code and not job.measures:
        return [f"exit code {ended.code}: {ended.errors.strip()[-300:]}"]
    for call in trace.succeeded(log):
        replay(disk, call)
    disk.ended()
    return disk.complaints


def traceable():
    return shutil.which("strace") and subprocess.run(["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "true"], capture_output=True).returncode == 0


def main():
    if not traceable():
        print("not allowed here: strace cannot trace")
        return 77
    chosen = [job for job in jobs.JOBS + MORE if not sys.argv[2:] or job.name in sys.argv[2:]]
    failures = 0
    with tempfile.TemporaryDirectory(prefix="pc_durable_") as root:
        worker = oracle.Worker(sys.argv[1], f"{os.path.realpath(root)}/0")
        place = worker.place
        for job in chosen:
            place.server = f"http://127.0.0.1:{worker.port}/{job.name}/ok"
            place.fresh()
            second = SECOND[job.name].command(place) if job.name in SECOND else job.command_again(place)
            for which, words in (("", job.command(place)), (" again", second)):
                for complaint in dict.fromkeys(complaints_of(place, job, words)):
                    failures += 1
                    print(f"{job.name}{which}: {complaint}", flush=True)
        worker.server.stdin.close()
    print(f"{len(chosen)} jobs, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
