#!/usr/bin/python3
"""Writes engine_golden.json beside itself: five steps of torch's optimizers and the rates of its OneCycleLR."""
import json
import os

import torch

W, B = [[0.5, -1.25, 2.0], [0.75, 0.125, -0.375]], [1.0, -2.0]


def five_steps(make):
    """Weights after each of five steps; the gradient of element i in step t is ((7 i + 3 t) % 11 - 5) / 4."""
    w, b = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (W, B))
    optimizer, steps = make(w, b), []
    for t in range(5):
        for p in (w, b):
            p.grad = (((7 * torch.arange(p.numel()) + 3 * t) % 11 - 5) / 4).double().reshape(p.shape)
        optimizer.step()
        steps.append({"w": w.flatten().tolist(), "b": b.tolist()})
    return steps


def groups(w, b, decay):
    return [{"params": [w], "weight_decay": decay}, {"params": [b], "weight_decay": 0}]


def one_cycle(peak, steps, share):
    p = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([p], lr=1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, peak, total_steps=steps, pct_start=share, cycle_momentum=False
    )
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(rates) < steps:
            schedule.step()
    return {"peak": peak, "steps": steps, "warm_up": share, "rates": rates}


golden = {
    "sgd": five_steps(lambda w, b: torch.optim.SGD(groups(w, b, 0.01), lr=0.1, momentum=0.9)),
    "nesterov": five_steps(lambda w, b: torch.optim.SGD(groups(w, b, 0.01), lr=0.1, momentum=0.9, nesterov=True)),
    "plain": five_steps(lambda w, b: torch.optim.SGD(groups(w, b, 0), lr=0.1)),
    "adamw": five_steps(lambda w, b: torch.optim.AdamW(groups(w, b, 0.1), lr=0.05, betas=(0.8, 0.95), eps=1e-6)),
    "one_cycle": [one_cycle(0.1, 20, 0.25), one_cycle(0.4, 37, 0.3), one_cycle(1.0, 8, 0.5)],
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "engine_golden.json"), "w") as f:
    f.write("{\n" + ",\n".join(f'"{k}": {json.dumps(v)}' for k, v in golden.items()) + "\n}\n")
