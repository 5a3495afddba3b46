#!/usr/bin/python3
"""kserve.py BIN MODEL PICTURE: KServe v2 as its clients speak it: JSON and binary tensors, with and without the version.

Bytes are taken apart here as the protocol's document says, and compared with the JSON form's numbers. Where Python has tritonclient
(pip install tritonclient[http]; run this script with that Python), the same is asked through it. Exit code 0: held.
"""
import base64
import json
import struct
import sys
import zlib
from pathlib import Path

from serving import Client, Server, check, end, failures, png

bin_folder, model, picture = sys.argv[1:4]
photo = Path(picture).read_bytes()
LENGTH = "inference-header-content-length"
SIZES = {"FP32": "f", "FP64": "d"}
H, W = 5, 4
PIXELS = bytes(zlib.crc32(bytes([i])) & 255 for i in range(2 * H * W * 3))


def file_input(data):
    return {"name": "file", "datatype": "BYTES", "shape": [1], **data}


def outputs_of(reply):
    """name -> (type, shape, values), whichever form each output has; all bytes belong to one of them."""
    at = int(reply.fields.get(LENGTH, len(reply.body)))
    check((LENGTH in reply.fields) == (reply.fields["content-type"] == "application/octet-stream"), "the media type does not tell the form")
    found = {}
    for output in json.loads(reply.body[:at])["outputs"]:
        values = output.get("data")
        if values is None:
            size = output["parameters"]["binary_data_size"]
            data, at = reply.body[at:at + size], at + size
            if output["datatype"] == "BYTES":
                values = []
                while data:
                    length, = struct.unpack("<I", data[:4])
                    values.append(data[4:4 + length].decode())
                    data = data[4 + length:]
            else:
                values = list(struct.unpack(f"<{size // struct.calcsize(SIZES[output['datatype']])}{SIZES[output['datatype']]}", data))
        found[output["name"]] = output["datatype"], output["shape"], values
    check(at in (len(reply.body), int(reply.fields.get(LENGTH, -1))), "bytes after the last output")
    return found


def infer(client, body, binary=b"", path="/v2/models/tiny/infer", **fields):
    head = json.dumps(body).encode()
    if binary:
        fields["inference_header_content_length"] = len(head)
    return client.ask("POST", path, head + binary, **fields)


def forms(client):
    """Every form of the request and of the answer says the same."""
    coded = base64.b64encode(photo).decode()
    packed = struct.pack("<I", len(photo)) + photo
    image = {"name": "image", "datatype": "UINT8", "shape": [2, H, W, 3]}
    pairs = {"file": ((file_input({"data": [coded]}), b""), (file_input({"parameters": {"binary_data_size": len(packed)}}), packed)),
             "image": ((image | {"data": list(PIXELS)}, b""), (image | {"parameters": {"binary_data_size": len(PIXELS)}}, PIXELS))}
    for name, inputs in pairs.items():
        first = None
        for tensor, binary in inputs:
            for path in ("/v2/models/tiny/infer", "/v2/models/tiny/versions/1/infer"):
                for kind in (None, "application/json", "application/octet-stream"):
                    for parameters in ({}, {"binary_data_output": True}, {"binary_data_output": False}):
                        reply = infer(client, {"id": "a7", "inputs": [tensor], "parameters": parameters}, binary, path, content_type=kind)
                        what = f"{name} to {path} as {kind} with {parameters}: "
                        if reply.status != 200:
                            failures.append(what + reply.body.decode())
                            continue
                        check((LENGTH in reply.fields) == parameters.get("binary_data_output", False), what + "the other form")
                        found = outputs_of(reply)
                        first = first or found
                        check(found == first, what + "other numbers")
        # Outputs one by one: the request's parameter holds for those that do not say.
        names = list(first)
        asked = [{"name": names[0], "parameters": {"binary_data": True}}, {"name": names[2]},
                 {"name": names[1], "parameters": {"binary_data": False}}]
        for usual in (True, False):
            reply = infer(client, {"inputs": [inputs[0][0]], "outputs": asked, "parameters": {"binary_data_output": usual}})
            found, at = outputs_of(reply), int(reply.fields[LENGTH])
            check(list(found) == [names[0], names[2], names[1]] and all(found[n] == first[n] for n in found), f"{name}: some outputs")
            check(["data" in o for o in json.loads(reply.body[:at])["outputs"]] == [False, not usual, True], f"{name}: forms of some outputs")


def metadata(client):
    plain, versioned = (client.ask("GET", "/v2/models/tiny" + v).json() for v in ("", "/versions/1"))
    check(plain == versioned and plain["versions"] == ["1"], "metadata of the version")
    check(client.ask("GET", "/v2").json()["extensions"] == ["binary_tensor_data"], "extensions")
    for path in ("/v2/models/tiny/ready", "/v2/models/tiny/versions/1/ready"):
        check(client.ask("GET", path).status == 200, path)
    for path in ("/v2/models/tiny/versions/2", "/v2/models/tiny/versions/2/ready", "/v2/models/other/ready"):
        reply = client.ask("GET", path)
        check(reply.status == 404 and "tiny" in reply.json()["error"], f"{path}: {reply.status} {reply.body}")
    return plain


