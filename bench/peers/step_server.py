#!/usr/bin/env python3
"""Training steps of torchvision's ResNet18 in PyTorch, by request: the peer that bench/peers/gpu_steps.py alternates with bench_step.

A compiled model takes minutes to make, so the process stays: it prints one line of JSON when it is warm, then answers every line of
stdin, a number of seconds, with one line of JSON for a slice of so long. Inputs lie on the device; nothing waits within a slice.
"""
import argparse
import json
import sys
import time

import torch
import torchvision


class Step:
    def __init__(self, args):
        self.cuda = args.device == "cuda"
        self.dtype = {"bf16": torch.bfloat16, "f16": torch.float16}[args.dtype]
        self.device = args.device
        torch.manual_seed(1)
        torch.backends.cudnn.benchmark = True
        model = torchvision.models.resnet18(num_classes=args.classes).train().to(args.device, memory_format=torch.channels_last)
        decayed = [p for p in model.parameters() if p.dim() > 1]
        plain = [p for p in model.parameters() if p.dim() <= 1]
        best = {"fused": True} if self.cuda else {"foreach": True}
        self.optimizer = torch.optim.SGD([{"params": decayed, "weight_decay": 1e-4}, {"params": plain, "weight_decay": 0}],
                                         lr=0.01, momentum=0.9, nesterov=True, **best)
        self.criterion = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
        self.model = model
        self.forward = torch.compile(self.loss, mode=args.compile) if args.compile else self.loss
        # GradScaler as PyTorch's own recipe for f16 has it; its class moved in torch 2.3.
        scaled = self.cuda and args.dtype == "f16"
        moved = hasattr(torch, "amp") and hasattr(torch.amp, "GradScaler")
        self.scaler = torch.amp.GradScaler("cuda", enabled=scaled) if moved else torch.cuda.amp.GradScaler(enabled=scaled)
        # In the type that the network computes in, as bench_step's input is: autocast has nothing to cast.
        self.x = torch.randn(args.batch, 3, args.height, args.width, device=args.device).to(self.dtype, memory_format=torch.channels_last)
        self.target = torch.randint(args.classes, (args.batch,), device=args.device)

    def loss(self, x, target):
        with torch.autocast(self.device, dtype=self.dtype):
            logits = self.model(x)
        return self.criterion(logits.float(), target)

    def run(self):
        if hasattr(torch, "compiler") and hasattr(torch.compiler, "cudagraph_mark_step_begin"):
            torch.compiler.cudagraph_mark_step_begin()
        loss = self.forward(self.x, self.target)
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)

    def wait(self):
        if self.cuda:
            torch.cuda.synchronize()


def measure(step, batch, seconds):
    """Groups of steps, timed from wait to wait; the median group counts."""
    times = []
    begin = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < seconds:
        step.wait()
        start = time.perf_counter()
        for _ in range(10 if step.cuda else 1):
            step.run()
        step.wait()
        times.append((time.perf_counter() - start) / (10 if step.cuda else 1))
    median = sorted(times)[len(times) // 2]
    return {"img_per_s": batch / median, "ms": 1e3 * median, "groups": len(times)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--dtype", choices=["bf16", "f16"], default="bf16")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--height", type=int, default=224)
    parser.add_argument("--width", type=int, default=224)
    parser.add_argument("--classes", type=int, default=7)
    parser.add_argument("--compile", metavar="MODE", help="torch.compile's mode, such as max-autotune (with CUDA graphs)")
    args = parser.parse_args()
    begin = time.perf_counter()
    step = Step(args)
    for _ in range(12 if step.cuda else 2):
        step.run()
    step.wait()
    print(json.dumps({"ready": time.perf_counter() - begin, "torch": torch.__version__,
                      "cudnn": torch.backends.cudnn.version()}), flush=True)
    for line in sys.stdin:
        print(json.dumps(measure(step, args.batch, float(line))), flush=True)


if __name__ == "__main__":
    main()
