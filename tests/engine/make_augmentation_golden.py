#!/usr/bin/python3
"""Writes augmentation_golden.json beside itself: the samples and pairs of some images and batches, drawn by this script. Each row:
settings, seed, epoch, index, then the numbers of the sample, or [lambda, x, y, w, h] of each pair."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from draws import draw, draw_pairs  # noqa: E402

HEIGHT, WIDTH = 80, 60  # of the input
SETTINGS = {
    "wild": {"flip": 0.5, "min_area": 0.3, "max_area": 2, "max_stretch": 1.5, "rotate": 30, "brightness": 0.4, "contrast": 0.3,
             "saturation": 0.5, "temperature": 0.2, "erase": 0.5, "background": 0.6, "surfaces": 10},
    "trivial": {"trivial": 1},
    "both": {"trivial": 0.5, "rotate": 10, "saturation": 0.3, "min_area": 0.5, "erase": 0.3},
}  # fmt: skip


samples = []
for name, places in {"wild": [(seed, epoch, i) for seed, epoch in ((7, 3), (7, 4), (8, 3)) for i in (0, 1, 2, 3, 700)],
                     "trivial": [(7, 3, i) for i in range(120)], "both": [(9, 0, i) for i in range(4)]}.items():  # fmt: skip
    samples += [[name, *place, *draw(SETTINGS[name], *place, 50, 70, HEIGHT, WIDTH)] for place in places]
pairs = [[mixup, cutmix, n, *place, *sum(draw_pairs(mixup, cutmix, n, HEIGHT, WIDTH, *place), [])]
         for mixup, cutmix, n in ((0.4, 0, 5), (0, 1, 8), (0.3, 0.6, 9))
         for place in ((7, 3, 0), (7, 3, 1), (7, 4, 1), (8, 3, 0))]  # fmt: skip
pairs = [[float(f"{n:.7g}") for n in row] for row in pairs]
rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in samples)
with open(os.path.join(HERE, "augmentation_golden.json"), "w") as f:
    f.write(f'{{"settings": {json.dumps(SETTINGS)},\n"samples": [\n{rows}\n],\n"pairs": [\n')
    f.write(",\n".join(json.dumps(row, separators=(",", ":")) for row in pairs) + "\n]}\n")
