#!/usr/bin/env python3
"""Inference of a graph of pcconvert in onnxruntime, the peer of bench_infer.

usage: infer_onnx.py MODEL.onnx [--batch 1] [--threads 2] [--seconds 3] [--cpu-time]

Prints one line of JSON: ms (median) and img_per_s.
"""
import argparse
import json
import statistics
import time

import numpy
import onnxruntime


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--cpu-time", action="store_true", help="processor time instead of wall time")
    args = parser.parse_args()
    clock = time.process_time if args.cpu_time else time.perf_counter
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    session = onnxruntime.InferenceSession(args.model, options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    shape = [args.batch, *entry.shape[1:]]
    x = {entry.name: numpy.random.default_rng(1).standard_normal(shape, numpy.float32)}
    for _ in range(3):
        session.run(None, x)
    times = []
    begin = clock()
    while clock() - begin < args.seconds or len(times) < 3:
        start = clock()
        session.run(None, x)
        times.append(clock() - start)
    ms = 1e3 * statistics.median(times)
    print(json.dumps({"ms": ms, "img_per_s": 1e3 * args.batch / ms, "version": onnxruntime.__version__}))


if __name__ == "__main__":
    main()
