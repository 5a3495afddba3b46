#!/usr/bin/python3
"""parity_with_pcpredict.py BIN MODEL PICTURES [REQUESTS]: what pcserve answers is what pcpredict prints, to the bit and for everyone.

PICTURES is a folder of JPEG, PNG or WebP files. REQUESTS (600) go out from 16 clients at once. Then forms, KServe tensors, heat maps,
similar products, a full queue, a token and the log. Exit code 0: held.
"""
import base64
import json
import random
import re
import subprocess
import sys
import tempfile
import threading
from functools import partial
from pathlib import Path

from serving import Client, Server, form, pictures_in, together

bin_folder, model, folder = (str(Path(p).resolve()) for p in sys.argv[1:4])
requests = int(sys.argv[4]) if len(sys.argv) > 4 else 600
pictures = pictures_in(folder)
JPEG = {"content_type": "image/jpeg"}


def check(holds, what):
    if not holds:
        raise SystemExit("does not hold: " + what)


def without_file(line):
    return re.sub(r'"file":"[^"]*",', "", line.strip(), count=1)


def predicted(model_file, names):
    """What pcpredict prints of these pictures, as text: the digits are compared too."""
    run = subprocess.run([f"{bin_folder}/pcpredict", "--model", model_file, "--json", "--logits", *names], cwd=folder,
                         stdout=subprocess.PIPE, text=True, check=True)
    return [without_file(line) for line in run.stdout.splitlines()]


def in_parallel(count, work):
    """work(i) on a thread each; their complaints."""
    complaints = []

    def run(i):
        try:
            work(i)
        except (Exception, SystemExit) as error:
            complaints.append(f"client {i}: {error!r}")

    together([partial(run, i) for i in range(count)])
    return complaints


