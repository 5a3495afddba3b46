#!/usr/bin/python3
"""mistakes.py [--verbose] BIN [PROGRAM…]: what a person gets who types something wrong, or what other tools would take.

mistakes.txt is the table. Marks: A the answer names the thing, the place and the way out; B the thing alone; C something else; D no word.
Held: every mark is A, the exit code is the documented one, a refusal is one line and leaves no file, no input is changed.
"""
import argparse
import os
import re
import select
import shlex
import signal
import socket
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import jobs

SUMMARY = re.compile(r": \d+ images, \d+ failed, ")  # of a batch, below the lines of its images
COUNTS = {"pctrain": 32, "pcpredict": 37, "pcserve": 27, "pcconvert": 32}


class Mistake:
    """A line of the table."""

    def __init__(self, program, line):
        self.program = program
        self.name, arguments, code, *self.patterns = (part.strip() for part in line.split(" ::"))
        self.arguments, _, self.brings = (part.strip() for part in arguments.partition("<<"))
        self.code = int(code)


def mistakes():
    """By program."""
    rows = {program: [] for program in COUNTS}
    with open(f"{os.path.dirname(os.path.abspath(__file__))}/mistakes.txt", encoding="utf-8") as f:
        for line in f:
            if line.startswith("["):
                program = line.strip("[]\n")
            elif line.strip() and not line.startswith("#"):
                rows[program].append(Mistake(program, line))
    assert all(len(row.patterns) == 3 for of in rows.values() for row in of)
    assert {program: len(of) for program, of in rows.items()} == COUNTS
    return rows


