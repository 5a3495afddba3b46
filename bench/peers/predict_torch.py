#!/usr/bin/python3
"""Classifies one picture with PyTorch, as pcpredict does: the peer of its cold start.

usage: predict_torch.py WEIGHTS.pth PICTURE HEIGHT WIDTH [TOP_K]

WEIGHTS.pth is a torchvision ResNet18 state dict (torch.save); the number of classes is read from its "fc.weight".
"""
import sys

import torch
import torchvision
from PIL import Image, ImageOps
from torchvision.transforms import functional as T

weights, picture, height, width = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
top_k = int(sys.argv[5]) if len(sys.argv) > 5 else 5

torch.set_num_threads(2)
torch.set_grad_enabled(False)
state = torch.load(weights, map_location="cpu")
model = torchvision.models.resnet18(num_classes=len(state["fc.weight"]))
model.load_state_dict(state)
model.eval()
image = ImageOps.exif_transpose(Image.open(picture)).convert("RGB")
x = T.resize(T.to_tensor(image), [height, width], antialias=True)
x = T.normalize(x, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]).unsqueeze(0)
p, label = torch.softmax(model(x)[0], 0).topk(top_k)
for a, b in zip(p.tolist(), label.tolist()):
    print(f"{b:5d} {100 * a:5.1f} %")
