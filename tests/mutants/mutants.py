#!/usr/bin/python3
"""mutants.py [--planted | --sample N [--seed S] | --survivors | --check] [FILE…]: plants small bugs one at a time and asks whether a test notices.

  --planted     every bug of the lists in this directory (*.json but equivalent.json), or those in FILE…, a source or a list; only the test that has
                to notice is run, with the bug and without. unnoticed.json: those that a first try, before there were these tests, found unnoticed
  --sample N    N bugs (30) that generate.py makes in FILE… (those of AREAS); another S (1) draws others
  --survivors   those again that survived the last time, after tests were added
  --check       whether every listed bug still has its place in the source; builds nothing

It works on a copy in build/mutants, so that the checkout may be edited meanwhile. What a bug is tested by: the ctest entries with the labels of
its directory (TESTS), nearest first, up to the first failure; those that noticed another bug of the file begin, then the quickest. caught: a test
failed, or they took three times as long as without a bug. equivalent: the compiler makes the same code of it, or equivalent.json argues in one line
why no test can notice. What does not compile is not counted, another bug is drawn.
Results are added to build/mutants/results.jsonl. The last line is "N of M caught (P %), E equivalent"; exit code 1 if one survived.
"""
import argparse
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import namedtuple
from pathlib import Path

from generate import Mutant, mutants_of

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COPY = ROOT / "build/mutants/tree"
BUILD = COPY / "build/cpu"
RESULTS = ROOT / "build/mutants/results.jsonl"
COSTS = BUILD / "Testing/Temporary/CTestCostData.txt"
LIMIT = 900  # seconds for the tests of a label without a bug
MEMORY = 12 << 30  # bytes that one test may allocate

AREAS = """
tools/train/learner.cpp tools/train/trainer.cpp engine/optimizer.cpp engine/schedule.cpp engine/augmentation.cpp tools/evaluate/score.cpp
tools/evaluate/head_score.cpp tools/evaluate/calibration_math.cpp tools/evaluate/fit_calibration.cpp tools/predict/verdict.cpp tools/predict/answer.cpp
data/csv.cpp kernels/base/csv_writer.cpp data/exif.cpp data/zip.cpp data/zip_unpack.cpp tools/predict/row_file.cpp kernels/base/file.cpp
tools/runs/run_folder.cpp tools/serve/server.cpp tools/serve/app.cpp tools/serve/batcher.cpp tools/weights/onnx.cpp tools/weights/onnx_graph.cpp
engine/safetensors.cpp engine/safetensors_write.cpp kernels/conv2d/conv2d_winograd_simd.cpp kernels/batch_norm/batch_norm_simd.cpp
kernels/linear/linear_simd.cpp""".split()

TESTS = {
    "kernels/base": ["base", "data", "predict", "faults"], "kernels": ["ops", "engine", "models"], "engine": ["engine", "ops", "models", "train"],
    "models": ["models", "weights", "predict", "train"], "data": ["data", "inspect", "dataset", "predict"], "tools/cli": ["train", "predict", "faults"],
    "tools/train": ["train", "faults"], "tools/runs": ["train", "report", "evaluate", "faults"], "tools/evaluate": ["evaluate", "predict", "train"],
    "tools/predict": ["predict", "serve", "evaluate", "faults"], "tools/report": ["report", "train"], "tools/serve": ["serve", "faults"],
    "tools/weights": ["weights", "models"], "tools/fetch": ["fetch", "faults"], "tools/dataset": ["dataset", "inspect"], "tools/doctor": ["doctor"]}
WITHOUT_PROGRAMS = {"base", "ops", "engine", "models"}  # tests that run no program of ours

Planted = namedtuple("Planted", "file old new breaks test")


def labels_of(file):
    for folder in Path(file).parents:
        if str(folder) in TESTS:
            return TESTS[str(folder)]
    raise SystemExit(f"{file}: no tests are named for its directory; add it to TESTS")


def any_of(names):
    """These entries of ctest; after the name of a parameter's value it has a blank and the value."""
    return f"^({'|'.join(map(re.escape, names))})( |$)"


def entries(name):
    return json.loads((HERE / name).read_text()) if (HERE / name).exists() else []


