#!/usr/bin/env python3
"""Depthwise convolutions: bench_conv2d against PyTorch, channels_last, f32, alternating.

Run it with the Python of a PyTorch 2: bench/peers/depthwise.py BIN, where BIN is the folder of bench_conv2d. Prints for
each filter the medians, PyTorch's time over ours (backward: both gradients), and the share of the roof.
"""
import argparse
import json
import os
import statistics
import subprocess
import time

import torch

BATCH, SIZE, CHANNELS = 320, 56, 144  # as in bench/conv2d_bench.cpp


def ours(folder, name):
    """Milliseconds and the share of the roof, by pass."""
    command = [os.path.join(folder, "bench_conv2d"), "--benchmark_format=json", "--benchmark_min_time=0.3",
               f"--benchmark_filter=^(forward|backward_data|backward_weight)/cpu/f32/.*/{name}/real_time$"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    scale = {"ns": 1e-6, "us": 1e-3, "ms": 1}
    return {row["name"].split("/")[0]: (row["real_time"] * scale[row["time_unit"]], row["roof%"])
            for row in report["benchmarks"]}


def theirs(kernel, stride, runs=3):
    def last(*shape):
        return torch.randn(*shape).to(memory_format=torch.channels_last)

    x, w = last(BATCH, CHANNELS, SIZE, SIZE).requires_grad_(), last(CHANNELS, 1, kernel, kernel).requires_grad_()

    def forward():
        return torch.nn.functional.conv2d(x, w, stride=stride, padding=kernel // 2, groups=CHANNELS)

    dy = last(*forward().shape)
    times = {"forward": [], "backward": []}
    for _ in range(runs):
        with torch.no_grad():
            start = time.perf_counter()
            forward()
            times["forward"].append(1e3 * (time.perf_counter() - start))
        y = forward()
        start = time.perf_counter()
        torch.autograd.grad(y, [x, w], dy)
        times["backward"].append(1e3 * (time.perf_counter() - start))
    return {name: min(values) for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bin")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    print(f"PyTorch {torch.__version__}, {args.threads} threads, batch {BATCH}, {SIZE}x{SIZE}x{CHANNELS}, ms")
    print("filter      forward    peer  ratio  roof   backward    peer  ratio")
    for kernel in (3, 5, 7):
        for stride in (1, 2):
            mine, peer = [], []
            for _ in range(args.rounds):
                mine.append(ours(args.bin, f"depthwise{kernel}s{stride}"))
                peer.append(theirs(kernel, stride))
            forward = statistics.median(row["forward"][0] for row in mine)
            roof = statistics.median(row["forward"][1] for row in mine)
            backward = statistics.median(row["backward_data"][0] + row["backward_weight"][0] for row in mine)
            other = {name: statistics.median(row[name] for row in peer) for name in peer[0]}
            print(f"{kernel}x{kernel} /{stride}  {forward:10.1f} {other['forward']:7.1f} {other['forward'] / forward:6.2f} "
                  f"{roof:4.0f}% {backward:10.1f} {other['backward']:7.1f} {other['backward'] / backward:6.2f}", flush=True)


if __name__ == "__main__":
    main()
