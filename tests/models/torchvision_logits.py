#!/usr/bin/python3
"""torchvision_logits.py MODEL.safetensors ARCHITECTURE SEED N H W: torchvision's logits of a file of ours as JSON.

Loads with strict=True. Exit 77: no torch or torchvision here.
"""
import json
import struct
import sys

try:
    import torch
    import torchvision
except ImportError:
    sys.exit(77)

import formula


def read_safetensors(path):
    """F32 tensors by name."""
    with open(path, "rb") as f:
        (length,) = struct.unpack("<Q", f.read(8))
        header, data = json.loads(f.read(length)), f.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, t in header.items():
        assert t["dtype"] == "F32", name
        begin, end = t["data_offsets"]
        tensors[name] = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.float32).reshape(t["shape"])
    return tensors


path, architecture = sys.argv[1:3]
seed, n, h, w = map(int, sys.argv[3:])
state = read_safetensors(path)
model = getattr(torchvision.models, architecture)(weights=None, num_classes=state["fc.bias"].numel())
counters = {k: v for k, v in model.state_dict().items() if k.endswith("num_batches_tracked")}
model.load_state_dict({**state, **counters}, strict=True)
with torch.no_grad():
    print(json.dumps(model.eval()(torch.from_numpy(formula.pictures(seed, n, h, w))).tolist()))
