#!/usr/bin/python3
"""The figures of programs against their definitions: every file that shows them is parsed by Python's own json, csv and
html.parser, every figure computed anew from the logits.

figures.py scored DIR: what pcpredict and pceval say of one labeled data set (figures_test.cpp lists the files).
figures.py run RUN DIR: what pctrain left in RUN, from pcpredict's logits in DIR."""
import collections
import csv
import html.parser
import itertools
import json
import math
import os
import re
import statistics
import struct
import subprocess
import sys

TENTH, THOUSANDTH = 0.05001, 0.0005001  # what rounding may hide


def near(got, expected, tolerance, *what):
    same = got == expected or (None not in (got, expected) and abs(float(got) - expected) <= tolerance)
    assert same, f"{what}: {got}, by definition {expected}"


def equal(got, expected, *what):
    assert got == expected, f"{what}: {got}, by definition {expected}"


def percent(text):
    return float(text.replace("\u00a0%", "").replace(" %", "")) if text else None


def share(part, whole):
    return part / whole if whole else None


# --- definitions ---


def softmax(logits, temperature=1.0):
    powers = [math.exp((z - max(logits)) / temperature) for z in logits]
    return [p / sum(powers) for p in powers]


def top(values):
    return values.index(max(values))


def wilson(correct, n):
    """The shares from which correct / n lies 1.96 standard errors away, by bisection."""
    z, got = statistics.NormalDist().inv_cdf(0.975), correct / n
    ends = []
    for inside, outside in ((got, 0.0), (got, 1.0)):
        for _ in range(200):
            middle = (inside + outside) / 2
            if abs(got - middle) <= z * math.sqrt(middle * (1 - middle) / n):
                inside = middle
            else:
                outside = middle
        ends.append(inside)
    return ends


class Counted:
    """Of (truth, answer) pairs of label indices."""

    def __init__(self, pairs, labels):
        self.n, self.pairs, self.labels = len(pairs), pairs, labels
        self.count = collections.Counter(pairs)
        self.images = collections.Counter(t for t, _ in pairs)
        self.claims = collections.Counter(a for _, a in pairs)
        self.correct = sum(t == a for t, a in pairs)
        present = sorted(self.images)
        self.accuracy = share(self.correct, self.n)
        self.macro_f1 = statistics.fmean(self.f1(c) for c in present) if present else None
        self.macro_recall = statistics.fmean(self.recall(c) for c in present) if present else None
        self.majority = share(max(self.images.values(), default=0), self.n)
        self.low, self.high = wilson(self.correct, self.n) if self.n else (None, None)

    def recall(self, c):
        return share(self.count[c, c], self.images[c])

    def precision(self, c):
        return share(self.count[c, c], self.claims[c])

    def f1(self, c):
        if not self.images[c]:
            return None
        missed, wrong, found = self.images[c] - self.count[c, c], self.claims[c] - self.count[c, c], self.count[c, c]
        return found / (found + (missed + wrong) / 2)


def bins(probabilities, correct):
    """Per bin of 15: mean probability, accuracy, number."""
    found = collections.defaultdict(list)
    for p, c in zip(probabilities, correct):
        found[min(14, int(p * 15))].append((p, c))
    return [(statistics.fmean(p for p, _ in b), statistics.fmean(c for _, c in b), len(b)) for _, b in sorted(found.items())]


def ece(probabilities, correct):
    return sum(n * abs(p - a) for p, a, n in bins(probabilities, correct)) / len(correct)


def reliability(logits, truths, temperature):
    ps = [softmax(z, temperature) for z in logits]
    return {
        "ece": ece([max(p) for p in ps], [top(z) == t for z, t in zip(logits, truths)]),
        "nll": statistics.fmean(-math.log(p[t]) for p, t in zip(ps, truths)),
        "brier": statistics.fmean(sum((q - (c == t))**2 for c, q in enumerate(p)) for p, t in zip(ps, truths)),
        "n": len(truths),
    }


# --- pages ---


