#!/usr/bin/python3
"""load_elsewhere.py torchvision|timm MODEL INPUT:N,3,H,W OUT CLASSES [HEAD]: logits of a model trained here in other libraries.

The lines that load are those of tools/docs/export.md. MODEL is what pcconvert made for torchvision (.pth), the model file itself
for timm. With HEAD the model has several, and this one becomes `fc`. Exit code 77 where the library is absent.
"""
import sys

library, path, given, out, classes = sys.argv[1:6]
classes = int(classes)
head = sys.argv[6] if len(sys.argv) > 6 else None
try:
    import numpy
    import torch
    if library == "timm":
        import timm
        import safetensors.torch
    else:
        import torchvision
except ImportError:
    sys.exit(77)

if library == "torchvision":
    model = torchvision.models.resnet18(num_classes=classes)
    model.load_state_dict(torch.load(path), strict=True)
elif not head:
    model = timm.create_model("resnet18", num_classes=classes, checkpoint_path=path)
else:
    state = safetensors.torch.load_file(path)
    model = timm.create_model("resnet18", num_classes=classes)
    left = model.load_state_dict({k.replace(f"heads.{head}.", "fc."): v for k, v in state.items()}, strict=False)
    assert not left.missing_keys and all(k.startswith("heads.") for k in left.unexpected_keys), left

model.eval()
source, shape = given.rsplit(":", 1)
x = torch.from_numpy(numpy.fromfile(source, numpy.float32).reshape([int(size) for size in shape.split(",")]))
with torch.no_grad():
    model(x).numpy().astype(numpy.float32).tofile(out)
