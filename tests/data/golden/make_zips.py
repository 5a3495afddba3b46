#!/usr/bin/python3
"""Makes the archives of zips/ as other tools write them and, beside each, NAME.txt: what Python's zipfile finds in it.

A line of a .txt is CRC-32, bytes and path of a file, without "./" in front and with '/' between the parts; what macOS adds for
itself is left out. Info-ZIP (zip) and a JDK (jar) must be installed.
"""
import io
import os
import struct
import subprocess
import tempfile
import zipfile
import zlib
from pathlib import Path

here = Path(__file__).parent / "zips"
here.mkdir(exist_ok=True)
files = {"styles.csv": b"id,label\n1,hat\n" * 20, "images/1.jpg": b"one", "images/2.jpg": b""}


def write(name, data):
    (here / name).write_bytes(data)
    lines = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None, name
        for info in archive.infolist():
            path = info.filename.replace("\\", "/")
            path = "/".join(p for p in path.split("/") if p != ".")
            if path and not path.endswith("/") and "__MACOSX" not in path and not path.endswith("Icon\r"):
                lines.append(f"{info.CRC:08x} {info.file_size} {path}\n")
    (here / (Path(name).stem + ".txt")).write_text("".join(sorted(lines, key=lambda l: l.split(" ", 2)[2])))


def by_python(names=files, **options):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in names.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = options.get("attributes", 0o100644 << 16)
            info.create_system = options.get("system", 3)
            with archive.open(info, "w", force_zip64=options.get("zip64", False)) as file:
                file.write(data)
    return out.getvalue()


class Stream(io.RawIOBase):  # a pipe: sizes come after the data, in descriptors
    def __init__(self):
        self.data = b""

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


def streamed(zip64=False):
    out = Stream()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            with archive.open(name, "w", force_zip64=zip64) as file:
                file.write(data)
    return out.data


def by_hand(entries, before_end=lambda offset, size, count: b"", trailer=b"", wide=False):
    body, directory = b"", b""
    for e in entries:
        data = e.get("data", b"")
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = deflate.compress(data) + deflate.flush()
        crc, name = zlib.crc32(data), e.get("raw") or e["name"].encode()
        extra = e.get("central_extra", b"")
        flags, late = e.get("flags", 0), e.get("flags", 0) & 8
        sizes = (0, 0, 0) if late else (crc, len(packed), len(data))
        local_flags = e.get("local_flags", flags)
        offset = len(body)
        body += struct.pack("<IHHHIIIIHH", 0x04034b50, 20, local_flags, 8, 0x21 << 16, *sizes, len(name), len(e.get("extra", b"")))
        body += name + e.get("extra", b"") + packed + e.get("descriptor", lambda c, p, n: b"")(crc, len(packed), len(data))
        directory += struct.pack("<IHHHHIIIIHHHHHII", 0x02014b50, e.get("made_by", 0x314), 20, flags, 8, 0x21 << 16, crc, len(packed),
                                 len(data), len(name), len(extra), 0, 0, 0, e.get("attributes", 0o100644 << 16), offset) + name + extra
    at, size, count = len(body), len(directory), len(entries)
    end = struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, *((0xffff,) * 2 if wide else (count,) * 2), size, 0xffffffff if wide else at, 0)
    return body + directory + before_end(at, size, count) + end + trailer


def tree(root, names=files):
    for name, data in names.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


plain = [{"name": n, "data": d} for n, d in files.items()]
folder = {"attributes": 0o40755 << 16 | 16}
# tar.exe of Windows and bsdtar: ./ in front of every name, and the folder itself
write("tar_exe.zip", by_hand([{"name": "./", **folder}, {"name": "./images/", **folder}] + [{**e, "name": "./" + e["name"]} for e in plain]))
# the same as it streams: descriptors with their magic number, sizes of 64 bits
wide = lambda crc, packed, size: struct.pack("<IIQQ", 0x08074b50, crc, packed, size)
write("tar_exe_streamed.zip", by_hand([{**e, "name": "./" + e["name"], "flags": 8, "descriptor": wide} for e in plain]))
# macOS: resource forks, the icon of a folder, .DS_Store is no file of a data set either
mac = {"__MACOSX/._images": b"Mac OS X", "images/Icon\r": b"", "__MACOSX/images/._Icon\r": b"fork", "__MACOSX/images/._1.jpg": b"fork"}
write("mac.zip", by_python({**files, **mac}))
# PowerShell and the .NET of old: backslashes, also at the end of folders; Windows' attributes where Unix has the mode
write("dot_net.zip", by_hand([{"name": "images\\", "made_by": 20, "attributes": 16}] +
                             [{**e, "name": e["name"].replace("/", "\\"), "made_by": 20, "attributes": 0xa0080020} for e in plain]))
