#!/usr/bin/env python3
"""Ours against PyTorch and onnxruntime in one run: slices alternate, both sides get two threads, the table shows medians
and ratios. The rows of onnxruntime (--only onnx) want what PC_ORACLES=yes tools/setup.sh installs, or a Python in
$PC_ORACLE_PYTHON that has it. The rows of bf16, batch jobs and pcserve (--only bf16,job,serve) hold ours against ours: f32, the bare
forward pass, and a batch job.

A slice during which other processes used the CPUs is repeated a few times and the quietest one counts. Where the
machine is never quiet, --cpu-time compares processor seconds of one thread instead of wall time.

  bench/peers/compare.py [--rounds 3] [--only step,infer] [--cpu-time] [--json]
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PYTHON = "/usr/bin/python3"  # Debian's PyTorch
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
ONNX_PYTHON = os.environ.get("PC_ORACLE_PYTHON") or CACHE / "pc/oracles/bin/python3"
NOISE = 0.06                 # of one core: more use by others than that and the slice is repeated
REPEATS = 2


class Slice:
    """One run of a command: its output, wall time, peak memory, and how much CPU other processes took meanwhile."""

    def __init__(self, command, threads):
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
        busy = busy_seconds()
        start = time.monotonic()
        command = [str(part) for part in command]
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment)
            output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)  # wait4 alone tells the peak memory of this one child
            process.returncode = os.waitstatus_to_exitcode(status)
            self.wall = time.monotonic() - start
            if process.returncode:
                errors.seek(0)
                sys.exit("%s: exit %d\n%s" % (" ".join(command), process.returncode, errors.read().decode()[-2000:]))
        self.text = output.decode()
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak_mib = usage.ru_maxrss / 1024
        self.others = max(0.0, busy_seconds() - busy - self.cpu) / self.wall

    def json(self):
        return json.loads(self.text[self.text.index("{"):])


def busy_seconds():
    """CPU seconds that all processes have used, from /proc/stat (user, nice, system, irq, softirq, steal)."""
    with open("/proc/stat") as stat:
        fields = [int(field) for field in stat.readline().split()[1:9]]
    return (sum(fields[:3]) + sum(fields[5:8])) / os.sysconf("SC_CLK_TCK")


def quiet_slice(command, threads, repeats):
    slices = []
    for _ in range(1 + repeats):
        slices.append(Slice(command, threads))
        if slices[-1].others < NOISE:
            break
    return min(slices, key=lambda s: s.others)


class Sides:
    """The commands of both sides, each with the function that reads its figure from a slice."""

    def __init__(self, cpu_time):
        self.cpu_time = cpu_time
        self.threads = 1 if cpu_time else 2

    def bench(self, name, case, seconds=3):
        def rate(s):
            result = s.json()["benchmarks"][0]
            if not self.cpu_time:
                return result.get("median_img/s", result["img/s"])
            return result["img/s"] * (result["real_time"] / result["cpu_time"] if case.endswith("/real_time") else 1)
        flags = ["--benchmark_filter=^%s$" % case, "--benchmark_min_time=%g" % seconds, "--benchmark_format=json"]
        return [name, *flags], rate

    def peer(self, script, *options, key, python=PYTHON):
        options = [*options, "--threads", self.threads] + ["--cpu-time"] * self.cpu_time
        return [python, HERE / script, *options], lambda s: s.json()[key]

    def whole(self, command):
        return command, lambda s: 1e3 * (s.cpu if self.cpu_time else s.wall)

    @staticmethod
    def peak(command):
        return command, lambda s: s.peak_mib


class Row:
    """One line of the table. `more`: larger numbers are better; the ratio is turned so that above 1 ours is better.
    `times`: alternating runs in a round; a short process is slow by chance."""

    def __init__(self, group, name, ours, theirs, target, unit, more=True, peer="PyTorch", times=1):
        self.group, self.name, self.target, self.unit, self.more, self.peer = group, name, target, unit, more, peer
        self.times = times
        self.sides = [ours, theirs]
        self.values = [[], []]
        self.noise = 0.0

    def run(self, bin_folder, threads, repeats):
        for _ in range(self.times):
            self.run_once(bin_folder, threads, repeats)

    def run_once(self, bin_folder, threads, repeats):
        measured, before = None, None
        for side, (command, value) in enumerate(self.sides):
            if command != before:  # else one run tells both figures
                measured = quiet_slice([bin_folder / command[0], *command[1:]], threads, repeats)
            before = command
            self.values[side].append(value(measured))
            self.noise = max(self.noise, measured.others)

    def result(self):
        ours, theirs = (statistics.median(values) for values in self.values)
        return {"row": self.name, "ours": ours, "peer": self.peer, "theirs": theirs, "unit": self.unit,
                "target": self.target, "ratio": ours / theirs if self.more else theirs / ours,
                "rounds": len(self.values[0]), "noise": self.noise}


def step_rows(sides):
    rows = []
    for dtype in ("f32", "bf16"):
        case, options = "step/cpu/%s/80x60/b64/real_time" % dtype, ["--dtype", dtype, "--seconds"]
        ours, torch = sides.bench("bench_step", case, 5), sides.peer("step_torch.py", *options, 5, key="img_per_s")
        rows.append(Row("step", "training step %s, 80x60 b64" % dtype, ours, torch, ">= 1.2", "img/s"))
        ours, torch = sides.bench("bench_step", case, 1), sides.peer("step_torch.py", *options, 1, key="peak_mib")
        name = "training %s, 80x60 b64: peak memory" % dtype
        rows.append(Row("memory", name, sides.peak(ours[0]), sides.peak(torch[0]), ">= 1.0", "MiB", more=False))
    return rows


def infer_rows(sides):
    targets = {("f32", 80, 1): 1.3, ("bf16", 80, 1): 1.3, ("bf16", 80, 32): 1.3, ("f32", 80, 32): 1.0}
    rows = []
    for height, width in ((80, 60), (224, 224)):
        for batch in (1, 32):
            for dtype in ("f32", "bf16"):
                case = "infer/cpu/%s/%dx%d/b%d/real_time" % (dtype, height, width, batch)
                options = ["--dtype", dtype, "--batch", batch, "--height", height, "--width", width]
                target = ">= %.1f" % targets.get((dtype, height, batch), 1.1)
                ours = sides.bench("bench_infer", case, 2)
                torch = sides.peer("infer_torch.py", *options, key="img_per_s")
                name = "inference %s, %dx%d b%d" % (dtype, height, width, batch)
                rows.append(Row("infer", name, ours, torch, target, "img/s"))
    return rows


def type_rows(sides):
    """What bf16 is worth on a CPU that has instructions for it."""
    case = "infer/cpu/%s/80x60/b%d/real_time"
    return [Row("bf16", "inference bf16, 80x60 b%d" % batch, *(sides.bench("bench_infer", case % (dtype, batch), 2) for dtype in ("bf16", "f32")),
                ">= 1.6", "img/s", peer="our f32") for batch in (1, 32)]


def loader_rows(sides):
    batches = sides.bench("bench_loader", "batches/f32/80x60/b64/real_time")
    return [Row("loader", "decode, one core, against torchvision.io", sides.bench("bench_loader", "decode/one_core"),
                sides.peer("loader_torch.py", "--only", "decode", key="decode_torchvision"), "ours >= 28,000", "img/s"),
            Row("loader", "batches from the store, DataLoader on files", batches,
                sides.peer("loader_torch.py", "--only", "files", key="files"), ">= 10", "img/s"),
            Row("loader", "batches from the store, DataLoader on u8 tensor", batches,
                sides.peer("loader_torch.py", "--only", "packed", key="packed"), ">= 10", "img/s")]


def describe_model(path):
    """Adds what pcpredict wants to know of a model, and torchvision's file does not say: labels and preprocessing.

    Copies in small pieces: a child's peak memory (ru_maxrss) is never reported below what its parent used before it.
    """
    plain = path.with_suffix(".plain")
    path.rename(plain)
    with open(plain, "rb") as source:
        header = json.loads(source.read(int.from_bytes(source.read(8), "little")))
        write_described(path, header, source)


def write_described(path, header, source):
    preprocess = {"height": 80, "width": 60, "resize": "stretch", "mean": [0.485, 0.456, 0.406],
                  "std": [0.229, 0.224, 0.225], "fill": [255, 255, 255]}
    labels = ["class %d" % i for i in range(1000)]
    model = {"architecture": "resnet18", "heads": [{"name": "label", "labels": labels}], "preprocess": preprocess}
    header.setdefault("__metadata__", {})["pc.model"] = json.dumps(model)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 64)
    with open(path, "wb") as target:
        target.write(len(text).to_bytes(8, "little") + text)
        shutil.copyfileobj(source, target, 1 << 16)


def cold_files(bin_folder, folder):
    """A photo, and weights that all sides read: made here by PyTorch, converted by pcconvert."""
    weights, model, photo = folder / "resnet18.pth", folder / "resnet18.safetensors", folder / "photo.jpg"
    make = ("import sys, torch, torchvision, PIL.Image; torch.manual_seed(1);"
            "torch.save(torchvision.models.resnet18().state_dict(), sys.argv[1]);"
            "PIL.Image.radial_gradient('L').resize((600, 800)).convert('RGB').save(sys.argv[2])")
    subprocess.run([PYTHON, "-c", make, weights, photo], check=True)
    subprocess.run([bin_folder / "pcconvert", "--force", weights, model], check=True, stderr=subprocess.DEVNULL)
    describe_model(model)
    return weights, model, photo


def cold_rows(sides, files):
    weights, model, photo = files
    ours, torch = ["pcpredict", "--model", model, photo], [PYTHON, HERE / "predict_torch.py", weights, photo, 80, 60]
    name = "pcpredict on one photo, cold process"
    return [Row("cold", name, sides.whole(ours), sides.whole(torch), ">= 10", "ms", more=False, times=5),
            Row("cold", name + ": memory", sides.peak(ours), sides.peak(torch), "ours <= 120", "MiB", more=False)]


def onnx_rows(sides, files, bin_folder):
    """The graph that pcconvert writes, in onnxruntime."""
    _, model, photo = files
    graph = model.with_suffix(".onnx")
    subprocess.run([bin_folder / "pcconvert", "--force", model, graph], check=True, stderr=subprocess.DEVNULL)
    ours, theirs = ["pcpredict", "--model", model, photo], [ONNX_PYTHON, HERE / "predict_onnx.py", graph, photo]
    rows = [Row("onnx", "pcpredict on one photo, cold process", sides.whole(ours), sides.whole(theirs), ">= 3", "ms",
                more=False, peer="onnxruntime", times=5)]
    for batch, target in ((1, ">= 1.4"), (32, ">= 1.05")):
        ours = sides.bench("bench_infer", "infer/cpu/f32/80x60/b%d/real_time" % batch, 2)
        theirs = sides.peer("infer_onnx.py", graph, "--batch", batch, key="img_per_s", python=ONNX_PYTHON)
        rows.append(Row("onnx", "inference f32, 80x60 b%d" % batch, ours, theirs, target, "img/s", peer="onnxruntime"))
    return rows


def job_rows(sides):
    command = sides.bench("bench_job", "job/cpu/f32/80x60/b32/real_time", 2)[0]
    counter = lambda name: lambda s: s.json()["benchmarks"][0][name]
    return [Row("job", "batch job of pcpredict, 80x60 b32", (command, counter("job_img/s")), (command, counter("forward_img/s")),
                ">= 0.90", "img/s", peer="forward pass")]


def serve_rows(files, bin_folder, folder):
    """pcserve with 64 clients, each answer held against pcpredict's; serve_load.py fails where one differs."""
    _, model, _ = files
    subprocess.run([bin_folder / "pcdata", "sample", "64", folder / "sample"], check=True, stdout=subprocess.DEVNULL)
    command = [sys.executable, HERE.parent / "serve_load.py", bin_folder, model, folder / "sample/images", 64, 4000]
    number = lambda pattern: lambda s: float(re.search(pattern, s.text).group(1))
    rate = number(r"(\d+) requests/s"), number(r"of pcpredict's (\d+) pictures/s")
    delay = number(r"p99 (\S+) ms"), number(r"takes pcpredict (\S+) ms")
    return [Row("serve", "pcserve, 64 clients: requests/s", *((command, read) for read in rate), ">= 0.85", "img/s", peer="batch job"),
            Row("serve", "pcserve, 64 clients: p99", *((command, read) for read in delay), ">= 0.25", "ms", more=False,
                peer="a batch of 32")]


