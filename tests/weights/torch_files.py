#!/usr/bin/python3
"""torch_files.py --write FOLDER: weight files as PyTorch writes them, in both forms: torchvision's resnet18, and 1,500 small
tensors of every type and kind of view. torch_files.py --check FOLDER: FILE.direct.pth and FILE.back.pth, which pcconvert
made of them, are the same to torch. Exit code 77 where torch or torchvision is absent.
"""
import pathlib
import sys

try:
    import torch
    import torchvision
except ImportError:
    sys.exit(77)

TYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
         torch.uint8, torch.bool]


def resnet():
    state = torchvision.models.resnet18().state_dict()
    for t in state.values():
        t.copy_(torch.randint(1, 1 << 40, t.shape) if t.dtype == torch.int64 else torch.randn(t.shape))
    return state


def many():
    base = torch.randn(4, 6, 5) * 100
    views = [lambda t: t, lambda t: t.permute(2, 0, 1), lambda t: t[1:3, ::2], lambda t: t[2, 3, 4],
             lambda t: t[:, :1].expand(4, 6, 5), lambda t: t[:0], lambda t: torch.nn.Parameter(t, requires_grad=False),
             lambda t: t.clone().contiguous()]
    return {f"group.{i}.näme": views[i % len(views)]((base + i).to(TYPES[i % len(TYPES)])) for i in range(1500)}


def bits(t):
    return t.detach().contiguous().clone().reshape(-1).view(torch.uint8)


def check(original, converted, in_order):
    for weights_only in (False, True):
        a, b = torch.load(original), torch.load(converted, weights_only=weights_only)
        assert (list(a) == list(b)) if in_order else (set(a) == set(b)), converted
        for name in a:
            assert a[name].dtype == b[name].dtype and a[name].shape == b[name].shape, (converted, name)
            assert torch.equal(bits(a[name]), bits(b[name])), (converted, name)
    return len(b)


torch.manual_seed(5)
folder = pathlib.Path(sys.argv[2])
if sys.argv[1] == "--write":
    for name, state in (("resnet", resnet()), ("many", many())):
        torch.save(state, folder / f"{name}.pth")
        torch.save({"epoch": 3, "model": state}, folder / f"{name}_wrapped_stacked.pth", _use_new_zipfile_serialization=False)
else:
    for name in ("resnet", "many"):
        for form in (name, name + "_wrapped_stacked"):
            check(folder / f"{name}.pth", folder / f"{form}.pth.direct.pth", in_order=True)
            print(form, check(folder / f"{name}.pth", folder / f"{form}.pth.back.pth", in_order=False))
    model = torchvision.models.resnet18()
    model.load_state_dict(torch.load(folder / "resnet.pth.back.pth"), strict=True)