def everyone_gets_his_own(server, expected):
    def client(i):
        dice = random.Random(i)
        with Client(server.port) as connection:
            for _ in range(requests // 16):
                name = dice.choice(list(pictures))
                reply = connection.ask("POST", "/v1/predict?logits=1", pictures[name], **JPEG)
                check(reply.status == 200 and without_file(reply.body.decode()) == expected[name], f"{name}: {reply.body[:300]}")

    complaints = in_parallel(16, client)
    check(not complaints, "\n".join(complaints))
    with Client(server.port) as connection:
        text = connection.ask("GET", "/metrics").body.decode()
    batches = int(re.search(r"pc_batch_pictures_count (\d+)", text).group(1))
    count = int(re.search(r"pc_batch_pictures_sum (\d+)", text).group(1))
    check(count == requests // 16 * 16, f"each picture went through the network once: {count}")
    check(f'pc_requests_total{{route="/v1/predict",status="200"}} {count}' in text, "the requests are counted")
    return f"{count} pictures in {batches} batches"


def forms(server, expected):
    body, kind = form([*pictures.items(), ("broken.gif", b"GIF89a")])
    with Client(server.port) as connection:
        reply = connection.ask("POST", "/v1/predict?logits=1", body, content_type=kind)
        answers = reply.json()["pictures"]
        check([a["file"] for a in answers] == [*pictures, "broken.gif"], "the files of a form keep their order")
        check(all(json.loads(expected[a["file"]]) == {k: v for k, v in a.items() if k != "file"} for a in answers[:-1]),
              "a form's answers are those of its pictures")
        check(answers[-1] == {"file": "broken.gif", "status": "bad picture",
                              "error": "broken.gif: file is GIF; send JPEG, PNG or WebP"}, "a bad one has its line")


def tensors(server, name, expected):
    with tempfile.TemporaryDirectory() as place, Client(server.port) as connection:
        width, height = 21, 34
        pixels = bytes((7 * i + i // 63) % 256 for i in range(width * height * 3))
        plain = Path(place) / "p.ppm"
        plain.write_bytes(b"P6 %d %d 255\n" % (width, height) + pixels)
        wanted = json.loads(predicted(model, [str(plain)])[0])["logits"]

        def infer(inputs, **more):
            body = json.dumps({"inputs": [inputs], **more}).encode()
            reply = connection.ask("POST", f"/v2/models/{name}/infer", body, content_type="application/json")
            check(reply.status == 200, f"infer: {reply.body}")
            return reply.json()

        flat = {"name": "image", "datatype": "UINT8", "shape": [1, height, width, 3], "data": list(pixels)}
        rows = [[[list(pixels[3 * (y * width + x):][:3]) for x in range(width)] for y in range(height)]]
        for data in (list(pixels), rows):
            answer = infer({**flat, "data": data}, id="a-1", parameters={"x": [1.5, None]})
            outputs = {o["name"]: o for o in answer["outputs"]}
            check(answer["id"] == "a-1" and answer["model_name"] == name, "id and name come back")
            for head, logits in wanted.items():
                check(outputs[head]["data"] == logits and outputs[head]["shape"] == [1, len(logits)], f"logits of {head}")
        files = [base64.b64encode(data).decode() for data in pictures.values()]
        head = next(iter(wanted))
        answer = infer({"name": "file", "datatype": "BYTES", "shape": [len(files)], "data": files}, outputs=[{"name": head}])
        both = sum((json.loads(expected[n])["logits"][head] for n in pictures), [])
        check([o["name"] for o in answer["outputs"]] == [head] and answer["outputs"][0]["data"] == both, "files as base64")


def plain_routes(server, name):
    with Client(server.port) as connection:
        for path in ("/", "/v2", "/v2/health/live", "/v2/health/ready", f"/v2/models/{name}", f"/v2/models/{name}/ready",
                     "/metrics", "/openapi.json"):
            reply = connection.ask("GET", path)
            check(reply.status == 200 and reply.body, path)
            check(reply.fields["x-content-type-options"] == "nosniff" and reply.fields["cache-control"] == "no-store", path)
            head = connection.ask("HEAD", path)
            check(head.status == 200 and not connection.rest, f"HEAD {path} has no body")
        page = connection.ask("GET", "/")
        check("default-src 'none'" in page.fields["content-security-policy"], "the page's policy")
        paths = connection.ask("GET", "/openapi.json").json()["paths"]
        check(set(paths) >= {"/v1/predict", f"/v2/models/{name}/infer", "/metrics", "/"}, "the document names the routes")
        some = next(iter(pictures.values()))
        heats = connection.ask("POST", "/v1/predict?explain=1", some, **JPEG).json()
        check(list(heats["explain"]) == list(heats["heads"]), "a heat map per head")
        check(all(h.startswith("data:image/jpeg;base64,/9j/") for h in heats["explain"].values()), "heat maps are JPEG")
        connection.send(f"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nExpect: 100-continue\r\n"
                        f"Content-Length: {len(some)}\r\n\r\n".encode())
        check(connection.reply().status == 100, "a client that waits is told to go on")
        connection.send(some)
        check(connection.reply().status == 200, "and is answered")


def similar_products():
    with tempfile.TemporaryDirectory() as place:
        index = f"{place}/catalogue.index"
        subprocess.run([f"{bin_folder}/pcindex", "--model", model, "--output", index, folder], check=True)
        names = list(pictures)
        run = subprocess.run([f"{bin_folder}/pcpredict", "--model", model, "--json", "--similar", "3", "--index", index, *names],
                             cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
        expected = dict(zip(names, (without_file(line) for line in run.stdout.splitlines())))
        server = Server(bin_folder, model, "--index", index)
        with Client(server.port) as connection:
            for name, data in pictures.items():
                reply = connection.ask("POST", "/v1/predict?similar=3", data, **JPEG)
                check(without_file(reply.body.decode()) == expected[name], f"similar products of {name}: {reply.body[:300]}")
                nearest = connection.ask("POST", "/v1/predict?similar=1&explain=1", data, **JPEG).json()["similar"][0]
                check(nearest["file"].endswith(name) and nearest["picture"].startswith("data:image/jpeg"),
                      f"a picture of the catalogue is nearest to itself: {nearest}")
        check(server.stop() == 0, "the end")


def full_queue():
    server = Server(bin_folder, model, "--queue", "1")
    body, kind = form(list(pictures.items())[:2])
    with Client(server.port) as connection:
        reply = connection.ask("POST", "/v1/predict", body, content_type=kind)
        check(reply.status == 503 and reply.fields["retry-after"] == "1", "two pictures do not fit a queue of one")
        some = next(iter(pictures.values()))
        check(connection.ask("POST", "/v1/predict", some, **JPEG).status == 200, "one does")

    def client(_):
        with Client(server.port) as connection:
            for _ in range(20):
                reply = connection.ask("POST", "/v1/predict", some, **JPEG)
                statuses.add(reply.status)
                check(reply.status == 200 or reply.fields["retry-after"] == "1", f"when to come again: {reply.fields}")

    statuses = set()
    complaints = in_parallel(8, client)
    check(not complaints and statuses <= {200, 503} and 200 in statuses, f"a full queue: {statuses} {complaints}")
    check(server.stop() == 0, "the end")


def tokens():
    with tempfile.TemporaryDirectory() as place:
        secret = Path(place) / "token"
        secret.write_text("s3cret-word\n")
        secret.chmod(0o644)
        refused = subprocess.run([f"{bin_folder}/pcserve", "--model", model, "--token-file", secret], stderr=subprocess.PIPE)
        check(refused.returncode == 4 and b"everybody can read" in refused.stderr, "an open token file is refused")
        secret.chmod(0o600)
        server = Server(bin_folder, model, "--token-file", secret, "--log")
        some = next(iter(pictures.values()))
        with Client(server.port) as connection:
            post = lambda **fields: connection.ask("POST", "/v1/predict", some, **JPEG, **fields)
            for given in ({}, {"authorization": "Bearer s3cret-wor"}, {"authorization": "Basic s3cret-word"}):
                reply = post(**given)
                check(reply.status == 401 and reply.fields["www-authenticate"] == "Bearer", f"without the token: {given}")
                connection.__init__(server.port)  # a refused body ends the connection
            check(post(authorization="Bearer s3cret-word").status == 200, "with the token")
        check(server.heard("POST /v1/predict 200"), "the log has a line per request")
        check(server.stop() == 0, "the end")
        check(not any("s3cret" in line for line in server.said), "the token is in no line")


def main():
    names = list(pictures)
    expected = dict(zip(names, predicted(model, names)))
    server = Server(bin_folder, model, "--name", "shop", "--max-batch", "8")
    batches = everyone_gets_his_own(server, expected)
    forms(server, expected)
    tensors(server, "shop", expected)
    plain_routes(server, "shop")
    check(server.stop() == 0 and not server.said, f"the end: {server.said}")
    similar_products()
    full_queue()
    tokens()
    print(f"answers equal pcpredict's to the bit: {batches}; forms, tensors, heat maps, a full queue, tokens: all hold")


if __name__ == "__main__":
    main()