def run_quietly(place, *words):
    subprocess.run([place.program(words[0]), *words[1:]], check=True, env=place.environment(), cwd=place.out, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def make_odd_files(place):
    """Files that are something else than their names say, or less."""
    there = f"{place.input}/odd"
    os.makedirs(there)
    with open(f"{place.input}/shop/images/10000.jpg", "rb") as f:
        jpeg = f.read()
    with open(f"{place.input}/run1/model.safetensors", "rb") as f:
        model = f.read()
    with open(f"{place.input}/weights.pth", "rb") as f:
        weights = f.read()
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">IIBBBBB", 20, 24, 8, 2, 0, 0, 0)
    for name, data in {
            "a.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a.avif": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf", "a.pdf": b"%PDF-1.4\n%",
            "cut.jpg": jpeg[:len(jpeg) // 2], "cut.png": png, "empty.jpg": b"", "text.jpg": b"This is no image.\n" * 9,
            "zero.gif": b"GIF89a\0\0\0\0\0\0\0,\0\0\0\0\0\0\0\0\0\2\2D\1\0;", "page.pth": b"<!DOCTYPE html>\n<html></html>\n", "empty.pth": b"",
            "bare.pth": b"\x80\x02}q\0.", "cut.pth": weights[:len(weights) // 2], "net-0123456789.pth": weights,
            "cut.safetensors": model[:len(model) // 2]}.items():
        with open(f"{there}/{name}", "wb") as f:
            f.write(data)


def make_inputs(place):
    place.make_inputs()
    place.fresh()
    run_quietly(place, "pcdata", "sample", "30", f"{place.input}/shop")
    model, photo = f"{place.input}/run1/model.safetensors", f"{place.input}/shop/images/10000.jpg"
    run_quietly(place, "pcconvert", model, f"{place.input}/weights.pth")
    run_quietly(place, "pcconvert", model, f"{place.input}/model.onnx")
    run_quietly(place, "pcpredict", "-m", model, "--csv", "-o", f"{place.input}/rows.csv", photo)
    run_quietly(place, "pcindex", "-m", model, "-o", f"{place.input}/shop.index", f"{place.input}/images")
    make_odd_files(place)
    os.makedirs(f"{place.input}/empty")
    for name, mode, text in (("open_token", 0o644, "secret\n"), ("token", 0o600, "secret\n"), ("empty_token", 0o600, ""),
                             ("list.txt", 0o644, f"{photo}\nimages/gone.jpg\n")):
        with open(f"{place.input}/{name}", "w") as f:
            f.write(text)
        os.chmod(f.name, mode)


def values_of(place, port):
    there = place.input
    return {"{in}": there, "{out}": place.out, "{x}": f"{place.out}/x", "{data}": f"{there}/images", "{shop}": f"{there}/shop",
            "{zip}": f"{there}/shop.zip", "{model}": f"{there}/run1/model.safetensors", "{other}": f"{there}/run2/model.safetensors",
            "{index}": f"{there}/shop.index", "{photo}": f"{there}/shop/images/10000.jpg", "{port}": str(port),
            "{small}": "--arch smallcnn --size 16 --threads 1"}


def filled(text, values):
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def bring(place, row):
    """What lies there before: an INI file, its lines with | between, or the run that trained the model."""
    place.fresh()
    if row.brings == "runs":
        os.makedirs(f"{place.out}/runs/tiny")
        os.link(f"{place.input}/run1/model.safetensors", f"{place.out}/runs/tiny/model.safetensors")
    elif row.brings:
        with open(f"{place.out}/x.ini", "w") as f:
            f.write(row.brings.replace("|", "\n") + "\n")


def run(place, row, words):
    """Ended. A server that listens has been asked for its page, and stopped."""
    process = jobs.start(place, words)
    if row.program != "pcserve" or row.code:
        return jobs.finish(process)
    ready, _, _ = select.select([process.stdout], [], [], jobs.PATIENCE)
    first = process.stdout.readline() if ready else b""
    process.send_signal(signal.SIGTERM)
    ended = jobs.finish(process)
    ended.out = first + ended.out
    return ended


def left(place):
    """Names below out/ and the first line of each; not the packed images, which any run may use again."""
    found = {}
    for folder, _, files in os.walk(place.out):
        for name in files:
            path = os.path.relpath(f"{folder}/{name}", place.out)
            if not path.startswith("cache/"):
                with open(f"{place.out}/{path}", "rb") as f:
                    found[path] = f.readline(200)
    return found


def inputs(place):
    return {path: (os.stat(path).st_mtime_ns, os.path.getsize(path)) for folder, _, files in os.walk(place.input)
            for path in (f"{folder}/{name}" for name in files)}


def mark(row, ended, text, values):
    """A: the thing, where, the way out; B: the thing; C: something else; D: not a word."""
    thing, place, way = (re.search(filled(pattern, values), text, re.I) for pattern in row.patterns)
    if ended.code == 0 and (row.code or not thing):
        return "D"
    if not thing:
        return "C"
    return "A" if place and way else "B"


def broken(row, ended, before, after, untouched):
    """What may not happen, however the line reads; "" if nothing did."""
    lines = [line for line in ended.errors.splitlines() if line.startswith(row.program + ": ") and not SUMMARY.search(line)]
    if ended.code != row.code:
        return f"exit code {ended.code}, not {row.code}"
    if not untouched:
        return "an input was changed"
    if row.code and len(lines) != 1:
        return f"{len(lines)} lines of {row.program}"
    if row.code and ended.out.strip() and b"not predicted: " not in ended.out:
        return f"on standard output: {ended.out.decode(errors='replace').strip()[:200]}"
    if row.code and after != before:
        return "left " + ", ".join(sorted(after.keys() ^ before.keys()))
    return ""


def try_mistake(place, row, port):
    """The mark, what is broken, and what was printed."""
    values = values_of(place, port)
    bring(place, row)
    before, files = left(place), inputs(place)
    ended = run(place, row, [place.program(row.program), *shlex.split(filled(filled(row.arguments, values), values))])
    after = left(place)
    text = ended.errors
    if row.code == 0:
        text += ended.out.decode(errors="replace") + "".join(
            f"left {name}: {line.decode(errors='replace').strip()}\n" for name, line in sorted(after.items()))
    return mark(row, ended, text, values), broken(row, ended, before, after, inputs(place) == files), text


def main():
    parser = argparse.ArgumentParser(description="Makes the mistakes that people make, and reads the answers.")
    parser.add_argument("--verbose", action="store_true", help="print what each mistake is answered")
    parser.add_argument("bin")
    parser.add_argument("programs", nargs="*")
    options = parser.parse_args()
    table, failures = {}, 0
    with tempfile.TemporaryDirectory(prefix="pc_mistakes_", dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as root, \
            socket.create_server(("127.0.0.1", 0)) as taken:
        place = jobs.Place(os.path.abspath(options.bin), root)
        make_inputs(place)
        for program, rows in mistakes().items():
            if options.programs and program not in options.programs:
                continue
            table[program] = dict.fromkeys("ABCD", 0)
            for row in rows:
                got, wrong, text = try_mistake(place, row, taken.getsockname()[1])
                table[program][got] += 1
                failures += got != "A" or wrong != ""
                if options.verbose or got != "A" or wrong:
                    print(f"{got} {program}, {row.name}: {wrong}\n    " + text.strip().replace(root, "").replace("\n", "\n    "), flush=True)
    print("| | A | B | C | D |\n|---|---|---|---|---|")
    for program, marks in table.items():
        print(f"| {program} ({sum(marks.values())}) | " + " | ".join(str(n) for n in marks.values()) + " |")
    total = {mark: sum(marks[mark] for marks in table.values()) for mark in "ABCD"}
    print(f"{sum(total.values())} mistakes, {total['C'] + total['D']} misled or silent, {total['B']} without a way out, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
