#!/usr/bin/python3
"""Writes the .pth files beside it, and expected.txt: name, dtype, shape and bytes (hex) of every tensor as torch sees it.
Each file that is read exists a second time below stacked/, in the older form of torch.save.

Run with Debian's python3-torch 1.13. The bytes of a file depend on torch's version, the tensors do not.
"""
import collections
import copy
import os

import torch

here = os.path.dirname(os.path.abspath(__file__))
expected = open(os.path.join(here, "expected.txt"), "w")
types = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
         torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}


def save(file, value, tensors):
    torch.save(value, os.path.join(here, file))
    torch.save(value, os.path.join(here, "stacked", file), _use_new_zipfile_serialization=False)
    for name, t in tensors.items():
        t = t.detach().contiguous().clone()
        data = bytes(t.flatten().view(torch.uint8).tolist()) if t.dim() else bytes(t.reshape(1).view(torch.uint8).tolist())
        shape = ",".join(map(str, t.shape)) or "-"
        expected.write(f"{file} {name} {types[t.dtype]} {shape} {data.hex() or '-'}\n")


os.makedirs(os.path.join(here, "stacked"), exist_ok=True)
torch.manual_seed(7)
net = torch.nn.Sequential(collections.OrderedDict(conv=torch.nn.Conv2d(3, 4, 3), bn=torch.nn.BatchNorm2d(4)))
state = net.state_dict()
save("plain.pth", state, state)
save("wrapped.pth", {"epoch": 3, "best": 0.5, "state_dict": state, "names": ["a", "b"], "none": None, "ok": True}, state)
save("ema.pth", {"model": {"w": torch.zeros(2)}, "model_ema": {"w": torch.ones(2)}}, {"w": torch.ones(2)})
trained = copy.deepcopy(net)
optimizer = torch.optim.SGD(trained.parameters(), lr=0.1, momentum=0.9)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)
trained(torch.ones(2, 3, 4, 4)).sum().backward()
optimizer.step()
schedule.step()
training = trained.state_dict()
save("training.pth", {"epoch": 7, "best_acc1": 81.25, "args": {"lr": 0.1, "data": "photos", "resume": None}, "seed": 2**40,
                      "model": training, "optimizer": optimizer.state_dict(), "lr_scheduler": schedule.state_dict()},
     training)
averaged = collections.OrderedDict(("module._orig_mod." + k, v) for k, v in state.items())
save("averaged.pth", {"model": {"w": torch.zeros(2)}, "model_ema": {"n_averaged": torch.tensor(5), **averaged}}, state)
save("module.pth", collections.OrderedDict(("module." + k, v) for k, v in state.items()), state)

base = torch.arange(24.0)
views = {
    "transposed": base.view(4, 6).t(),
    "sliced": base.view(4, 6)[1:3, ::2],
    "permuted": base.view(2, 3, 4).permute(2, 0, 1),
    "expanded": torch.arange(3.0).view(3, 1).expand(3, 4),
    "tail": base[20:],
    "channels_last": torch.arange(120.0).view(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
}
save("views.pth", views, views)
tied = torch.randn(5, 2)
shared = {"embed.weight": tied, "head.weight": tied, "row": tied[3]}
save("shared.pth", shared, shared)
dtypes = {
    "f64": torch.tensor([1.5, -2.25, float("inf")], dtype=torch.float64),
    "f16": torch.tensor([0.1, -65504.0, 6e-8, float("nan")]).half(),
    "bf16": torch.tensor([0.1, -3e38, 1e-40]).bfloat16(),
    "i64": torch.tensor([-(2**62), 3]),
    "i32": torch.tensor([[-5], [7]], dtype=torch.int32),
    "i16": torch.tensor([-300, 300], dtype=torch.int16),
    "i8": torch.tensor([-128, 127], dtype=torch.int8),
    "u8": torch.tensor([0, 255], dtype=torch.uint8),
    "bool": torch.tensor([True, False, True]),
    "scalar": torch.tensor(42),
    "empty": torch.zeros(0, 3),
}
save("dtypes.pth", dtypes, dtypes)
parameters = dict(net.named_parameters())
save("parameters.pth", parameters, parameters)
one = {"w": torch.ones(2, 2)}
save("one.pth", one, one)

# Files that are refused.
torch.save(torch.nn.Linear(2, 2), os.path.join(here, "whole_model.pth"))
torch.save(one, os.path.join(here, "protocol4.pth"), pickle_protocol=4)
torch.jit.save(torch.jit.script(torch.nn.ReLU()), os.path.join(here, "script.pth"))