def machine():
    with open("/proc/cpuinfo") as info:
        lines = dict(line.split(":", 1) for line in info.read().split("\n\n")[0].splitlines() if ":" in line)
    lines = {key.strip(): value.strip() for key, value in lines.items()}
    flags = lines.get("flags", "").split()
    seen = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    note = "" if "avx512_bf16" in flags else "; no bf16 instructions: bf16 is emulated on both sides"
    return "%s, %d cores, %s%s" % (lines.get("model name", "?"), os.cpu_count(), " ".join(seen), note)


def print_table(rows, sides):
    print(machine())
    print("processor time of 1 thread" if sides.cpu_time else "wall time, %d threads" % sides.threads)
    print("%-48s %10s %10s %-5s %6s  %s" % ("", "ours", "theirs", "", "ratio", "target"))
    for row in rows:
        line = "%(row)-48s %(ours)10.1f %(theirs)10.1f %(unit)-5s %(ratio)6.2f  %(target)s, %(peer)s" % row
        if row["noise"] > NOISE and not sides.cpu_time:
            line += "  (others used %.0f %% of a core)" % (100 * row["noise"])
        print(line)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="step,memory,infer,bf16,cold,loader,onnx,job,serve", help="groups of rows, separated by commas")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin", help="folder of our programs")
    parser.add_argument("--cpu-time", action="store_true", help="one thread, processor time instead of wall time")
    parser.add_argument("--json", action="store_true", help="one JSON object per row instead of the table")
    args = parser.parse_args()
    bin_folder, only, sides = args.bin.resolve(), args.only.split(","), Sides(args.cpu_time)
    with tempfile.TemporaryDirectory() as folder:
        rows = step_rows(sides) + infer_rows(sides) + type_rows(sides) + loader_rows(sides) + job_rows(sides)
        if {"cold", "onnx", "serve"} & set(only):
            files = cold_files(bin_folder, pathlib.Path(folder))
            rows += cold_rows(sides, files)
            rows += onnx_rows(sides, files, bin_folder) if "onnx" in only else []
            rows += serve_rows(files, bin_folder, pathlib.Path(folder)) if "serve" in only else []
        rows = [row for row in rows if row.group in only]
        for i in range(args.rounds):
            for row in rows:
                row.run(bin_folder, sides.threads, 0 if args.cpu_time else REPEATS)
                last = (i + 1, args.rounds, row.name, row.values[0][-1], row.peer, row.values[1][-1], row.unit)
                print("round %d of %d: %s: ours %.1f, %s %.1f %s" % last, file=sys.stderr, flush=True)
    results = [row.result() for row in rows]
    if args.json:
        for result in results:
            print(json.dumps(result))
    else:
        print_table(results, sides)


if __name__ == "__main__":
    main()
