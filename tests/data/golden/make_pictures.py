#!/usr/bin/python3
"""Makes the small pictures of this folder and, beside each, NAME.rgb: what Pillow sees (16-bit and alpha: computed here).

An .rgb file is u16 height, u16 width (little-endian), then RGB bytes.
"""
import struct
from pathlib import Path

import numpy as np
from PIL import Image

here = Path(__file__).parent
h, w = 9, 13
y, x = np.mgrid[0:h, 0:w]
rgb = np.stack([x * 19, y * 28, (x * 31 + y * 17) % 256], -1).astype(np.uint8)
alpha = ((x * 37 + y * 11) % 256).astype(np.uint8)


def expect(name, pixels):
    pixels = np.asarray(pixels, np.uint8)
    (here / (name + ".rgb")).write_bytes(struct.pack("<HH", *pixels.shape[:2]) + pixels.tobytes())


def save(name, image, **options):
    image.save(here / name, **options)
    expect(name, Image.open(here / name).convert("RGB"))


def on_white(colour, a):
    a = a[..., None].astype(np.float64) / 255
    return np.floor(colour * a + 255 * (1 - a) + 0.5)


picture = Image.fromarray(rgb)
save("rgb444.jpg", picture, quality=90, subsampling=0)
save("rgb420.jpg", picture, quality=75, subsampling=2)
save("progressive.jpg", picture, quality=80, progressive=True)
save("gray.jpg", picture.convert("L"), quality=90)
save("cmyk.jpg", picture.convert("CMYK"), quality=95)
save("rgb.png", picture)
save("gray.png", picture.convert("L"))
save("bits1.png", picture.convert("1"))
save("palette.png", picture.quantize(16))
save("picture.bmp", picture)
save("picture.gif", picture.quantize(16))
save("picture.ppm", picture)
save("lossy.webp", picture, quality=80)
save("lossless.webp", picture, lossless=True)

Image.fromarray(np.dstack([rgb, alpha])).save(here / "rgba.png")
expect("rgba.png", on_white(rgb.astype(np.float64), alpha))
Image.fromarray(np.dstack([rgb, alpha])).save(here / "alpha.webp", lossless=True, exact=True)
expect("alpha.webp", on_white(rgb.astype(np.float64), alpha))
gray16 = (x * 5000 + y * 300).astype(np.uint16)
Image.fromarray(gray16).save(here / "gray16.png")
expect("gray16.png", np.repeat((gray16 >> 8)[..., None], 3, -1))