def planted_bugs(files=()):
    lists = sorted(path.name for path in HERE.glob("*.json") if path.name != "equivalent.json")
    all_bugs = [(name, Planted(**entry)) for name in lists for entry in entries(name)]
    return [bug for name, bug in all_bugs if not files or bug.file in files or name in files]


def limited():
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(*command, limit=None, **options):
    """(exit code, output); None for the code if it took longer than the limit. What it started ends with it, and is not waited for."""
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, **options)
        try:
            code = process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            code = None
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        output.seek(0)
        return code, output.read()


def copy_checkout():
    """The checkout's files as they are now; what did not change keeps its time, so that little is built again."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    files = {name for name in listed if (ROOT / name).is_file()}
    for path in [p for p in COPY.rglob("*") if p.is_file() and "build" not in p.relative_to(COPY).parts[:1]]:
        if str(path.relative_to(COPY)) not in files:
            path.unlink()
    for name in files:
        target = COPY / name
        if not target.exists() or target.read_bytes() != (ROOT / name).read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)


class Bench:
    """The copy, and what its tests say without a bug."""

    def __init__(self):
        os.environ.setdefault("PC_SHARED", str(ROOT.parent / "shared"))
        copy_checkout()
        code, output = run("cmake", "--preset", "cpu", cwd=COPY)
        if code != 0:
            raise SystemExit(output)
        self.programs = sorted(path.stem for path in (COPY / "tools").glob("pc*.cpp"))
        self.failing = {}  # label -> entries that fail without a bug
        self.seconds = {}  # entry -> how long it took the last time
        self.limit = {}  # label -> seconds for its tests with a bug
        self.noticing = {}  # (label, file) -> entries that noticed earlier bugs of the file, the latest first
        self.objects = {}

    def build(self, *targets):
        return run("ninja", "-C", str(BUILD), *targets)

    def targets_of(self, label):
        programs = [] if label in WITHOUT_PROGRAMS else self.programs
        return programs + ([f"test_{label}"] if list((COPY / "tests" / label).glob("*_test.cpp")) else [])

    def test(self, *selection, limit=LIMIT):
        """(names of failed entries, whether all ended in time)."""
        self.quickest_first()
        code, output = run("ctest", "--test-dir", str(BUILD), "-j", str(os.cpu_count()), "-LE", "slow", *selection, limit=limit, preexec_fn=limited)
        failed = re.findall(r"Test +#\d+: (\S+)[^\n]*?\*\*\*(?!Skipped|Not Run \(Disabled\))", output)
        if code not in (0, None) and not failed:
            raise SystemExit(f"ctest {' '.join(selection)}:\n{output[-2000:]}")
        return failed, code is not None

    def quickest_first(self):
        """ctest begins with what took longest by its own notes (name, times run, mean seconds): they get the opposite."""
        if not COSTS.exists():
            return
        for line in COSTS.read_text().split("\n---")[0].splitlines():
            name, runs, seconds = line.rsplit(" ", 2)
            if int(runs) > 0:
                self.seconds[name] = float(seconds)
        COSTS.write_text("".join(f"{name} 0 {LIMIT - seconds}\n" for name, seconds in self.seconds.items()) + "---\n")

    def baseline(self, label):
        if label not in self.failing:
            code, output = self.build(*self.targets_of(label))
            if code != 0:
                raise SystemExit(f"without a bug the tests of {label} do not build:\n{output[-3000:]}")
            begin = time.monotonic()
            self.failing[label] = self.test("-L", f"^{label}$")[0]
            self.limit[label] = 60 + 3 * (time.monotonic() - begin)
            if self.failing[label]:
                print(f"{label}: without a bug these fail and are left out: {' '.join(self.failing[label])}", file=sys.stderr)
        return self.failing[label]

    def object_of(self, file):
        found = list(BUILD.glob(f"CMakeFiles/*.dir/{file}.o"))
        return found[0] if found else None

    def clean_object(self, file):
        """The object code without a bug; None for a header."""
        if file not in self.objects:
            path = self.object_of(file)
            if path:
                self.build(str(path.relative_to(BUILD)))
            self.objects[file] = path.read_bytes() if path else None
        return self.objects[file]

    def noticed(self, label, file):
        """The name of an entry that fails now; "" if none does. Those go first that noticed another bug of the file."""
        first = self.noticing.setdefault((label, file), [])
        known = self.failing[label]
        for chosen in ([["-R", any_of(first)]] if first else []) + [["-E", any_of(known + first)] if known + first else []]:
            failed, in_time = self.test("-L", f"^{label}$", "--stop-on-failure", *chosen, limit=self.limit[label])
            if failed:
                first[:] = [failed[0]] + [name for name in first if name != failed[0]]
                return failed[0]
            if not in_time:
                return f"{label}: longer than {self.limit[label]:.0f} s"
        return ""


class Bug:
    """A bug in the copy, for as long as the block lasts."""

    def __init__(self, mutant):
        self.path, self.mutant = COPY / mutant.file, mutant

    def __enter__(self):
        self.text = self.path.read_text()
        at = self.mutant.offset
        if self.text[at:at + len(self.mutant.old)] != self.mutant.old:
            raise SystemExit(f"{self.mutant.file}: the source changed while bugs were planted")
        lines = "\n" * (self.mutant.old.count("\n") - self.mutant.new.count("\n"))  # the same line numbers below it
        self.path.write_text(self.text[:at] + self.mutant.new + lines + self.text[at + len(self.mutant.old):])
        return self

    def __exit__(self, *_):
        self.path.write_text(self.text)


def line_of(mutant):
    text = (COPY / mutant.file).read_text()
    return text.count("\n", 0, mutant.offset) + 1


def argued(mutant):
    for entry in entries("equivalent.json"):
        if entry["file"] == mutant.file and entry["new"] == mutant.new:
            text = (COPY / mutant.file).read_text()
            at = text.find(entry["within"])
            if at >= 0 and at <= mutant.offset < at + len(entry["within"]) and mutant.old == entry["old"]:
                return entry["why"]
    return None


def judge(bench, mutant):
    """(verdict, by what): verdict is caught, survived, equivalent or uncompilable."""
    if why := argued(mutant):
        return "equivalent", why
    labels = labels_of(mutant.file)
    bench.baseline(labels[0])
    clean = bench.clean_object(mutant.file)
    for label in labels:
        bench.baseline(label)
        with Bug(mutant):
            code, output = bench.build(*bench.targets_of(label))
            if code != 0 and "error:" in output:
                return "uncompilable", ""
            if code != 0:  # a test program that cannot list its cases
                return "caught", "the build: " + output.strip().splitlines()[-1]
            if clean is not None and bench.object_of(mutant.file).read_bytes() == clean:
                return "equivalent", "the same object code"
            if name := bench.noticed(label, mutant.file):
                return "caught", name
    return "survived", " ".join(labels)


def draws(files, seed):
    """Bugs, without end until all are drawn: a file, then a kind, then a place, each with the same chance."""
    dice = random.Random(seed)
    left = {}
    for file in files:
        by_kind = {}
        for mutant in mutants_of(file, (COPY / file).read_text()):
            by_kind.setdefault(mutant.kind, []).append(mutant)
        left[file] = by_kind
    while left:
        file = dice.choice(sorted(left))
        kind = dice.choice(sorted(left[file]))
        places = left[file][kind]
        yield places.pop(dice.randrange(len(places)))
        if not places:
            del left[file][kind]
        if not left[file]:
            del left[file]


def last_survivors():
    last = {}
    for line in RESULTS.read_text().splitlines():
        entry = json.loads(line)
        last[(entry["file"], entry["line"], entry["old"], entry["new"])] = entry
    for entry in last.values():
        text = (COPY / entry["file"]).read_text()
        at = text.find(entry["around"])
        if entry["verdict"] == "survived" and at >= 0:
            yield Mutant(entry["file"], at + entry["within"], entry["old"], entry["new"], entry["kind"])


def report(mutant, verdict, by):
    text = (COPY / mutant.file).read_text()
    first, last = max(0, mutant.offset - 60), mutant.offset + len(mutant.old) + 60
    entry = {"file": mutant.file, "line": line_of(mutant), "kind": mutant.kind, "old": mutant.old, "new": mutant.new, "verdict": verdict, "by": by,
             "around": text[first:last], "within": mutant.offset - first}
    with open(RESULTS, "a") as results:
        results.write(json.dumps(entry) + "\n")
    start = text.rfind("\n", 0, mutant.offset) + 1
    print(f"{verdict}: {mutant.file}:{entry['line']} {mutant.kind}: {text[start:text.find(chr(10), mutant.offset)].strip()}\n"
          f"    {' '.join(mutant.old.split())} -> {mutant.new or 'nothing'}   [{by}]", flush=True)


def sample(bench, mutants, wanted):
    counts = dict.fromkeys(("caught", "survived", "equivalent", "uncompilable"), 0)
    for mutant in mutants:
        verdict, by = judge(bench, mutant)
        counts[verdict] += 1
        if verdict != "uncompilable":
            report(mutant, verdict, by)
        if counts["caught"] + counts["survived"] == wanted:
            break
    tried = counts["caught"] + counts["survived"]
    print(f"{counts['caught']} of {tried} caught ({100 * counts['caught'] / max(1, tried):.0f} %), {counts['equivalent']} equivalent")
    return 1 if counts["survived"] else 0


def misplaced(bugs, root):
    """The listed bugs whose old text does not occur exactly once."""
    for bug in bugs:
        count = (root / bug.file).read_text().count(bug.old) if (root / bug.file).exists() else 0
        if count != 1:
            yield f"{bug.file}: occurs {count} times, not once: {bug.old!r}"


def label_of_test(name):
    """The directory of tests/ whose program has this case; that of the scripts for other entries."""
    suite = name.split(".")[0].split("/")[-1] if "." in name else None
    for path in sorted((COPY / "tests").glob("*/*.cpp")):
        if suite and re.search(rf"\bTEST(_F|_P)?\(\s*{suite}\b|struct {suite}\b|class {suite}\b", path.read_text()):
            if re.search(rf"\bTEST(_F|_P)?\(\s*{suite}\s*,", path.read_text()):
                return path.parent.name
    return "faults"


def selection(name):
    """The entry, or all values of a parameter. After the name of a value ctest has a blank and the value."""
    return "^" + re.escape(name) + "( |$)" if "/" in name or "." not in name else "(^|/)" + re.escape(name) + "(/|$)"


def run_planted(bench, bugs):
    problems = list(misplaced(bugs, COPY))
    unnoticed = 0
    for problem in problems:
        print(problem)
    clean = {}
    for bug in bugs if not problems else []:
        label = label_of_test(bug.test)
        targets = bench.targets_of(label)
        if bug.test not in clean:
            code, output = bench.build(*targets)
            clean[bug.test] = code == 0 and not bench.test("--no-tests=error", "-R", selection(bug.test))[0]
        at = (COPY / bug.file).read_text().index(bug.old)
        with Bug(Mutant(bug.file, at, bug.old, bug.new, "planted")):
            code, output = bench.build(*targets)
            failed, in_time = bench.test("-R", selection(bug.test)) if code == 0 else ([], True)
        built = "error:" not in output
        caught = clean[bug.test] and built and (bool(failed) or not in_time or code != 0)
        unnoticed += not caught
        why = "" if caught else " (fails without it)" if not clean[bug.test] else " (does not compile)" if not built else ""
        print(f"{'caught' if caught else 'NOT caught'}: {bug.file}: {bug.breaks}   [{bug.test}]{why}", flush=True)
    print(f"{len(bugs) - unnoticed} of {len(bugs)} planted bugs caught, {len(problems)} without a place")
    return 1 if unnoticed or problems else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--planted", action="store_true")
    what.add_argument("--sample", type=int, default=30)
    what.add_argument("--survivors", action="store_true")
    what.add_argument("--check", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("files", nargs="*", metavar="FILE")
    options = parser.parse_args()
    if options.check:
        problems = list(misplaced(planted_bugs(), ROOT))
        print("\n".join(problems + [f"{len(planted_bugs())} bugs, {len(problems)} without a place"]))
        return 1 if problems else 0
    COPY.mkdir(parents=True, exist_ok=True)
    bench = Bench()
    if options.planted:
        return run_planted(bench, planted_bugs(options.files))
    if options.survivors:
        return sample(bench, list(last_survivors()), None)
    return sample(bench, draws(options.files or AREAS, options.seed), options.sample)


if __name__ == "__main__":
    sys.exit(main())