class Page(html.parser.HTMLParser):
    """Tables by the headings above them, the text, and the dots and grid lines of charts."""

    def __init__(self, path):
        super().__init__()
        self.tables, self.text, self.charts = {}, "", []
        self.heading, self.into, self.row = {"h2": "", "h3": ""}, None, None
        self.feed(open(path, encoding="utf-8").read())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag in ("h2", "h3"):
            self.heading["h3"], self.into = "", tag
            self.heading[tag] = ""
        elif tag == "table":
            self.table = self.tables.setdefault((self.heading["h2"], self.heading["h3"]), [])
        elif tag == "tr":
            self.row = []
            self.table.append(self.row)
        elif tag in ("td", "th"):
            self.row.append("")
            self.into = "cell"
        elif tag == "svg":
            self.charts.append({"head": self.heading["h2"], "title": attributes["aria-label"], "dots": [], "grid": []})
        elif tag == "circle":
            self.charts[-1]["dots"].append((attributes["class"], *(float(attributes[k]) for k in ("cx", "cy", "r"))))
        elif tag == "path" and attributes["class"] == "grid" and "H" in attributes["d"]:
            self.charts[-1]["grid"].append(float(re.match(r"M[\d.]+ ([\d.]+)H", attributes["d"])[1]))

    def handle_endtag(self, tag):
        if tag in ("h2", "h3", "table", "tr"):
            self.into = None

    def handle_data(self, data):
        self.text += data
        if self.into == "cell":
            self.row[-1] += data.strip("\n")
        elif self.into:
            self.heading[self.into] += data


def check_head_on_page(page, name, counted, probabilities, tempered):
    """The parts of a page that report and evaluation share."""
    row = next(r for r in page.tables["Results", ""] if r[0] == name)
    n = counted.n
    equal([row[1], row[2]], [str(len(counted.labels)), str(n)], name)
    low, high = re.fullmatch(r"([\d.]+) … ([\d.]+) %", row[4]).groups()
    for got, expected in ((percent(row[3]), counted.accuracy), (float(low), counted.low), (float(high), counted.high),
                          (percent(row[7]), counted.majority)):
        near(got, 100 * expected, TENTH, name, "results")
    near(row[5], counted.macro_f1, THOUSANDTH, name, "macro-F1")
    near(row[6], counted.macro_recall, THOUSANDTH, name, "macro recall")
    order = sorted(range(len(counted.labels)), key=lambda c: (-counted.images[c], c))
    matrix = page.tables[name, "Confusion matrix"]
    equal(matrix[0][1:], [counted.labels[c] for c in order], name, "columns")
    equal(matrix[1:], [[counted.labels[t]] + [str(counted.count[t, a] or "") for a in order] for t in order], name, "matrix")
    table = page.tables[name, "Classes"]
    equal(table[0], ["class", "n", "precision", "recall", "F1"])
    for c, cells in itertools.zip_longest(order, table[1:]):
        equal(cells[:2], [counted.labels[c], str(counted.images[c])], name)
        for got, expected in zip(cells[2:], (counted.precision(c), counted.recall(c), counted.f1(c))):
            near(got or None, expected, THOUSANDTH, name, counted.labels[c])
    pairs = sorted((p for p in counted.count if p[0] != p[1]), key=lambda p: (-counted.count[p], p))
    told = re.findall(r"(?m)^(.*) taken for (.*): (\d+) of (\d+) \(([\d.]+)\u00a0%\)$", page.text[page.text.index(name + "\nConfusion matrix"):])
    for (truth, answer), (t, a, count, images, of) in zip(pairs[:10], told):
        equal((t, a, count, images), (counted.labels[truth], counted.labels[answer], str(counted.count[truth, answer]),
                                      str(counted.images[truth])), name, "pairs")
        near(of, 100 * counted.count[truth, answer] / counted.images[truth], TENTH, name)
    correct = [t == a for t, a in counted.pairs]
    text = page.text[page.text.index(name + "\nConfusion matrix"):]
    near(re.search(r"as the network says, ECE (\d\.\d{3})", text)[1], ece(probabilities, correct), THOUSANDTH, name, "ECE")
    near(re.search(r"calibrated, ECE (\d\.\d{3})", text)[1], ece(tempered, correct), THOUSANDTH, name, "calibrated ECE")
    chart = next(c for c in page.charts if c["head"] == name and c["title"].startswith("Reliability"))
    zero, one = max(chart["grid"]), min(chart["grid"])
    for color, values in (("c0 dot", probabilities), ("c1 dot", tempered)):
        dots = [d for d in chart["dots"] if d[0] == color][1:]  # the first is the legend's
        expected = bins(values, correct)
        equal(len(dots), len(expected), name, "dots")
        for (_, x, y, r), (p, accuracy, count) in zip(dots, expected):
            near((x - 58) / (464 - 58), p, 2e-4, name, "dot")
            near((zero - y) / (zero - one), accuracy, 1e-3, name, "dot")
            near(r, 2 + 7 * math.sqrt(count / max(b[2] for b in expected)), TENTH, name, "area")


