#!/usr/bin/python3
"""openapi.py BIN MODEL PICTURE [INDEX]: /openapi.json describes this server: every answer's status is listed, every body fits its schema.

The requests are those of attacks.py, each method on each path, every documented parameter at its bounds and beyond. With INDEX, an index
of MODEL, the server is asked with and without it. Exit code 0: held.
"""
import json
import sys
import tempfile
from pathlib import Path

from attacks import table
from serving import Client, Server, end, failures, form

KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "number": (int, float), "integer": int}


def faults(value, schema, document, place="$"):
    """What JSON Schema says of the value, for the keywords that the document uses; others are a fault of their own."""
    if "$ref" in schema:
        return faults(value, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], document, place)
    known = {"type", "required", "properties", "additionalProperties", "items", "enum", "oneOf", "anyOf", "minItems", "maxItems", "minimum",
             "maximum", "maxLength", "format", "description", "default", "example"}
    found = [f"{place}: keyword {k}" for k in schema.keys() - known]
    kind = schema.get("type")
    if kind and (not isinstance(value, KINDS[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return found + [f"{place}: no {kind}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{place}: {value!r} is none of {schema['enum']}")
    if "oneOf" in schema and sum(not faults(value, one, document) for one in schema["oneOf"]) != 1:
        found.append(f"{place}: not one of oneOf")
    if "anyOf" in schema and all(faults(value, one, document) for one in schema["anyOf"]):
        found.append(f"{place}: none of anyOf")
    if isinstance(value, dict):
        found += [f"{place}: no {name}" for name in schema.get("required", []) if name not in value]
        rest = schema.get("additionalProperties", True)
        for name, one in value.items():
            inner = schema.get("properties", {}).get(name, rest)
            if inner is False:
                found.append(f"{place}: {name} is not in the schema")
            elif isinstance(inner, dict):
                found += faults(one, inner, document, f"{place}.{name}")
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 1 << 60):
            found.append(f"{place}: {len(value)} items")
        for i, one in enumerate(value):
            found += faults(one, schema.get("items", {}), document, f"{place}[{i}]")
    if isinstance(value, (int, float)) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        found.append(f"{place}: {value}")
    return found


def check_reply(document, method, path, reply, what):
    """The status is listed for the path (405: whatever the method), the media type too, and the body fits."""
    operations = document["paths"].get(path)
    if operations is None:
        if reply.status not in (404, 400, 405, 414, 421, 431):
            failures.append(f"{what}: {reply.status} from a path that is not documented")
        return
    operation = next(iter(operations.values()))
    response = operation["responses"].get(str(reply.status))
    if response is None:
        failures.append(f"{what}: {path} answers {reply.status}, documented are {list(operation['responses'])}")
        return
    kind = reply.fields["content-type"].split(";")[0]
    if kind not in response["content"]:
        failures.append(f"{what}: {kind}, documented are {list(response['content'])}")
    elif kind == "application/json" and method != "HEAD":
        failures.extend(f"{what}: {fault}" for fault in faults(reply.json(), response["content"][kind]["schema"], document))


def operations(document):
    return [(path, method.upper(), operation) for path, of_path in document["paths"].items() for method, operation in of_path.items()]


def attacks(port, document, photo):
    for name, (data, status) in table(f"127.0.0.1:{port}", photo).items():
        if not isinstance(status, int) or status == 408:
            continue
        method, target = data.split(b" ", 2)[:2]
        with Client(port) as client:
            try:
                client.send(data)
            except ConnectionError:
                pass
            reply = client.reply(head_only=method == b"HEAD")
        if reply:
            check_reply(document, method.decode("latin-1"), target.split(b"?")[0].decode("latin-1"), reply, name)


def methods(port, document):
    """What is documented is answered, everything else is 405 with Allow."""
    for path, method, _ in operations(document):
        for asked in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"):
            with Client(port) as client:
                reply = client.ask(asked, path)
            check_reply(document, asked, path, reply, f"{asked} {path}")
            if (reply.status == 405) == (asked == method or (method, asked) == ("GET", "HEAD")) or (reply.status == 405 and "allow" not in reply.fields):
                failures.append(f"{asked} {path}: {reply.status} {reply.fields.get('allow')}")


def parameters(port, document, photo, names):
    operation = document["paths"]["/v1/predict"]["post"]
    known = {p["name"]: p["schema"] for p in operation["parameters"]}
    if set(known) != names:
        failures.append(f"parameters {sorted(known)}, expected {sorted(names)}")
    with Client(port) as client:
        def status(query):
            reply = client.ask("POST", "/v1/predict?" + query, photo, content_type="image/jpeg")
            check_reply(document, "POST", "/v1/predict", reply, query)
            return reply.status

        for name, schema in known.items():
            good = schema.get("enum") or [schema["minimum"], schema["maximum"], schema["default"]]
            bad = {min(good) - 1, max(good) + 1} | ({v + 1 for v in good} - set(good) if "enum" in schema else set())
            for value in good:
                if status(f"{name}={value}") != 200:
                    failures.append(f"{name}={value} is documented and refused")
            for value in (*bad, "x", ""):
                if status(f"{name}={value}") != 400:
                    failures.append(f"{name}={value} is not documented and taken")
        for name in {"similar", "accept_at", "nothing"} - set(known):
            if status(f"{name}=1") != 400:
                failures.append(f"{name} is not documented and taken")
        bodies = operation["requestBody"]["content"]
        for kind in ("image/jpeg", "image/png", "image/webp", "application/octet-stream", "image/gif", "text/plain", "application/json"):
            reply = client.ask("POST", "/v1/predict", photo, content_type=kind)
            if (reply.status != 415) != (kind in bodies):
                failures.append(f"{kind}: {reply.status}, documented are {list(bodies)}")
            if reply.status == 415:
                client = Client(port)


def pictures(port, document, photo):
    """A plain image and forms; each fits, and is told apart from the other."""
    every = "&".join(f"{p['name']}={p['schema'].get('maximum', p['schema'].get('default'))}" for p in document["paths"]["/v1/predict"]["post"]["parameters"])
    with Client(port) as client:
        for query in ("", "?" + every):
            check_reply(document, "POST", "/v1/predict", client.ask("POST", "/v1/predict" + query, photo, content_type="image/jpeg"), "one " + query)
            body, kind = form([("a.jpg", photo), ("b", b"no image"), ("c", photo)])
            check_reply(document, "POST", "/v1/predict", client.ask("POST", "/v1/predict" + query, body, content_type=kind), "a form " + query)


def try_server(bin_folder, model, photo, *arguments, names, token=False):
    server = Server(bin_folder, model, "--name", "tiny", "--deadline", "6", *arguments)
    with Client(server.port) as client:
        document = client.ask("GET", "/openapi.json").json()
        for path, method, operation in operations(document):
            wanted = 401 if "security" in operation else {"GET": 200, "POST": 400}[method]
            reply = client.ask(method, path)
            if reply.status != wanted or ("401" in operation["responses"]) != ("security" in operation):
                failures.append(f"{method} {path} without a token: {reply.status}, documented security {operation.get('security')}")
            if reply.fields.get("connection") == "close":
                client = Client(server.port)
    if not token:
        attacks(server.port, document, photo)
        methods(server.port, document)
        parameters(server.port, document, photo, names)
        pictures(server.port, document, photo)
    if server.stop() != 0:
        failures.append("the server's end")


def main():
    bin_folder, model, picture = sys.argv[1:4]
    photo, names = Path(picture).read_bytes(), {"top_k", "accept_at", "logits", "explain"}
    try_server(bin_folder, model, photo, names=names)
    if len(sys.argv) > 4:
        try_server(bin_folder, model, photo, "--index", sys.argv[4], names=names | {"similar"})
    with tempfile.NamedTemporaryFile("w") as secret:
        secret.write("word\n")
        secret.flush()
        try_server(bin_folder, model, photo, "--token-file", secret.name, names=names, token=True)
    end()


if __name__ == "__main__":
    main()
