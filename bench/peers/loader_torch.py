#!/usr/bin/env python3
"""PyTorch's way of feeding pictures, the peer of bench_loader: decode on one core, and a DataLoader with two workers.

The loader makes batches of 64: crops at random (70-100 % of the area), flips and normalises to f32 at 80x60, from JPEG
files and from pictures decoded once into one u8 tensor. Prints one line of JSON: img/s of each; worker start-up is not
counted.
"""
import argparse
import io
import json
import os
import pathlib
import random
import tempfile
import time
import zipfile

import PIL.Image
import torch
import torchvision
import torchvision.transforms as transforms

HEIGHT, WIDTH, BATCH = 80, 60, 64
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def pictures(count):
    """JPEG bytes: the first of the shared archive, else generated ones of the same size."""
    shared = pathlib.Path(os.environ.get("PC_SHARED", pathlib.Path(__file__).parents[2] / ".." / "shared"))
    archive = shared / "datasets" / "fashion-product-images-small.zip"
    if archive.exists():
        with zipfile.ZipFile(archive) as files:
            return [files.read(name) for name in sorted(files.namelist()) if name.endswith(".jpg")][:count]
    result = []
    for i in range(count):
        picture = PIL.Image.linear_gradient("L").rotate(i % 360).resize((WIDTH, HEIGHT)).convert("RGB")
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=90)
        result.append(out.getvalue())
    return result


def decoded(jpeg):
    return PIL.Image.open(io.BytesIO(jpeg)).convert("RGB")


class Files(torch.utils.data.Dataset):
    def __init__(self, paths):
        self.paths = paths
        self.transform = transforms.Compose([
            transforms.RandomResizedCrop((HEIGHT, WIDTH), scale=(0.7, 1), ratio=(0.75 / 1.2, 0.75 * 1.2)),
            transforms.RandomHorizontalFlip(), transforms.ToTensor(), transforms.Normalize(MEAN, STD)])

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        with PIL.Image.open(self.paths[i]) as picture:
            return self.transform(picture.convert("RGB")), i % 2


class Packed(torch.utils.data.Dataset):
    def __init__(self, pixels):
        self.pixels = pixels  # u8 [n, 3, h, w]
        self.transform = torch.nn.Sequential(
            transforms.RandomResizedCrop((HEIGHT, WIDTH), scale=(0.7, 1), ratio=(0.75 / 1.2, 0.75 * 1.2)),
            transforms.RandomHorizontalFlip(), transforms.ConvertImageDtype(torch.float32),
            transforms.Normalize(MEAN, STD))

    def __len__(self):
        return len(self.pixels)

    def __getitem__(self, i):
        return self.transform(self.pixels[i]), i % 2


def loader_rate(data, workers, clock):
    loader = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True, num_workers=workers, drop_last=True,
                                         persistent_workers=workers > 0)
    rates = []
    for _ in range(3):
        count, start = 0, None
        for x, _ in loader:
            if start is None:
                start = clock()  # the first batch pays for the workers' start
            else:
                count += len(x)
        rates.append(count / (clock() - start))
    return max(rates)


def decode_rate(decode, data, clock):
    best = 0
    for _ in range(3):
        start = clock()
        for item in data:
            decode(item)
        best = max(best, len(data) / (clock() - start))
    return best


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=4000)
    parser.add_argument("--threads", type=int, default=2, help="workers of the DataLoader")
    parser.add_argument("--cpu-time", action="store_true", help="processor time of one process without workers")
    parser.add_argument("--only", choices=["decode", "files", "packed"])
    args = parser.parse_args()
    clock = time.process_time if args.cpu_time else time.perf_counter
    workers = 0 if args.cpu_time else args.threads
    torch.set_num_threads(1)  # as every DataLoader worker does
    random.seed(1)
    jpegs = pictures(args.pictures)
    result = {}
    if args.only in (None, "decode"):
        tensors = [torch.frombuffer(bytearray(jpeg), dtype=torch.uint8) for jpeg in jpegs]
        rgb = torchvision.io.ImageReadMode.RGB
        result["decode_torchvision"] = decode_rate(lambda t: torchvision.io.decode_jpeg(t, rgb), tensors, clock)
        result["decode_pil"] = decode_rate(lambda b: decoded(b).tobytes(), jpegs, clock)
    if args.only in (None, "files"):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for i, jpeg in enumerate(jpegs):
                paths.append(os.path.join(folder, "%d.jpg" % i))
                pathlib.Path(paths[-1]).write_bytes(jpeg)
            result["files"] = loader_rate(Files(paths), workers, clock)
    if args.only in (None, "packed"):
        pixels = torch.empty(len(jpegs), 3, HEIGHT, WIDTH, dtype=torch.uint8)
        for i, jpeg in enumerate(jpegs):
            bytes_ = bytearray(decoded(jpeg).resize((WIDTH, HEIGHT)).tobytes())
            pixels[i] = torch.frombuffer(bytes_, dtype=torch.uint8).view(HEIGHT, WIDTH, 3).permute(2, 0, 1)
        result["packed"] = loader_rate(Packed(pixels), workers, clock)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
