"""For schemathesis (PyPI), which loads this file by $SCHEMATHESIS_HOOKS: valid requests of the kinds that a JSON schema cannot describe.

  pcserve -m model.safetensors --name tiny --port 8080 &
  SCHEMATHESIS_HOOKS=tests/serve/schemathesis_hooks.py schemathesis run http://127.0.0.1:8080/openapi.json --checks all -n 2000

A schema does not say that a tensor's data fill its shape, that base64 is that of an image, or that bytes are an image: such cases that
should be accepted get an image here, in one of the forms of the protocol. All others, and all that should be refused, go as they are.
"""
import base64
import json
import random
import struct
import zlib

import schemathesis


def png(dice):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    width, height = dice.randrange(1, 40), dice.randrange(1, 40)
    rows = b"".join(b"\0" + dice.randbytes(3 * width) for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def image_input(dice, binary):
    shape = [dice.randrange(1, 4), dice.randrange(1, 20), dice.randrange(1, 20), 3]
    data = dice.randbytes(shape[0] * shape[1] * shape[2] * 3)
    tensor = {"name": "image", "datatype": "UINT8", "shape": shape}
    return (tensor | {"parameters": {"binary_data_size": len(data)}}, data) if binary else (tensor | {"data": list(data)}, b"")


def file_input(dice, binary):
    files = [png(dice) for _ in range(dice.randrange(1, 4))]
    tensor = {"name": "file", "datatype": "BYTES", "shape": [len(files)]}
    if not binary:
        return tensor | {"data": [base64.b64encode(file).decode() for file in files]}, b""
    data = b"".join(struct.pack("<I", len(file)) + file for file in files)
    return tensor | {"parameters": {"binary_data_size": len(data)}}, data


@schemathesis.hook
def before_call(context, case, kwargs):
    """Replaces the body of a case that is to be accepted; the rest of the case stays as it was drawn."""
    if case.meta is None or not case.meta.generation.mode.is_positive or case.method != "POST":
        return
    dice = random.Random(repr((case.body, case.query, case.media_type)))
    if case.path.endswith("/predict") and case.media_type == "application/octet-stream":
        case.body = png(dice)
    if case.path.endswith("/infer"):
        binary = case.media_type == "application/octet-stream"
        tensor, data = dice.choice((image_input, file_input))(dice, binary)
        drawn = case.body if isinstance(case.body, dict) else {}
        body = {name: drawn[name] for name in ("id", "outputs", "parameters") if name in drawn} | {"inputs": [tensor]}
        case.headers.pop("Inference-Header-Content-Length", None)
        if binary:
            head = json.dumps(body).encode()
            case.headers["Inference-Header-Content-Length"] = str(len(head))
            body = head + data
        case.body = body
