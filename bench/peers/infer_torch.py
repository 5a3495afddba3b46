#!/usr/bin/env python3
"""Inference of torchvision's ResNet18 in PyTorch, the peer of bench_infer: of every good way it has the best counts.

Prints one line of JSON: ms and img_per_s of the best way, its name, and the median of each.
"""
import argparse
import json
import resource
import statistics
import time
import warnings

import torch
import torchvision


def frozen(model, x, optimize):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.freeze(torch.jit.trace(model, x))
        return torch.jit.optimize_for_inference(traced) if optimize else traced


def ways(dtype, x):
    """Name -> (callable, input). The model is in evaluation mode, with batch statistics that are not trivial."""
    torch.manual_seed(1)
    model = torchvision.models.resnet18().eval()
    last = torchvision.models.resnet18().eval().to(memory_format=torch.channels_last)
    x_last = x.to(memory_format=torch.channels_last)
    if dtype == "f32":
        return {"jit": (frozen(model, x, True), x), "jit channels_last": (frozen(last, x_last, True), x_last)}
    model, last, x, x_last = model.bfloat16(), last.bfloat16(), x.bfloat16(), x_last.bfloat16()
    return {"jit": (frozen(model, x, False), x), "jit channels_last": (frozen(last, x_last, False), x_last),
            "eager channels_last": (last, x_last)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--height", type=int, default=80)
    parser.add_argument("--width", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--cpu-time", action="store_true", help="processor time instead of wall time")
    args = parser.parse_args()
    clock = time.process_time if args.cpu_time else time.perf_counter
    torch.set_num_threads(args.threads)
    times = {}
    with torch.inference_mode():
        candidates = ways(args.dtype, torch.randn(args.batch, 3, args.height, args.width))
        for model, x in candidates.values():
            for _ in range(3):
                model(x)
        begin = clock()
        while clock() - begin < args.seconds or min(map(len, times.values())) < 3:
            for name, (model, x) in candidates.items():
                for _ in range(3):
                    start = clock()
                    model(x)
                    times.setdefault(name, []).append(clock() - start)
    medians = {name: 1e3 * statistics.median(values) for name, values in times.items()}
    best = min(medians, key=medians.get)
    print(json.dumps({"ms": medians[best], "img_per_s": 1e3 * args.batch / medians[best], "way": best, "all": medians,
                      "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
