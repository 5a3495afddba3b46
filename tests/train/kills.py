#!/usr/bin/python3
"""kills.py BIN [KILLS [ARCHITECTURE]]: a training run killed (SIGKILL) KILLS times at random moments ends with the weights of one left in peace.

After every kill the checkpoint must load, and must not be older than the newest one that was seen complete while the run lived. The run
uses what a checkpoint has to carry: momentum, running averages, mixed and changed pictures, a checkpoint every step. Exit code 0: held.
"""
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

bin_folder = sys.argv[1]
kills = int(sys.argv[2]) if len(sys.argv) > 2 else 100
architecture = sys.argv[3] if len(sys.argv) > 3 else "resnet18"
dice = random.Random(kills)


def make_pictures(root):
    for name, color in {"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200)}.items():
        os.makedirs(f"{root}/{name}")
        for i in range(24):
            pixels = bytes(max(0, min(255, c + dice.randrange(-60, 60))) for _ in range(24 * 20) for c in color)
            with open(f"{root}/{name}/{i}.ppm", "wb") as f:
                f.write(b"P6 20 24 255\n" + pixels)


def steps_done(path):
    """The total_steps of a checkpoint, after reading all of it; None where there is none."""
    try:
        with open(path, "rb") as f:
            (size,) = struct.unpack("<Q", f.read(8))
            header = json.loads(f.read(size))
            body = len(f.read())
    except FileNotFoundError:
        return None
    ends = [t["data_offsets"][1] for name, t in header.items() if name != "__metadata__"]
    assert body == max(ends), f"{path}: {body} bytes of {max(ends)}"
    return json.loads(header["__metadata__"]["pc.train"])["total_steps"]


def command(folder, name):
    settings = {"data.root": f"{folder}/data", "data.cache": f"{folder}/cache", "model.architecture": architecture, "model.height": 32,
                "model.width": 32, "train.epochs": 6, "train.batch": 8, "train.save_every": 1, "train.ema": 0.9, "train.lr": 0.02,
                "augment.mixup": 0.4, "augment.cutmix": 1, "augment.background": 0.5, "augment.trivial": 0.5,
                "output.runs": f"{folder}/runs", "output.name": name}
    words = [f"{bin_folder}/pctrain", f"{folder}/config.ini"]
    for key, value in settings.items():
        words += ["--set", f"{key}={value}"]
    return words


def run_and_kill(words, checkpoint, seconds):
    """Returns whether the run ended by itself, and the newest checkpoint seen complete."""
    newest = steps_done(checkpoint) or 0
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        newest = max(newest, steps_done(checkpoint) or 0)
        time.sleep(0.002)
    done = process.poll() is not None
    if not done:
        process.kill()
    errors = process.communicate()[1]
    assert not done or process.returncode == 0, errors
    return done, newest


def main():
    with tempfile.TemporaryDirectory() as folder:
        make_pictures(f"{folder}/data")
        open(f"{folder}/config.ini", "w").close()
        subprocess.run(command(folder, "peace"), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        want = open(f"{folder}/runs/peace/model.safetensors", "rb").read()
        hits = rounds = 0
        while hits < kills:
            name = f"war{rounds}"
            checkpoint = f"{folder}/runs/{name}/last/checkpoint.safetensors"
            done = False
            while not done:
                seconds = dice.uniform(0.05, 1.5) if hits < kills else 3600
                done, newest = run_and_kill(command(folder, name), checkpoint, seconds)
                hits += not done
                after = steps_done(checkpoint)
                assert newest == 0 or after >= newest, f"kill {hits}: checkpoint of step {after}, {newest} was complete before"
            assert open(f"{folder}/runs/{name}/model.safetensors", "rb").read() == want, f"{name}: other weights than the run in peace"
            left = [f for _, _, files in os.walk(f"{folder}/runs/{name}") for f in files if ".tmp." in f]
            assert not left, f"{name}: left behind {left}"
            subprocess.run(["rm", "-r", f"{folder}/runs/{name}"], check=True)
            rounds += 1
        print(f"{hits} kills in {rounds} runs of {architecture}: every checkpoint loaded, none went back, the weights are the same to the bit")


main()