# --- pcpredict and pceval ---


def model_of(path):
    """The description in the header of a safetensors file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    return json.loads(header["__metadata__"]["pc.model"])


def named(model, logits):
    """The combination of labels that occurs and has the largest product of probabilities; None: none below."""
    names, t = [h["name"] for h in model["heads"]], [h["temperature"] for h in model["calibration"]["heads"]]
    labels, scores = [top(z) for z in logits], [[v / t[h] for v in z] for h, z in enumerate(logits)]
    for link in model.get("hierarchy", []):
        fine, coarse, best = names.index(link["fine"]), names.index(link["coarse"]), -math.inf
        for c, score in enumerate(scores[coarse]):
            below = [(scores[fine][f], f) for f, above in enumerate(link["coarse_of"]) if c in above]
            score_below, f = max(below, key=lambda b: b[0]) if below else (max(scores[fine]), None)
            if score + score_below > best:
                best, labels[coarse], labels[fine] = score + score_below, c, f
    return labels


def is_confident(model, h, label, p, percent_wanted):
    """p is that of the file, to the last bit: a threshold is equal to one of them."""
    thresholds = model["calibration"]["heads"][h]["thresholds"]
    least = next(t for t in thresholds if t["percent"] == percent_wanted)["of_label"][label]
    return least is not None and p >= least


def spoken(verdict, count):
    """What people read for a verdict of `count` images; CSV and JSON keep its name."""
    if verdict == "not a product":
        return "unlike the training images"
    return "need review" if verdict == "needs review" and count != 1 else verdict


def check_prediction(model, json_row, csv_row, text, percent_wanted):
    """Returns the named labels, which of them are confident, and the verdict."""
    heads, calibration = model["heads"], model["calibration"]
    logits = [json_row["logits"][h["name"]] for h in heads]
    labels, confident, names = named(model, logits), [], [h["name"] for h in heads]
    for h, head in enumerate(heads):
        p = softmax(logits[h], calibration["heads"][h]["temperature"])
        guesses = json_row["heads"][head["name"]]
        others = sorted((c for c in range(len(p)) if c != labels[h]), key=lambda c: (-logits[h][c], c))
        order = [] if labels[h] is None else [labels[h]] + others
        equal([g["label"] for g in guesses], [head["labels"][c] for c in order], head["name"], "guesses")
        for guess, c in zip(guesses, order):
            near(guess["p"], p[c], 1e-12, head["name"], "p")
        shown = re.findall(rf"(?m)^  {head['name']} +(.*?) +([\d.]+) %$", text)
        if labels[h] is None:
            equal((shown, csv_row[head["name"]], csv_row[head["name"] + "_p"]), ([], "", ""))
            confident.append(False)
            continue
        first = head["labels"][labels[h]]
        equal(shown[0][0], first, "text")
        near(shown[0][1], 100 * p[labels[h]], TENTH, "text")
        equal(csv_row[head["name"]], ("'" if first[0] in "=+-@" else "") + first, "CSV")
        near(csv_row[head["name"] + "_p"], p[labels[h]], 5.01e-7, "CSV")
        confident.append(is_confident(model, h, labels[h], guesses[0]["p"], percent_wanted))
    for link in model["hierarchy"]:
        confident[names.index(link["coarse"])] |= confident[names.index(link["fine"])]
    novelty = calibration["novelty"]
    z = json_row["logits"][novelty["head"]]
    cosine = max(sum(a * b / 1e4 for a, b in zip(z, d)) for d in novelty["directions"]) / math.hypot(*z)
    near(json_row["novelty"]["score"], 1 - cosine, 1e-6, "novelty")
    verdict = ("not a product" if json_row["novelty"]["score"] > novelty["limit"] else
               "accepted" if all(confident) else "needs review")
    equal((json_row["verdict"], csv_row["verdict"]), (verdict, verdict))
    equal(json_row["review"], [h["name"] for h, c in zip(heads, confident) if not c])
    equal([csv_row[h["name"] + "_review"] for h in heads], ["no" if c else "yes" for c in confident])
    assert text.rstrip("\n").split("\n")[-1].startswith("  " + spoken(verdict, 1)), text
    return labels, confident, verdict


def check_class(told, counted, c, n):
    near(told["n"], n, 0)
    for key in ("recall", "precision", "f1"):
        value = getattr(counted, key)(c) if n else None
        near(told[key], value, 1e-12, counted.labels[c], key)
    for key, value in zip(("low", "high"), wilson(counted.count[c, c], n) if n else (None, None)):
        near(told[key], value, 1e-9, counted.labels[c], key)
    wrong = max((a for a in range(len(counted.labels)) if a != c), key=lambda a: (counted.count[c, a], -a))
    equal(told["mistaken"], counted.count[c, wrong])
    equal(told["mistaken_for"], counted.labels[wrong] if told["mistaken"] else None)


def check_table(table, name, told, counted, sure):
    """pceval's text: the row of the head, the line on names, the classes."""
    words = next(line for line in table.split("\n") if line.startswith(name + " ")).split()
    equal(words[1:4], [str(len(counted.labels)), str(told["n"]), str(told["unknown"])], name, "table")
    for got, expected in zip((words[4], words[5], words[7], words[8], words[9]),
                             (counted.accuracy, counted.low, counted.high, counted.macro_f1, counted.majority)):
        near(got, expected, 5.01e-5, name, "table")
    line = re.search(rf"(?m)^{name}: ([\d.]+) correct as pcpredict names it; confident in ([\d.]+) %(?:, of which ([\d.]+) % correct)?", table)
    near(line[1], statistics.fmean(c for _, c in sure), 5.01e-5, name, "named")
    near(line[2], 100 * statistics.fmean(s for s, _ in sure), TENTH, name, "confident")
    right = [c for s, c in sure if s]
    near(line[3], 100 * statistics.fmean(right) if right else None, TENTH, name, "of which correct")
    block = table[table.index(f"\n\n{name}\nclass "):]
    for c, label in enumerate(counted.labels):
        n, recall, low, high, precision, f1, wrong = re.search(
            rf"(?m)^{re.escape(label)} +(\d+) +([\d.]+|-)  (?:([\d.]+) … ([\d.]+)|-) +([\d.]+|-) +([\d.]+|-)  (.*)$", block).groups()
        row = told["classes"][label]
        for got, key in ((n, "n"), (recall, "recall"), (low, "low"), (high, "high"), (precision, "precision"), (f1, "f1")):
            near(None if got == "-" else got, row[key], 5.01e-5, name, label, key)
        equal(wrong, f"{row['mistaken_for']} ({row['mistaken']})" if row["mistaken"] else "-", name, label)


