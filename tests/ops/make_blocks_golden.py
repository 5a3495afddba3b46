#!/usr/bin/python3
"""Writes blocks_golden.json beside itself: PyTorch's forward and backward pass, in f64, of three blocks of networks.

Every tensor is stored in our layout: maps NHWC, filters KRSC. Inputs are not stored but made by the formula of values();
L = sum of y * values(0, ...).
"""
import json
import os

import torch
import torch.nn.functional as F


def values(seed, count, scale=1.0, shift=0.0):
    """Multiples of 2^-23 in [-1, 1), times a power of two: blocks_test.cpp makes the same."""
    numbers = []
    for i in range(count):
        h = (i * 2654435761 + seed * 2246822519 + 1) % 2**32
        h ^= h >> 15
        h = h * 3266489917 % 2**32
        h ^= h >> 13
        numbers.append(((h >> 8) / 2**23 - 1) * scale + shift)
    return numbers


def nchw(t):
    return t.permute(0, 3, 1, 2) if t.dim() == 4 else t


def nhwc(t):
    return t.permute(0, 2, 3, 1) if t.dim() == 4 else t


def norm(p, name, x, eps):
    return F.batch_norm(x, None, None, p[name + ".weight"], p[name + ".bias"], training=True, eps=eps)


def separable(p):
    """MobileNetV1 (Howard et al. 2017): a depthwise convolution, then a pointwise one, each with norm and ReLU."""
    y = F.relu(norm(p, "norm1", F.conv2d(p["x"], p["depthwise"], stride=2, padding=1, groups=8), 1e-5))
    return F.relu(norm(p, "norm2", F.conv2d(y, p["pointwise"]), 1e-5))


def mbconv(p):
    """EfficientNet (Tan & Le, ICML 2019): an inverted bottleneck with squeeze-and-excite (Hu et al., CVPR 2018)."""
    y = F.silu(norm(p, "norm1", F.conv2d(p["x"], p["expand"]), 1e-3))
    y = F.silu(norm(p, "norm2", F.conv2d(y, p["depthwise"], padding=2, groups=32), 1e-3))
    squeezed = y.mean((2, 3))
    gate = F.silu(F.linear(squeezed, p["squeeze.weight"], p["squeeze.bias"]))
    gate = torch.sigmoid(F.linear(gate, p["excite.weight"], p["excite.bias"]))
    return p["x"] + norm(p, "norm3", F.conv2d(y * gate[:, :, None, None], p["project"]), 1e-3)


def convnext(p):
    """ConvNeXt (Liu et al., CVPR 2022): 7x7 depthwise, layer norm, two linear layers with GELU, layer scale."""
    y = F.conv2d(p["x"], p["depthwise.weight"], p["depthwise.bias"], padding=3, groups=8).permute(0, 2, 3, 1)
    y = F.layer_norm(y, (8,), p["norm.weight"], p["norm.bias"], eps=1e-6)
    y = F.gelu(F.linear(y, p["linear1.weight"], p["linear1.bias"]))
    y = p["scale"] * F.linear(y, p["linear2.weight"], p["linear2.bias"])
    return p["x"] + y.permute(0, 3, 1, 2)


def norm_inputs(name, channels):
    return [(name + ".weight", [channels], 0.25, 1), (name + ".bias", [channels], 0.25, 0)]


X = ("x", [2, 7, 6, 8], 1, 0)
BLOCKS = {
    separable: [X, ("depthwise", [8, 3, 3, 1], 0.5, 0), *norm_inputs("norm1", 8),
                ("pointwise", [12, 1, 1, 8], 0.5, 0), *norm_inputs("norm2", 12)],
    mbconv: [X, ("expand", [32, 1, 1, 8], 0.5, 0), *norm_inputs("norm1", 32),
             ("depthwise", [32, 5, 5, 1], 0.25, 0), *norm_inputs("norm2", 32),
             ("squeeze.weight", [4, 32], 0.5, 0), ("squeeze.bias", [4], 0.25, 0),
             ("excite.weight", [32, 4], 0.5, 0), ("excite.bias", [32], 0.25, 0),
             ("project", [8, 1, 1, 32], 0.25, 0), *norm_inputs("norm3", 8)],
    convnext: [X, ("depthwise.weight", [8, 7, 7, 1], 0.25, 0), ("depthwise.bias", [8], 0.25, 0),
               *norm_inputs("norm", 8), ("linear1.weight", [32, 8], 0.5, 0), ("linear1.bias", [32], 0.25, 0),
               ("linear2.weight", [8, 32], 0.25, 0), ("linear2.bias", [8], 0.25, 0), ("scale", [8], 0.5, 0)],
}


def golden(block, inputs):
    leaves = {}
    for seed, (name, shape, scale, shift) in enumerate(inputs, 1):
        count = int(torch.tensor(shape).prod())
        t = torch.tensor(values(seed, count, scale, shift), dtype=torch.float64).reshape(shape)
        leaves[name] = t.requires_grad_()
    y = nhwc(block({name: nchw(t) for name, t in leaves.items()}))
    (y * torch.tensor(values(0, y.numel()), dtype=torch.float64).reshape(y.shape)).sum().backward()

    def rounded(t):
        return [float(f"{v:.9g}") for v in t.flatten().tolist()]

    return {
        "inputs": [
            {"name": name, "shape": shape, "scale": scale, "shift": shift, "gradient": rounded(leaves[name].grad)}
            for name, shape, scale, shift in inputs
        ],
        "y": rounded(y.detach()),
    }


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "blocks_golden.json"), "w") as f:
    rows = (f'"{block.__name__}": {json.dumps(golden(block, inputs))}' for block, inputs in BLOCKS.items())
    f.write("{\n" + ",\n".join(rows) + "\n}\n")
