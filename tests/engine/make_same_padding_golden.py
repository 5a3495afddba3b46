#!/usr/bin/python3
"""Writes same_padding_golden.json beside itself: the padding "SAME" of TensorFlow on one axis.

By the two cases of its documentation (tf.nn, "Notes on padding"): with an input size that the stride divides, the sum
of both sides is max(kernel - stride, 0), else max(kernel - size % stride, 0); the odd one goes to the end.
Each row: size, kernel, stride, size of the result, zeros before, zeros after.
"""
import json
import os

rows = []
for size in range(1, 13):
    for kernel in (1, 2, 3, 4, 5, 7):
        for stride in (1, 2, 3):
            rest = size % stride
            total = max(kernel - (rest if rest else stride), 0)
            result = len(range(0, size, stride))
            rows.append([size, kernel, stride, result, total // 2, total - total // 2])

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "same_padding_golden.json"), "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
