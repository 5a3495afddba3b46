#!/usr/bin/python3
"""read_safetensors.py MODEL.pth MODEL.safetensors: torchvision's resnet18 takes the converted file, strict, equal to the bit.

Reads safetensors by itself, since Debian has no package for it. Exit code 77 where torch or torchvision is absent.
With --write MODEL.pth it writes the file that is converted: every buffer and parameter filled with numbers of its own.
"""
import json
import struct
import sys

try:
    import torch
    import torchvision
except ImportError:
    sys.exit(77)

torch.manual_seed(5)
model = torchvision.models.resnet18()
if sys.argv[1] == "--write":
    for name, t in model.state_dict().items():
        t.copy_(torch.randint(1, 1 << 40, t.shape) if t.dtype == torch.int64 else torch.randn(t.shape))
    torch.save(model.state_dict(), sys.argv[2])
    sys.exit(0)

data = open(sys.argv[2], "rb").read()
length = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + length])
assert header.pop("__metadata__")["format"] == "pt"
types = {"F32": torch.float32, "I64": torch.int64}
state = {}
for name, entry in header.items():
    begin, end = entry["data_offsets"]
    raw = bytearray(data[8 + length + begin:8 + length + end])
    state[name] = torch.frombuffer(raw, dtype=types[entry["dtype"]]).reshape(entry["shape"])

model.load_state_dict(state, strict=True)
original = torch.load(sys.argv[1])
assert set(original) == set(state)
for name, t in model.state_dict().items():
    assert t.dtype == original[name].dtype and torch.equal(t, original[name]), name
print(f"{len(state)} tensors equal")
