#!/usr/bin/env python3
"""Classifies one picture with onnxruntime, as pcpredict does: the peer of its cold start.

usage: predict_onnx.py MODEL.onnx PICTURE [TOP_K]

MODEL.onnx is a graph of pcconvert without --pixels; labels and preprocessing are read from its metadata.
"""
import json
import sys

import numpy
import onnxruntime
from PIL import Image, ImageOps

top_k = int(sys.argv[3]) if len(sys.argv) > 3 else 5
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 2
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
model = json.loads(session.get_modelmeta().custom_metadata_map["pc.model"])
fit = model["preprocess"]
image = ImageOps.exif_transpose(Image.open(sys.argv[2])).convert("RGB")
image = image.resize((fit["width"], fit["height"]), Image.Resampling.BILINEAR)  # PIL antialiases when reducing
x = (numpy.asarray(image, numpy.float32) / 255 - numpy.float32(fit["mean"])) / numpy.float32(fit["std"])
x = x.transpose(2, 0, 1)[None]
for head, logits in zip(model["heads"], session.run([head["name"] for head in model["heads"]], {"input": x})):
    p = numpy.exp(logits[0] - logits[0].max())
    p /= p.sum()
    for label in p.argsort()[::-1][:top_k]:
        print(f"{head['labels'][label]:20} {100 * p[label]:5.1f} %")
