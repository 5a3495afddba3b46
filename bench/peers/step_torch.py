#!/usr/bin/env python3
"""One training step of torchvision's ResNet18 in PyTorch, the peer of bench_step: same batch, optimizer and loss.

Prints one line of JSON: img_per_s (median step), peak_mib (ru_maxrss), final loss.
"""
import argparse
import json
import resource
import statistics
import time

import torch
import torchvision


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--height", type=int, default=80)
    parser.add_argument("--width", type=int, default=60)
    parser.add_argument("--classes", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--phases", action="store_true", help="also print the time of each phase")
    parser.add_argument("--profile", action="store_true", help="print PyTorch's own table of operators instead")
    parser.add_argument("--cpu-time", action="store_true", help="processor time instead of wall time")
    args = parser.parse_args()
    clock = time.process_time if args.cpu_time else time.perf_counter
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)

    model = torchvision.models.resnet18(num_classes=args.classes).train().to(memory_format=torch.channels_last)
    decayed = [p for p in model.parameters() if p.dim() > 1]
    plain = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.SGD([{"params": decayed, "weight_decay": 1e-4}, {"params": plain, "weight_decay": 0}],
                                lr=0.01, momentum=0.9, nesterov=True, foreach=True)
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    x = torch.randn(args.batch, 3, args.height, args.width).to(memory_format=torch.channels_last)
    target = torch.randint(args.classes, (args.batch,))
    marks = {"forward": [], "backward": [], "update": []}

    def step():
        begin = clock()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.dtype == "bf16"):
            logits = model(x)
        loss = criterion(logits.float(), target)
        forward = clock()
        loss.backward()
        backward = clock()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        end = clock()
        marks["forward"].append(forward - begin)
        marks["backward"].append(backward - forward)
        marks["update"].append(end - backward)
        return loss.item()

    for _ in range(2):
        step()
    if args.profile:
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            for _ in range(4):
                step()
        print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=25))
        return
    for values in marks.values():
        values.clear()
    times = []
    begin = clock()
    while len(times) < 3 or clock() - begin < args.seconds:
        start = clock()
        loss = step()
        times.append(clock() - start)
    median = statistics.median(times)
    result = {"img_per_s": args.batch / median, "ms": 1e3 * median, "steps": len(times), "loss": loss,
              "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    if args.phases:
        result.update({name + "_ms": 1e3 * statistics.median(values) for name, values in marks.items()})
    print(json.dumps(result))


if __name__ == "__main__":
    main()
