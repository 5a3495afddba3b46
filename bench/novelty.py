#!/usr/bin/env python3
"""How well a model tells products from what is none: its novelty score on a folder of products against other folders.

AUROC: the chance that a stranger scores above a product. FPR@95: strangers that pass where 95 % of the products do.
Called no product: what exceeds the limit in the model file, products included.

  bench/novelty.py MODEL PRODUCTS STRANGERS…      folders of pictures, unseen in training; pcpredict from build/release or $PCPREDICT
"""
import bisect
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PCPREDICT = os.environ.get("PCPREDICT", ROOT / "build/release/bin/pcpredict")


def scores(model, folder):
    command = [str(PCPREDICT), "--model", model, "--json", "--top-k", "1", folder]
    lines = subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    read = [json.loads(line) for line in lines]
    found = [answer["novelty"] for answer in read if "novelty" in answer]
    if not found:
        sys.exit(f"{folder}: no picture, or {model} has no novelty limit")
    return sorted(n["score"] for n in found), found[0]["limit"]


def auroc(products, strangers):
    below = sum(bisect.bisect_left(products, s) + bisect.bisect_right(products, s) for s in strangers)
    return below / 2 / len(products) / len(strangers)


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    model, folder, *others = sys.argv[1:]
    products, limit = scores(model, folder)
    pass95 = products[-(-95 * len(products) // 100) - 1]
    rejected = lambda values: 1 - bisect.bisect_right(values, limit) / len(values)
    print(f"{'pictures':<24} {'n':>6} {'AUROC':>7} {'FPR@95':>7} {'called no product':>18}")
    print(f"{pathlib.Path(folder).name:<24} {len(products):>6} {'':>7} {'':>7} {rejected(products):>18.3f}")
    for other in others:
        strangers, _ = scores(model, other)
        passed = bisect.bisect_right(strangers, pass95) / len(strangers)
        print(f"{pathlib.Path(other).name:<24} {len(strangers):>6} {auroc(products, strangers):>7.3f} {passed:>7.3f} {rejected(strangers):>18.3f}")


if __name__ == "__main__":
    main()
