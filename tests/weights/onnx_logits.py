#!/usr/bin/python3
"""onnx_logits.py MODEL.onnx [INPUT:N,H,W,C]…: what onnxruntime makes of raw inputs.

Each INPUT holds the bytes of one tensor of that shape, in the type that the model takes. Its outputs become
INPUT.NAME, f32, row-major, one file per output. onnx.checker looks at the model first, where the package is there.
Prints the model's outputs and metadata as one JSON object. Exit code 77 where onnxruntime is absent.
"""
import json
import sys

try:
    import numpy
    import onnxruntime
except ImportError:
    sys.exit(77)
try:
    import onnx
except ImportError:
    onnx = None

if onnx:
    onnx.checker.check_model(sys.argv[1], full_check=True)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 2
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
entry = session.get_inputs()[0]
dtype = numpy.uint8 if entry.type == "tensor(uint8)" else numpy.float32
names = [output.name for output in session.get_outputs()]
for argument in sys.argv[2:]:
    path, shape = argument.rsplit(":", 1)
    x = numpy.fromfile(path, dtype).reshape([int(size) for size in shape.split(",")])
    for name, y in zip(names, session.run(names, {entry.name: x})):
        y.astype(numpy.float32).tofile(f"{path}.{name}")
print(json.dumps({"input": entry.name, "shape": entry.shape, "outputs": names, "checked": onnx is not None,
                  "metadata": session.get_modelmeta().custom_metadata_map}))