def scored(folder, percent_wanted):
    read = lambda name: open(os.path.join(folder, name), encoding="utf-8", newline="")
    model, score = model_of(os.path.join(folder, "m")), json.load(read(f"score{percent_wanted}.json"))
    predicted = [json.loads(line) for line in read(f"predictions{percent_wanted}.jsonl")]
    rows = list(csv.DictReader(read(f"predictions{percent_wanted}.csv")))
    texts = re.split(r"(?m)^(?=set/)", read(f"predictions{percent_wanted}.txt").read())[1:]
    truths = {f"set/images/{row['id']}.png": row for row in csv.DictReader(read("set/styles.csv"))}
    equal([p["file"] for p in predicted], sorted(truths))
    equal([r["file"] for r in rows], sorted(truths))
    checked = [check_prediction(model, *row, percent_wanted) for row in zip(predicted, rows, texts, strict=True)]
    equal((score["n"], score["bad"]), (len(truths), 0))
    equal(score["verdicts"], {"percent": percent_wanted, **collections.Counter(v for *_, v in checked)})
    page, table = Page(os.path.join(folder, f"page{percent_wanted}.html")), read(f"score{percent_wanted}.txt").read()
    for h, head in enumerate(model["heads"]):
        name, labels, told = head["name"], head["labels"], score["heads"][head["name"]]
        pairs, sure, unscored, ps, tempered = [], [], collections.Counter(), [], []
        for p, (answers, confident, _) in zip(predicted, checked):
            label = truths[p["file"]][name]
            if label not in labels:
                unscored[label] += 1
                continue
            z, truth = p["logits"][name], labels.index(label)
            pairs.append((truth, top(z)))
            sure.append((confident[h], answers[h] == truth))
            ps.append(max(softmax(z)))
            tempered.append(max(softmax(z, model["calibration"]["heads"][h]["temperature"])))
        counted = Counted(pairs, labels)
        equal((told["n"], told["unknown"], told["unscored"]), (len(pairs), sum(unscored.values()), dict(unscored)), name)
        for key in ("accuracy", "low", "high", "macro_f1", "majority"):
            near(told[key], getattr(counted, key), 1e-9, name, key)
        confident, right = [s for s, _ in sure], [c for s, c in sure if s]
        near(told["named"]["accuracy"], statistics.fmean(c for _, c in sure), 1e-12, name, "named")
        near(told["named"]["sure"], statistics.fmean(confident), 1e-12, name, "sure")
        near(told["named"]["precision"], share(sum(right), len(right)), 1e-12, name, "precision")
        for c, label in enumerate(labels):
            check_class(told["classes"][label], counted, c, counted.images[c])
        assert sum(t != a for t, a in pairs) > 5 and any(counted.count[p] != counted.count[p[::-1]] for p in counted.count)
        check_table(table, name, told, counted, sure)
        check_head_on_page(page, name, counted, ps, tempered)
    for verdict, count in collections.Counter(v for *_, v in checked).items():
        near(re.search(rf"(?m)^.*\b{spoken(verdict, count)} ([\d.]+) %", table)[1], 100 * count / len(truths), TENTH, verdict)


