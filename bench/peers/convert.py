#!/usr/bin/env python3
"""pcconvert against copying the same file and hashing the copy: rounds alternate, the table shows medians and ratios.

`cp` leaves the copy in the page cache; pcconvert fsyncs its output before it gets its name. Both comparisons are shown:
with cp as it is, and with `sync COPY` behind it. A name with a hash makes pcconvert compute SHA-256 instead of the
records' CRC-32.

  bench/peers/convert.py [RESNET18.pth] [--rounds 9] [--json]      without a file: torchvision's ResNet-18, random weights
"""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PYTHON = "/usr/bin/python3"  # Debian's PyTorch


def seconds(*commands):
    start = time.monotonic()
    for command in commands:
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - start


def make_weights(path):
    script = "import torch, torchvision; torch.save(torchvision.models.resnet18().state_dict(), %r)" % str(path)
    subprocess.run([PYTHON, "-c", script], check=True)


def measure(folder, plain, program, rounds):
    digest = hashlib.sha256(plain.read_bytes()).hexdigest()[:8]
    named, copy, out = folder / f"net-{digest}.pth", folder / "copy", folder / "out.safetensors"
    shutil.copy(plain, named)
    sides = {
        "pcconvert": [[program, "--force", plain, out]],
        "pcconvert, hash in the name": [[program, "--force", named, out]],
        "cp + sha256sum": [["cp", plain, copy], ["sha256sum", copy]],
        "cp + sync + sha256sum": [["cp", plain, copy], ["sync", copy], ["sha256sum", copy]],
    }
    if shutil.which("openssl"):  # Debian's sha256sum does not use the CPU's SHA instructions
        sides["cp + openssl dgst"] = [["cp", plain, copy], ["openssl", "dgst", "-sha256", copy]]
    times = {name: [] for name in sides}
    for round_number in range(rounds + 1):
        for name, commands in sides.items():
            for leftover in (copy, out):
                leftover.unlink(missing_ok=True)
            elapsed = seconds(*commands)
            if round_number > 0:  # the first round warms the page cache
                times[name].append(elapsed)
    return {name: statistics.median(values) for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", nargs="?", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--build", default="release", help="preset whose pcconvert is measured")
    arguments = parser.parse_args()
    program = ROOT / "build" / arguments.build / "bin" / "pcconvert"
    if not program.exists():
        sys.exit(f"{program} is absent: build it, or name another preset with --build")
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        folder = pathlib.Path(name)
        plain = folder / "resnet18.pth"
        shutil.copy(arguments.weights, plain) if arguments.weights else make_weights(plain)
        size, medians = plain.stat().st_size, measure(folder, plain, program, arguments.rounds)
    if arguments.json:
        print(json.dumps({"bytes": size, "rounds": arguments.rounds, "seconds": medians}))
        return
    print(f"{size / 1e6:.1f} MB, medians of {arguments.rounds} rounds")
    for ours in [side for side in medians if side.startswith("pcconvert")]:
        for peer in [side for side in medians if side.startswith("cp")]:
            print(f"{ours:28} {medians[ours]:6.3f} s   {peer:22} {medians[peer]:6.3f} s   "
                  f"ratio {medians[ours] / medians[peer]:.2f}")


if __name__ == "__main__":
    main()