def errors(client):
    """What is not understood is refused with a reason, not passed over."""
    tensor = {"name": "image", "datatype": "UINT8", "shape": [1, 1, 1, 3], "data": [1, 2, 3]}
    without = {k: v for k, v in tensor.items() if k != "data"}
    for body, binary in (
            ({"inputs": [tensor], "outputs": [{"name": "kind", "parameters": {"classification": 2}}]}, b""),
            ({"inputs": [tensor], "outputs": [{"name": "kind", "parameters": {"shared_memory_region": "r"}}]}, b""),
            ({"inputs": [tensor], "outputs": [{"parameters": {}}]}, b""),
            ({"inputs": [tensor], "outputs": {}}, b""), ({"inputs": [tensor], "parameters": [1]}, b""), ({"inputs": [tensor], "parameterss": {}}, b""),
            ({"inputs": [tensor], "parameters": {"binary_data_output": "yes"}}, b""), ({"inputs": [[tensor]]}, b""),
            ({"inputs": [without]}, b"abc"), ({"inputs": [tensor]}, b"abc"),
            ({"inputs": [tensor | {"parameters": {"binary_data_size": 3}}]}, b"abc"),
            ({"inputs": [without | {"parameters": {"binary_data_size": 2}}]}, b"abc"),
            ({"inputs": [without | {"parameters": {"binary_data_size": 2}}]}, b"ab"),
            ({"inputs": [without | {"parameters": {"binary_data_size": "3"}}]}, b"abc"),
            ({"inputs": [without | {"parameters": {"binary_data_size": 3}}]}, b"")):
        reply = infer(client, body, binary)
        check(reply.status == 400 and set(reply.json()) == {"error"}, f"{body} and {binary}: {reply.status} {reply.body[:200]}")
    reply = infer(client, {"inputs": [file_input({"parameters": {"binary_data_size": 7}})]}, struct.pack("<I", 3) + b"abc")
    check(reply.status == 422, f"a binary file that is no image: {reply.status} {reply.body}")
    reply = infer(client, {"inputs": [tensor], "parameters": {"priority": 1, "timeout": {"a": [1.5, None]}}})
    check(reply.status == 200, f"parameters that change nothing: {reply.body}")


def through_tritonclient(port, names):
    try:
        import numpy
        import tritonclient.http as triton
        from tritonclient.utils import InferenceServerException
    except ImportError:
        print("tritonclient absent: only the protocol as its document has it was tried")
        return
    client = triton.InferenceServerClient(f"127.0.0.1:{port}")
    check(client.is_server_live() and client.is_server_ready(), "tritonclient: health")
    check([client.is_model_ready("tiny"), client.is_model_ready("tiny", "1"), client.is_model_ready("tiny", "2")] == [True, True, False], "tritonclient: ready")
    check(client.get_model_metadata("tiny", "1") == client.get_model_metadata("tiny"), "tritonclient: metadata")
    pixels = numpy.frombuffer(PIXELS, numpy.uint8).reshape(2, H, W, 3)
    seen = set()
    for version in ("", "1"):
        for binary_input in (True, False):
            image = triton.InferInput("image", pixels.shape, "UINT8")
            image.set_data_from_numpy(pixels, binary_data=binary_input)
            for asked in (None, True, False):
                outputs = None if asked is None else [triton.InferRequestedOutput(n, binary_data=asked) for n in names]
                result = client.infer("tiny", [image], model_version=version, outputs=outputs)
                values = [result.as_numpy(n).ravel().tolist() for n in names]
                seen.add(str([[v.decode() if isinstance(v, bytes) else v for v in output] for output in values]))
    check(len(seen) == 1, f"tritonclient: {len(seen)} answers to one question")
    for binary_input, data in ((True, photo), (False, base64.b64encode(photo))):
        file = triton.InferInput("file", [1], "BYTES")
        file.set_data_from_numpy(numpy.array([data], dtype=numpy.object_), binary_data=binary_input)
        check(client.async_infer("tiny", [file]).get_result().as_numpy(names[0]).shape[0] == 1, "tritonclient: a file")
    gray = triton.InferInput("image", [1, 2, 2, 1], "UINT8")
    gray.set_data_from_numpy(numpy.zeros((1, 2, 2, 1), numpy.uint8))
    try:
        client.infer("tiny", [gray])
        failures.append("tritonclient: no error for another shape")
    except InferenceServerException as error:
        check(error.status() == "400" and "[1,2,2,1]" in error.message(), f"tritonclient: {error}")


def main():
    server = Server(bin_folder, model, "--name", "tiny")
    with Client(server.port) as client:
        names = [output["name"] for output in metadata(client)["outputs"]]
        forms(client)
        errors(client)
        one = infer(client, {"inputs": [file_input({"data": [base64.b64encode(png(1, 1, b"\0\7")).decode()]})]})
        check(list(outputs_of(one)) == names, "the outputs are not those of the metadata")
    through_tritonclient(server.port, names)
    check(server.stop() == 0, "the server's end")
    end()


if __name__ == "__main__":
    main()