# --- a run of pctrain ---


def run(folder, given):
    events = [json.loads(line) for line in open(os.path.join(folder, "metrics.jsonl"), encoding="utf-8")]
    test, calibration = events[-1], next(e for e in events if e["event"] == "calibration")
    epochs = [e for e in events if e["event"] == "epoch"]
    with open(os.path.join(folder, "split.csv"), newline="", encoding="utf-8") as file:
        split = {re.sub("^'(?='*[=+@-])", "", r["file"]): r["split"] for r in csv.DictReader(file)}
    model, rows, logits, parts = model_of(os.path.join(folder, "model.safetensors")), {}, {}, collections.defaultdict(list)
    for line in open(os.path.join(given, "predictions.jsonl"), encoding="utf-8"):
        row = json.loads(line)
        file = os.path.relpath(row["file"], "colours")
        rows[file], logits[file] = row, row["logits"]["label"]
        parts[split[file]].append(file)
    labels = sorted({os.path.dirname(f) for f in logits})
    truth = lambda file: labels.index(os.path.dirname(file))
    told, part = calibration["heads"]["label"], {}
    for name in ("val", "test"):
        files = parts[name]
        z, truths = [logits[f] for f in files], [truth(f) for f in files]
        part[name] = Counted([(t, top(v)) for t, v in zip(truths, z)], labels)
        for when, temperature in (("before", 1), ("after", told["temperature"])):
            for key, value in reliability(z, truths, temperature).items():
                near(told[name][when][key], value, 1e-5, name, when, key)
    learned = model["calibration"]
    equal((told["temperature"], calibration["novelty"]), (learned["heads"][0]["temperature"],
                                                          {"head": "label", "limit": learned["novelty"]["limit"]}))
    equal([t["percent"] for t in learned["heads"][0]["thresholds"]], [90, 95, 99])
    for source, counted in ((test["heads"]["label"], part["test"]), (epochs[-1]["val"]["label"], part["val"])):
        equal((source["n"], source["unknown"]), (counted.n, 0))
        for key in ("accuracy", "low", "high", "macro_f1", "majority"):
            near(source[key], getattr(counted, key), 1e-9, key)
    for source, files in ((test["heads"]["label"], parts["test"]), (epochs[-1]["val"]["label"], parts["val"])):
        near(source["loss"], sum(-math.log(softmax(logits[f])[truth(f)]) for f in files) / len(files), 1e-6, "loss")
    for wanted in (90, 95, 99):
        sure, verdicts = [], collections.Counter()
        for row in (rows[f] for f in parts["test"]):
            confident = is_confident(model, 0, top(row["logits"]["label"]), row["heads"]["label"][0]["p"], wanted)
            strange = row["novelty"]["score"] > model["calibration"]["novelty"]["limit"]
            verdicts["not a product" if strange else "accepted" if confident else "needs review"] += 1
            if confident:
                sure.append(row["heads"]["label"][0]["label"] == os.path.dirname(os.path.relpath(row["file"], "colours")))
        near(told["test"]["sure"][str(wanted)]["share"], len(sure) / part["test"].n, 1e-12, wanted)
        near(told["test"]["sure"][str(wanted)]["precision"], share(sum(sure), len(sure)), 1e-12, wanted)
        equal({k: n for k, n in calibration["verdicts"][str(wanted)].items() if n}, {"n": part["test"].n, **verdicts}, wanted)
    tested = part["test"]
    assert 0 < tested.accuracy < 1 and any(tested.count[p] != tested.count[p[::-1]] for p in tested.count), tested.count
    with open(os.path.join(folder, "confusion.csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file, strict=True))
    equal(rows[0], ["head", "label", "answer", "count"])
    cell = lambda text: ("'" if text[0] in "=+-@" else "") + text
    equal(sorted(rows[1:]), sorted(["label", cell(labels[t]), cell(labels[a]), str(n)] for (t, a), n in tested.count.items()))
    page = Page(os.path.join(folder, "report.html"))
    z = [logits[f] for f in parts["test"]]
    check_head_on_page(page, "label", tested, [max(softmax(v)) for v in z], [max(softmax(v, told["temperature"])) for v in z])
    row = page.tables["Calibration", ""][1]
    for got, expected in zip(row[1:4], (told["temperature"], told["test"]["before"]["ece"], told["test"]["after"]["ece"])):
        near(got, expected, THOUSANDTH, "calibration")
    for got, expected in zip(row[4:], (told["test"]["sure"][w][k] for w in ("90", "95", "99") for k in ("share", "precision"))):
        near(percent(got), None if expected is None else 100 * expected, TENTH, "calibration")
    reader = os.path.join(os.path.dirname(__file__), "../report/read_tfevents.py")
    def board(part):
        file = os.path.join(folder, "tensorboard", part, "events.out.tfevents.pctrain")
        lines = subprocess.run([sys.executable, reader, file], check=True, stdout=subprocess.PIPE).stdout.decode().splitlines()
        return [json.loads(line) for line in lines][1:]
    steps = [e for e in events if e["event"] in ("step", "epoch")]
    shown = board("train")
    equal([b["step"] for b in shown], [e["step"] for e in steps])
    for figure, count in (("loss", "images"), ("accuracy", "labeled")):  # means since the event before
        for epoch in epochs:
            pairs = [(b["scalars"], e) for b, e in zip(shown, steps) if e["epoch"] == epoch["epoch"]]
            ends = [e["train"]["label"][count] for _, e in pairs]
            sums = [scalars[f"{figure}/label"] * (end - begin) for (scalars, _), begin, end in zip(pairs, [0] + ends, ends)]
            near(sum(sums) / ends[-1], epoch["train"]["label"][figure], 1e-5, "TensorBoard")
    for b, e in zip(shown, steps):
        near(b["scalars"]["lr"], e["lr"], 1e-6, "TensorBoard")
    for b, epoch in zip(board("val"), epochs):
        equal(b["step"], epoch["step"])
        for tag, value in b["scalars"].items():
            near(value, epoch["val"]["label"][tag.split("/")[0]], 1e-5, tag)
        assert {"loss/label", "accuracy/label", "macro_f1/label"} <= set(b["scalars"])
    equal([b["step"] for b in board("test")], [test["step"]])
    for figure in ("accuracy", "macro_f1"):
        near(board("test")[0]["scalars"][f"{figure}/label"], getattr(tested, figure), 1e-6, "TensorBoard")


if sys.argv[1] == "scored":
    scored(sys.argv[2], 95)
    scored(sys.argv[2], 99)
else:
    run(*sys.argv[2:])
