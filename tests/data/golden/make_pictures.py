#!/usr/bin/python3
"""Makes the small pictures of this folder and, beside each, NAME.rgb: what Pillow (12) sees (16-bit and alpha: computed here).

An .rgb file is u16 height, u16 width (little-endian), then RGB bytes.
"""
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

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


# ---- transparency: composited on white, whatever the format; what is transparent hides another color
def composited(name):
    image = Image.open(here / name).convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    expect(name, Image.alpha_composite(white, image).convert("RGB"))


def png(name, depth, color_type, rows, *chunks):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    header = struct.pack(">IIBBBBB", w, h, depth, color_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    parts = [chunk(b"IHDR", header), *(chunk(*c) for c in chunks), chunk(b"IDAT", data), chunk(b"IEND", b"")]
    (here / name).write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


hole = (x + y) % 4 == 0
cut = picture.quantize(15)
indices = np.where(hole, 15, np.asarray(cut)).astype(np.uint8)
palette = (np.array(cut.getpalette()[:45] + [0, 0, 0], np.uint8)).tobytes()
cut = Image.fromarray(indices, "P")
cut.putpalette(palette)
cut.save(here / "cut.gif", transparency=15)
composited("cut.gif")
cut.save(here / "interlaced.gif", transparency=15, interlace=1)
composited("interlaced.gif")
png("cut_palette.png", 8, 3, indices, (b"PLTE", palette), (b"tRNS", b"\xff" * 14 + b"\x80\0"))
composited("cut_palette.png")
png("cut_rgb.png", 8, 2, rgb, (b"tRNS", struct.pack(">HHH", *map(int, rgb[3, 4]))))
composited("cut_rgb.png")
png("gray_alpha.png", 8, 4, np.dstack([rgb[..., 2], alpha]))
composited("gray_alpha.png")
gray = (x // 4).astype(np.uint8)
png("cut_gray.png", 8, 0, gray, (b"tRNS", struct.pack(">H", 2)))
composited("cut_gray.png")
deep = np.dstack([rgb, alpha]).astype(">u2") * 257
png("rgba16.png", 16, 6, deep)
expect("rgba16.png", on_white(rgb.astype(np.float64), alpha))
png("cut_rgb16.png", 16, 2, deep[..., :3], (b"tRNS", struct.pack(">HHH", *(257 * int(v) for v in rgb[3, 4]))))
expect("cut_rgb16.png", np.where((rgb == rgb[3, 4]).all(-1)[..., None], 255, rgb))
png("cut_gray16.png", 16, 0, gray16.astype(">u2"), (b"tRNS", struct.pack(">H", int(gray16[3, 4]))))
expect("cut_gray16.png", np.repeat(np.where(gray16 == gray16[3, 4], 255, gray16 >> 8)[..., None], 3, -1))
Image.fromarray(np.dstack([rgb, alpha])).save(here / "lossy_alpha.webp", quality=90, exact=True)
composited("lossy_alpha.webp")

# A first frame that does not cover its canvas: what it leaves out is transparent, as browsers have it.
part = (here / "cut.gif").read_bytes()
for name, place, transparent in ("part.gif", (2, 3), 1), ("part_opaque.gif", (2, 3), 0):
    at = part.index(b"\x2c" + struct.pack("<HHHH", 0, 0, w, h))
    control = part.index(b"\x21\xf9\x04") + 3
    file = bytearray(part)
    file[6:10] = struct.pack("<HH", w + 5, h + 4)
    file[11] = 7
    file[at + 1:at + 5] = struct.pack("<HH", *place)
    file[control] = file[control] & 0xfe | transparent
    (here / name).write_bytes(file)
    composited(name)
    if not transparent:  # Pillow shows the palette's first color there
        canvas = Image.new("RGB", (w + 5, h + 4), "white")
        frame = Image.open(here / name).convert("RGB").crop((*place, place[0] + w, place[1] + h))
        canvas.paste(frame, place)
        expect(name, canvas)
large = bytearray(part)  # a canvas of 1 x 1, as some writers leave it: the frame counts
large[6:10] = struct.pack("<HH", 1, 1)
(here / "small_canvas.gif").write_bytes(large)
composited("small_canvas.gif")


# ---- BMP of every kind
def bmp(name, rows, bits, compression=0, size=40, height=h, masks=b"", table=b"", gap=b"", data=None):
    packed = b"".join(row.ljust(-(-len(row) // 4) * 4, b"\0") for row in rows) if data is None else data
    if size == 12:
        info = struct.pack("<IHHHH", 12, w, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", size, w, height, 1, bits, compression, len(packed), 0, 0, 0, 0)
    after = masks + table + gap if size == 40 else masks.ljust(size - 40, b"\0") + table + gap
    if size == 12:
        after = table + gap
    offset = 14 + len(info) + len(after)
    (here / name).write_bytes(b"BM" + struct.pack("<IHHI", offset + len(packed), 0, 0, offset) + info + after + packed)


up = rgb[::-1]
bgr = [row[:, ::-1].tobytes() for row in up]
bgrx = [np.dstack([row[None, :, ::-1], np.full((1, w, 1), 99, np.uint8)]).tobytes() for row in up]
bgra = [np.dstack([c[None, :, ::-1], a[None, :, None]]).tobytes() for c, a in zip(up, alpha[::-1])]
wide = rgb.astype(np.uint16)
rgb555 = (wide[..., 0] >> 3) << 10 | (wide[..., 1] >> 3) << 5 | wide[..., 2] >> 3
rgb565 = (wide[..., 0] >> 3) << 11 | (wide[..., 1] >> 2) << 5 | wide[..., 2] >> 3
small = np.asarray(picture.quantize(16))[::-1]
table = np.array(picture.quantize(16).getpalette()[:48], np.uint8).reshape(16, 3)[:, ::-1]
table4 = b"".join(row.tobytes() + b"\0" for row in table)
nibbles = [bytes(int(a) << 4 | int(b) for a, b in zip(row[::2], list(row[1::2]) + [0])) for row in small]
bits = ((x + y) % 3 == 0)[::-1]
pair = b"\x10\x20\x30\0\xf0\xe0\xd0\0"
bmp("down.bmp", bgr[::-1], 24, height=-h)
bmp("gap.bmp", bgr, 24, gap=b"hello, gap..")
bmp("core.bmp", bgr, 24, size=12)
bmp("core8.bmp", [row.tobytes() for row in small], 8, size=12, table=table.tobytes() + bytes(3 * 240))
bmp("x32.bmp", bgrx, 32)
bmp("rgb555.bmp", [r.astype("<u2").tobytes() for r in rgb555[::-1]], 16)
bmp("rgb565.bmp", [r.astype("<u2").tobytes() for r in rgb565[::-1]], 16, 3, masks=struct.pack("<III", 0xf800, 0x7e0, 0x1f))
bmp("alpha_v4.bmp", bgra, 32, 3, 108, masks=struct.pack("<IIII", 0xff0000, 0xff00, 0xff, 0xff000000))
bmp("alpha_v5_down.bmp", bgra[::-1], 32, 3, 124, -h, masks=struct.pack("<IIII", 0xff0000, 0xff00, 0xff, 0xff000000))
bmp("masks_v3.bmp", bgra, 32, 3, 56, masks=struct.pack("<IIII", 0xff0000, 0xff00, 0xff, 0))
bmp("bits4.bmp", nibbles, 4, table=table4)
bmp("bits1.bmp", [np.packbits(row).tobytes() for row in bits], 1, table=pair)
runs = [b"".join(bytes([1, v]) for v in row[:4]) + bytes([0, 5]) + row[4:9].tobytes() + b"\0" + bytes([0, 4]) +
        row[9:].tobytes() + b"\0\0" for row in small]
bmp("rle8.bmp", [], 8, 1, table=table4 + bytes(4 * 240), data=b"".join(runs) + b"\0\1")
runs = [bytes([5, row[0] << 4 | row[1]]) + bytes([0, 8]) + nibble[2:6] + b"\0\0" for row, nibble in zip(small, nibbles)]
bmp("rle4.bmp", [], 4, 2, table=table4, data=b"".join(runs) + b"\0\1")
for file in sorted(here.glob("*.bmp")):
    if file.name not in ("alpha_v4.bmp", "alpha_v5_down.bmp"):
        expect(file.name, Image.open(file).convert("RGB"))
composited("alpha_v4.bmp")
composited("alpha_v5_down.bmp")

# ---- orientation, in every place where it may stand
xmp = ('<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
       '<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/"%s></rdf:RDF></x:xmpmeta>')
attribute = (xmp % ' tiff:Orientation="6"/').encode()
element = (xmp % '><tiff:Orientation>8</tiff:Orientation></rdf:Description').encode()


def exif(orientation):
    e = Image.Exif()
    if orientation:
        e[0x112] = orientation
    e[0x10f] = "maker"
    return e.tobytes()


def turned(name):
    image = Image.open(here / name)
    image.load()
    expect(name, ImageOps.exif_transpose(image).convert("RGB"))


def turned_jpeg(name, packet, **options):
    picture.save(here / name, quality=90, subsampling=0, **options)
    file = (here / name).read_bytes()
    body = b"http://ns.adobe.com/xap/1.0/\0" + packet
    (here / name).write_bytes(file[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + file[2:])
    turned(name)


def turned_png(name, **texts):
    info = PngImagePlugin.PngInfo()
    for kind, (key, text, *packed) in texts.items():
        (info.add_itxt if kind == "itxt" else info.add_text)(key, text, zip=bool(packed))
    picture.save(here / name, pnginfo=info)
    turned(name)


turned_jpeg("xmp_attribute.jpg", attribute)
turned_jpeg("xmp_element.jpg", element)
turned_jpeg("xmp_and_exif.jpg", attribute, exif=exif(3))          # EXIF counts
turned_jpeg("xmp_and_upright_exif.jpg", attribute, exif=exif(1))  # and where it says upright, too
turned_jpeg("xmp_and_bare_exif.jpg", element, exif=exif(0))       # XMP, as no tag stands in EXIF
turned_png("xmp.png", itxt=("XML:com.adobe.xmp", attribute.decode()))
turned_png("xmp_packed.png", itxt=("XML:com.adobe.xmp", element.decode(), True))
profile = "\nexif\n%8d\n%s\n" % (len(exif(5)), "\n".join(exif(5).hex()[i:i + 72] for i in range(0, len(exif(5).hex()), 72)))
turned_png("raw_profile.png", text=("Raw profile type exif", profile))
turned_png("raw_profile_packed.png", text=("Raw profile type exif", profile, True))
picture.save(here / "exif.png", exif=exif(7))
turned("exif.png")
picture.save(here / "xmp.webp", lossless=True, xmp=attribute)
turned("xmp.webp")
picture.save(here / "xmp_and_exif.webp", lossless=True, xmp=attribute, exif=exif(2))
turned("xmp_and_exif.webp")