# bytes after the end: of mail and web servers, and of a disk's last block
for name, trailer in {"line_end": b"\r\n", "zeros": bytes(4096), "text": b"-- \nsent by mail\n"}.items():
    write(f"trailing_{name}.zip", by_hand(plain, trailer=trailer))
write("comment.zip", by_hand(plain)[:-2] + struct.pack("<H", 40) + b"9fceb02d0ae598e95dc970b74767f19372d61af8")
# descriptors of all four forms
forms = {"magic32": lambda c, p, n: struct.pack("<IIII", 0x08074b50, c, p, n), "bare32": lambda c, p, n: struct.pack("<III", c, p, n),
         "bare64": lambda c, p, n: struct.pack("<IQQ", c, p, n), "magic64": wide}
for name, form in forms.items():
    write(f"descriptor_{name}.zip", by_hand([{**e, "flags": 8, "descriptor": form} for e in plain]))
write("streamed.zip", streamed())
write("streamed_zip64.zip", streamed(True))
write("zip64.zip", by_python(zip64=True))
# a zip64 directory that a small archive does not need, and one with a field for later versions
def zip64_end(more=b""):
    def end(at, size, count):
        return (struct.pack("<IQHHIIQQQQ", 0x06064b50, 44 + len(more), 45, 45, 0, 0, count, count, size, at) + more +
                struct.pack("<IIQI", 0x07064b50, 0, at + size, 1))
    return end
write("zip64_end.zip", by_hand(plain, zip64_end(), wide=True))
longer = here / "zip64_end_longer.zip"  # unzip reads it, Python 3.11 does not
longer.write_bytes(by_hand(plain, zip64_end(b"\x01\0\x04\0\0\0abcd"), wide=True))
subprocess.run(["unzip", "-tq", longer], check=True)
longer.with_suffix(".txt").write_text((here / "zip64_end.txt").read_text())
# the flag for UTF-8 in one of the two headers only; padding that is no extra field
write("flags_differ.zip", by_hand([{**e, "flags": 0x800, "local_flags": 0} for e in plain]))
write("aligned.zip", by_hand([{**e, "extra": b"\0" * 3} for e in plain[:2]] + [{**plain[2], "extra": b"\x35\xd9\x09\0\0\0"}]))

# names in a code page of their writer, with Info-ZIP's field for UTF-8 beside them; a stale field does not count
def unicode_path(raw, utf8, crc=None):
    body = struct.pack("<BI", 1, zlib.crc32(raw) if crc is None else crc) + utf8.encode()
    return {"raw": raw, "data": b"x", "central_extra": struct.pack("<HH", 0x7075, len(body)) + body}


(here / "names").mkdir(exist_ok=True)
(here / "names/unicode_path.zip").write_bytes(by_hand([
    unicode_path("шляпа/1.jpg".encode("cp866"), "шляпа/1.jpg"), unicode_path("hüte/2.jpg".encode("cp437"), "other/2.jpg", 7)]))

with tempfile.TemporaryDirectory() as work:
    work = Path(work)
    tree(work / "set")
    subprocess.run(["zip", "-qrX", "../info_zip.zip", "."], cwd=work / "set", check=True)
    write("info_zip.zip", (work / "info_zip.zip").read_bytes())
    streamed_zip = subprocess.run(["zip", "-qrX", "-", "."], cwd=work / "set", check=True, stdout=subprocess.PIPE).stdout
    write("info_zip_streamed.zip", streamed_zip)
    subprocess.run(["jar", "cfM", "../jar.zip", "."], cwd=work / "set", check=True)
    write("jar.zip", (work / "jar.zip").read_bytes())
