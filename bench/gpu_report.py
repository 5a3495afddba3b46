#!/usr/bin/env python3
"""The Markdown report of bench/gpu.sh, from the folder of what its parts printed.

  bench/gpu_report.py build/gpu/raw > report.md
"""
import csv
import json
import pathlib
import re
import statistics
import sys

GOALS = {"224x224": (1.3, 1.0), "80x60": (4.0, 1.35)}  # against eager and compiled; at 224x224 the same cuDNN computes most of both
FLOOR_GOAL = 75  # percent of the rate that the ledger allows


def read(path):
    return path.read_text(errors="replace") if path.exists() else ""


def benchmarks(text):
    """The runs of Google Benchmark's JSON; of a program that was cut off, those that were complete."""
    begin = text.find("{")
    if begin < 0:
        return []
    text = text[begin:]
    try:
        return json.loads(text)["benchmarks"]
    except ValueError:
        end = text.rfind("},")
        return json.loads(text[:end] + "}]}")["benchmarks"] if '"benchmarks"' in text and end > text.find('"benchmarks"') else []


def rows_of_json(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(str(cell) for cell in row) + " |"
    yield ""


def block(text, lines=60):
    yield "```"
    yield from text.strip().splitlines()[:lines]
    yield "```"
    yield ""


def parts(raw):
    yield "## Parts"
    yield ""
    rows = []
    for line in read(raw / "parts.tsv").splitlines():
        name, code, seconds, limit = line.split("\t")
        what = {"0": "ok", "124": "cut off at %s s" % limit, "137": "killed", "left out": "left out: no time"}.get(code, "exit " + code)
        rows.append((name, what, seconds))
    yield from table(("part", "", "s"), rows)
    for line in read(raw / "parts.tsv").splitlines():
        name, code = line.split("\t")[:2]
        if code not in ("0", "124", "left out"):
            yield "`%s` ended so:" % name
            yield from block("\n".join((read(raw / (name + ".out")) + read(raw / (name + ".err"))).splitlines()[-15:]))


def machine(raw):
    yield "## Machine"
    yield ""
    yield from block(read(raw / "versions.out"))
    for row in rows_of_json(read(raw / "ceilings.out")):
        info = row.pop("info", None)
        if info is None:
            yield "- " + ", ".join("%s %s" % (key, value) for key, value in row.items())
            continue
        yield "  " + json.dumps({key: value for key, value in info.items() if key != "properties"})
        if "properties" in info:
            yield ""
            yield "Device properties, as cuDNN plans for them:"
            yield from block(json.dumps(info["properties"]))
    yield ""


def tests(raw):
    yield "## Tests"
    yield ""
    rows = []
    for path in sorted(raw.glob("test_*_*.out")) + sorted(raw.glob("*check.out")):
        text = read(path) + read(path.with_suffix(".err"))
        passed = re.search(r"\[  PASSED  \] (\d+)", text)
        failed = re.findall(r"\[  FAILED  \] (\d+) test", text)
        skipped = re.search(r"\[  SKIPPED \] (\d+)", text)
        found = [m.group(1) if m else "" for m in (passed, skipped)]
        summary = re.findall(r"=+ (.*SUMMARY.*)", text)
        ended = failed[-1] if failed else 0 if passed else "**did not end**"
        rows.append((path.stem, *found, ended, "; ".join(summary)))
    yield from table(("suite", "passed", "skipped", "failed", "sanitizer"), rows)
    for path in sorted(raw.glob("test_*_*.out")):
        if "[  FAILED  ]" in read(path) or "[  PASSED  ]" not in read(path):
            yield "`%s` ended so:" % path.stem
            yield from block("\n".join(read(path).splitlines()[-12:]))


def rooms(raw):
    yield "## Kernels against the roofline"
    yield ""
    yield "roof%: of the speed that bytes and arithmetic allow at this machine's measured ceilings."
    yield ""
    rows = []
    for path in sorted(raw.glob("bench_*.out")):
        if path.stem in ("bench_step", "bench_infer", "bench_ablate"):
            continue  # tables of their own
        for run in benchmarks(read(path)):
            if "error_message" in run:
                rows.append((path.stem[6:], run["name"], run["error_message"], "", ""))
            else:
                rows.append((path.stem[6:], run["name"], "%.1f" % run["real_time"], "%.0f" % run.get("GB/s", 0), "%.0f" % run.get("roof%", 0)))
    yield from table(("room", "case", "us", "GB/s", "roof%"), rows)


def floors(raw):
    """Images a second that the ledger allows at this machine's limits, by size; for bf16 and f16, batches of 256."""
    sizes = re.findall(r"ResNet18, (\d+x\d+),.*\n  now .* (\d+) img/s", read(raw / "ledger.out"))
    return {size: float(rate) for size, rate in sizes}


def of_floor(raw, run):
    size = re.search(r"/(\d+x\d+)/", run["name"])
    floor = floors(raw).get(size.group(1)) if size else None
    if not floor or "img/s" not in run or "/cpu/" in run["name"]:
        return ""
    percent = 100 * run["img/s"] / floor
    return "%.0f%s" % (percent, "" if percent >= FLOOR_GOAL else " (goal %d)" % FLOOR_GOAL)


def rates(raw, name, title):
    yield "## " + title
    yield ""
    keys = ("loss", "forward_ms", "backward_ms", "update_ms", "heap_MiB")
    runs = benchmarks(read(raw / (name + ".out")))
    yield from table(("case", "img/s", "% of the floor", "ms", *keys), [
        (run["name"], run.get("error_message") or "%.0f" % run["img/s"], of_floor(raw, run), "%.3f" % run.get("real_time", 0),
         *("%.3g" % run[key] if key in run else "" for key in keys)) for run in runs])


def kernels(raw):
    """The launches of one step, by kernel: ncu's table, summed."""
    yield "## Kernels of a step at 80x60, batch 256, as ncu measured them"
    yield ""
    begin = read(raw / "kernels.out").find('"ID"')
    sums = {}
    for row in csv.DictReader(read(raw / "kernels.out")[max(begin, 0):].splitlines()) if begin >= 0 else []:
        try:
            value = float(row["Metric Value"].replace(",", ""))
        except (KeyError, AttributeError, ValueError):
            continue
        name = row["Kernel Name"].split("(")[0][:60]
        sums.setdefault(name, {}).setdefault(row["Metric Name"] + " " + row["Metric Unit"], []).append(value)
    heads = sorted({metric for metrics in sums.values() for metric in metrics})
    slowest = sorted(sums.items(), key=lambda item: -sum(sum(values) for metric, values in item[1].items() if "time" in metric))
    yield from table(("kernel", "launches", *heads), [
        (name, max(map(len, metrics.values())), *("%.1f" % sum(metrics.get(head, [0])) for head in heads)) for name, metrics in slowest[:40]])


def ratio(ours, theirs, goal):
    if not ours or not theirs:
        return "-"
    value = ours / theirs
    return "%.2f (goal %.2f%s)" % (value, goal, "" if value >= goal else ", **missed**")


def peers(raw):
    yield "## Against PyTorch"
    yield ""
    yield "Medians of alternating slices in one run, img/s."
    yield ""
    rows, notes = [], set()
    for row in rows_of_json(read(raw / "peers.out")):
        ours, eager, compiled = (statistics.median(values) if values and None not in values else None
                                 for values in (row["ours"], row["eager"], row["compiled"]))
        goals = GOALS.get(row["case"].split("/")[1], (0, 0))
        shown = ["%.0f" % value if value else "-" for value in (ours, eager, compiled)]
        rows.append((row["case"], *shown, ratio(ours, eager, goals[0]), ratio(ours, compiled, goals[1])))
        notes.update("%s: %s" % (row["case"], note) for note in row["notes"])
        notes.add("PyTorch %s" % row["torch"])
    yield from table(("case", "ours", "eager", "compiled", "to eager", "to compiled"), rows)
    yield from ("- " + note for note in sorted(notes))
    yield ""


def train(raw):
    yield "## A training run"
    yield ""
    events = rows_of_json(read(raw / "metrics.jsonl"))
    epochs = [event for event in events if event["event"] == "epoch"]
    yield from table(("epoch", "s", "img/s"), [(e["epoch"], "%.2f" % e["seconds"], "%.0f" % e["img_per_s"]) for e in epochs])
    yield "A second run recorded its step as a CUDA graph; its weights against these (`pcconvert --verify`): %s" % (
        read(raw / "same_weights.out").strip() or read(raw / "same_weights.err").strip())
    yield ""
    for event in events:
        if event["event"] == "test":
            yield from table(("head", "accuracy", "n"), [(name, "%.4f" % s["accuracy"], s["n"]) for name, s in event["heads"].items()])


def main():
    raw = pathlib.Path(sys.argv[1])
    lines = ["# pc on a %s: %s s" % (read(raw / "device").strip().upper().replace("CUDA", "GPU"), read(raw / "seconds").strip()), ""]
    for section in (parts, machine, rooms, tests, kernels):
        lines += section(raw)
    lines += rates(raw, "bench_infer", "Inference")
    lines += ["## The ledger's predictions at this machine's limits", ""] + list(block(read(raw / "ledger.out")))
    # The end is what one reads where only the end is shown.
    lines += rates(raw, "bench_ablate", "The step with one thing changed (`bench_step --ablate`)")
    lines += rates(raw, "bench_step", "A training step on prepared input")
    lines += train(raw)
    lines += peers(raw)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
