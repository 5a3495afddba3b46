#!/usr/bin/env python3
"""Writes hugging_face.txt beside it: architecture, name and shape of every tensor of transformers' ResNets.

Run with transformers from PyPI (4.30.2 wrote the file there is).
"""
import os

from transformers import ResNetConfig, ResNetForImageClassification

architectures = {
    "resnet18": {"layer_type": "basic", "depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512]},
    "resnet50": {"layer_type": "bottleneck", "depths": [3, 4, 6, 3], "hidden_sizes": [256, 512, 1024, 2048]},
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "hugging_face.txt"), "w") as out:
    for architecture, arguments in architectures.items():
        model = ResNetForImageClassification(ResNetConfig(num_labels=1000, **arguments))
        for name, tensor in model.state_dict().items():
            out.write(f"{architecture} {name} {','.join(map(str, tensor.shape)) or '-'}\n")
