#!/usr/bin/python3
"""Makes the seeds below corpus/: links to the golden files of the other tests, and small inputs of one trap each.

Crashers that were found once lie there too, as crash-*; they are kept.
"""
import gzip
import io
import json
import os
import struct
import zipfile
import zlib
from pathlib import Path

here = Path(__file__).parent
corpus = here / "corpus"
tests = here.parent


def seed(target, name, data):
    folder = corpus / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def link(target, file, name=None):
    folder = corpus / target
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / (name or file.name)
    if not place.is_symlink():
        place.symlink_to(os.path.relpath(file, folder))


# ---- weights
def safetensors(header, data=b""):
    text = json.dumps(header).encode() if isinstance(header, dict) else header.encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


sizes = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
header, at = {"__metadata__": {"format": "pt", "é": "ü"}}, 0
for dtype, size in sizes.items():
    header[dtype.lower()] = tensor(dtype, [2, 1], at, at + 2 * size)
    at += 2 * size
weights = {
    "types": safetensors(header, bytes(range(at))),
    "empty": safetensors("{}"),
    "scalar_and_empty": safetensors({"s": tensor("F32", [], 0, 4), "e": tensor("F32", [0, 3], 4, 4)}, b"\0\0\x80?"),
    "padded": safetensors('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}    ', b"1234"),
    "unaligned": safetensors({"b": tensor("U8", [1], 0, 1), "f": tensor("F32", [1], 1, 5)}, b"12345"),
    "long_i64": safetensors({"i": tensor("I64", [1], 0, 8)}, b"\xff" * 7 + b"\x7f"),
    "overflow": safetensors({"a": tensor("F64", [2**32, 2**32], 0, 0)}),
    "overlap": safetensors({"a": tensor("U8", [4], 0, 4), "b": tensor("U8", [4], 2, 6)}, b"123456"),
    "hole": safetensors({"a": tensor("U8", [1], 0, 1), "b": tensor("U8", [1], 2, 3)}, b"123"),
    "twice": safetensors('{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}', b"1"),
    "escapes": safetensors('{"\\u00e9\\ud83d\\ude00\\u0000":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
    "nested": safetensors('{"a":' * 50 + "1" + "}" * 50),
    "long_header": struct.pack("<Q", 2**63) + b"{}",
}
for name, data in weights.items():
    seed("safetensors", name, data)
    if name in ("types", "empty", "scalar_and_empty"):
        seed("weights", name + ".safetensors", data)

for file in sorted((tests / "weights/golden").glob("*.pth")):
    link("pth", file)
    link("weights", file)
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            pickle = next(n for n in archive.namelist() if n.endswith("data.pkl"))
            seed("pickle", file.stem, archive.read(pickle))
for file in sorted((tests / "weights/golden/stacked").glob("*.pth")):
    link("stacked", file)
    link("weights", file, "stacked_" + file.name)
seed("weights", "page.html", "<!DOCTYPE html><html><body>404</body></html>")
seed("weights", "pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n")
seed("weights", "empty", "")
seed("weights", "gzip", b"\x1f\x8b\x08\0")
seed("pickle", "system", b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R.")
seed("pickle", "self", b"\x80\x02]q\0h\0a.")
seed("pickle", "pairs", b"\x80\x02ccollections\nOrderedDict\n]]K\x01K\x02ea\x85Rq\0}X\x09\0\0\0_metadataNsb.")
seed("pickle", "numbers", b"\x80\x02(\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x8a\0J\xff\xff\xff\xffM\xff\xffK\0G?\xf0\0\0\0\0\0\0\x88\x89NU\x01at.")


# ---- what pcpredict and pcindex leave
columns = "file,status,error,verdict,kind,kind_p\n"
seed("rows", "csv", columns + "a.png,ok,,,shoe,0.9\nb.png,bad picture,\"b.png: \"\"broken\"\"\",,,\nc.png,file,cannot open,,,\n")
seed("rows", "torn", columns + "c.png,ok,,,shoe,0.9\na.png,ok,,,sh")
seed("rows", "spreadsheet", b"\xef\xbb\xbf" + columns.replace("\n", "\r\n").encode() + b'"x,\ny.png","ok","","","hat","0.5"\r\n\r\na.png,ok,,,hat,0.5\r\n')
seed("rows", "json", "".join(json.dumps({"file": f, "status": s, **more}) + "\n" for f, s, more in (
    ("a.png", "ok", {"heads": {}}), ("b.png", "limit", {"error": "b"}), ("=x.png", "bad picture", {"error": "x"}))))
seed("rows", "torn_json", '{"file":"b.png","status":"ok"}\n{"file":"a.png","sta')
manifest = {"made_with": {"model": "ab" * 32, "format": "csv", "--top-k": 5, "--tta": False},
            "named": {"model": "m.safetensors", "INPUT": ["p"]}, "finished": True}
seed("manifest", "whole", json.dumps(manifest, indent=1))
seed("manifest", "older", json.dumps(manifest["made_with"]))
seed("manifest", "kinds", json.dumps({"made_with": [], "named": None, "finished": 1}))
index = {"__metadata__": {"pc.index": "weights"}, "features": tensor("F32", [2, 2], 0, 16), "files": tensor("U8", [4], 16, 20)}
seed("index", "two", safetensors(index, struct.pack("<4f", 1, 0, 0, 1) + b"a\0b\0"))
seed("index", "names", safetensors(index, struct.pack("<4f", 1, 0, 0, 1) + b"a\0bc"))
seed("index", "other", safetensors({**index, "__metadata__": {"pc.index": "others"}}, bytes(16) + b"a\0b\0"))
seed("index", "shape", safetensors({**index, "features": tensor("F32", [4], 0, 16)}, bytes(16) + b"a\0b\0"))
seed("path_list", "lines", "p/a.png\r\n\np/b c.png\n./-\nlast")
seed("path_list", "nul", b"a.png\0b\nc.png\0\0d")
seed("path_list", "long", "x" * 70_000)

# ---- data sets
def packed(files, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    return out.getvalue()


styles = ("id,gender,masterCategory,articleType,season,productDisplayName\n"
          "1,Men,Apparel,Shirts,Fall,Blue, checked shirt\n"
          '11,Women,Footwear,Heels,,"Red ""high"" heels"\r\n'
          "\n"
          '12,Men,Apparel,NA,Summer,"two\nlines"\n'
          "12,Men,Accessories,Belts,Summer,twice\n"
          "13,Men,Accessories,Belts,Summer,No picture\n")
picture = (tests / "data/golden/rgb.png").read_bytes()
kaggle = {"styles.csv": styles, "images/1.png": picture, "images/11.png": picture, "images/99.png": picture}
seed("zip", "kaggle_stored", packed(kaggle))
seed("zip", "kaggle_packed", packed(kaggle, zipfile.ZIP_DEFLATED))
seed("zip", "below", packed({"top/" + n: d for n, d in kaggle.items()}))
seed("zip", "folders", packed({"hats/a.png": picture, "shoes/b.jpg": "x", "shoes/.hidden": "", "readme": "text"}))
seed("zip", "splits", packed({f"set/{s}/{c}/1.png": "p" for s in ("train", "val", "test") for c in ("a", "b")}))
seed("zip", "hostile_names", packed({"../up/a.png": "1", "/etc/b.png": "2", "c\\d.png": "3", "é/ü.png": "4", "e/": "", "x\n/y.png": "5"}))
seed("zip", "zeros", packed({"a/0.png": bytes(200_000), "b/1.png": b""}, zipfile.ZIP_DEFLATED))
seed("zip", "empty", packed({}))
seed("csv", "styles", styles)
seed("csv", "plain", "id,masterCategory,articleType\n1,A,B\n11,A,C\n12,,\n")
seed("csv", "bom_crlf", b"\xef\xbb\xbfid,masterCategory,articleType\r\n1,A,B\r\n")
seed("csv", "quotes", '"id","masterCategory","articleType"\n"1","a ""b""","c,d"\n"11","x\r\ny",""\n')
seed("csv", "unclosed", 'id,masterCategory,articleType\n1,"A,B\n11,A,C\n')
seed("csv", "near_miss", "ID,mastercategory,articletype\n1,A,B\n")
seed("csv", "utf16", "id\n".encode("utf-16"))
seed("csv", "semicolons", "sep=;\nid;masterCategory;articleType;;\n1;A;B;;\n011.0;A, B;C;;\n;;;;\n")
seed("csv", "excel_text", b"\xff\xfe" + "ID\tmasterCategory\tarticleType\r\n1.jpg\tGr\u00f6\u00dfe \U0001f45f\tB\r\n".encode("utf-16-le"))
seed("csv", "leaves", "id,masterCategory,articleType\n../1,A,B\n")
for table in sorted((corpus / "csv").iterdir()):
    link("styles", table)


def idx(sizes, data):
    return struct.pack(f">{1 + len(sizes)}I", 0x800 + len(sizes), *sizes) + data


# A folder of four: training pictures and labels, then those of the test.
def idx_folder(*files):
    return struct.pack("<3H", *map(len, files[:3])) + b"".join(files)


fashion = bytes([9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0, 9, 5, 5, 7, 9])
small = [idx([3, 2, 2], b"aaaabbbbabcd"), idx([3], b"\1\0\2"), idx([1, 2, 3], b"uvwxyz"), idx([1], b"\2")]
seed("idx", "small", idx_folder(*small))
seed("idx", "packed", idx_folder(*(gzip.compress(f, mtime=0) for f in small)))
seed("idx", "fashion", idx_folder(idx([16, 1, 1], fashion), idx([16], fashion), *small[2:]))
seed("idx", "label_255", idx_folder(small[0], idx([3], b"\xff\0\x63"), *small[2:]))
seed("idx", "huge", idx_folder(idx([2**31, 2**31, 4], b""), *small[1:]))
seed("idx", "cut_gzip", idx_folder(gzip.compress(small[0], mtime=0)[:-6], *small[1:]))
seed("idx", "many", idx_folder(*(gzip.compress(f, mtime=0) for f in (idx([100_000, 1, 1], bytes(100_000)), idx([100_000], bytes(100_000)))), *small[2:]))

# ---- configuration
for file in sorted((here.parent.parent / "tools/configs").glob("*.ini")):
    link("ini", file)
seed("ini", "all", "[data]\nroot = x.zip\nlabels = a, b\nmin_count=2\nrare = drop\nval = 0.2\n[model]\nheight = 224\nfreeze = backbone\n"
                   "[train]\nlr = 1e-3\nnesterov = no\nhead_weights = 1, 0.5\nprecision = bf16\n[output]\nname = run2\n")
seed("ini", "comments", b"\xef\xbb\xbf; comment\n# comment\n[data]\nroot = a b ; inline\nseed : 3\n")
seed("ini", "override", "train.lr = 0.1")
seed("ini", "continued", "[data]\nroot = a\n  b\n")
seed("ini", "unknown", "[train]\nlearing_rate = 0.1\n")
seed("ini", "twice", "[train]\nlr = 0.1\nlr = 0.2\n")
seed("ini", "no_section", "root = x\n[data\n")
seed("ini", "numbers", "[data]\nroot = x\nmin_count = 99999999999999999999\n[train]\nlr = nan\n")
for name, text in {
        "yaml": "data:\n  root: /x\n  labels: [a]\n", "json": '{"data": {"root": "x"}}', "toml": '[data]\nroot = "x"\nlabels = ["a"]\n',
        "quoted_item": '[data]\nroot = x\nlabels = ,"a"\n'}.items():
    seed("ini", name, text)

# ---- a run's metrics.jsonl
epoch = '{"epoch":1,"event":"epoch","img_per_s":98.5,"lr":0.02,"seconds":1.5,"train":{"label":{"accuracy":0.5,"loss":1.1}},"val":{"label":{"n":6}}}\n'
seed("metrics", "run", '{"architecture":"resnet18","event":"start","train":48}\n' + epoch +
     '{"event":"test","heads":{"label":{"accuracy":null,"n":0}},"warnings":["no better"]}\n')
seed("metrics", "torn", epoch + epoch[:40])
seed("metrics", "kinds", '{"event":1}\n[]\n3\n{"event":"epoch","epoch":1e400}\n')
seed("metrics", "deep", '{"event":"test","heads":' + "[" * 500 + "]" * 500 + "}\n")
seed("metrics", "bytes", b'{"event":"\xff\x00"}\n\xef\xbb\xbf{}')

# ---- pictures
for file in sorted((tests / "data/golden").iterdir()):
    if file.suffix in (".jpg", ".png", ".bmp", ".gif", ".ppm", ".webp"):
        link("image", file)
jpeg = (tests / "data/golden/rgb420.jpg").read_bytes()
little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x05\0\0\0\0\0\0"
for name, exif in {"exif_little.jpg": little, "exif_big.jpg": big}.items():
    seed("image", name, jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif + jpeg[2:])
    seed("metadata", name + ".tiff", exif)
for file in sorted((tests / "data/golden").iterdir()):
    if file.suffix in (".jpg", ".png", ".webp") and file.name.startswith(("xmp", "exif", "raw_profile")):
        link("metadata", file)
seed("metadata", "attribute.xmp", '<rdf:Description xmlns:t="http://ns.adobe.com/tiff/1.0/" t:Orientation = \'3\'/>')
seed("metadata", "element.xmp", "<tiff:Orientation> 8 </tiff:Orientation>")
seed("metadata", "crooked.xmp", '<a tiff:Orientation="x" xmlns:tiff tiff:Orientation="12">http://ns.adobe.com/tiff/1.0/')
seed("image", "cut.jpg", jpeg[:400])
seed("image", "webp", b"RIFF\0\0\0\0WEBPVP8 ")
seed("image", "heic", b"\0\0\0\x18ftypheic")
seed("image", "pgm", b"P5\n# comment\n3 2\n255\n123456")
seed("image", "page.html", "<html></html>")

# ---- packed stores, of version 4
def store(images, bad=b"", key=7, **changes):
    pixels = b"".join(bytes(range(h * w * 3)) for h, w in images)
    index, at = b"", 0
    for i, (h, w) in enumerate(images):
        index += struct.pack("<QII", changes.get("offset", at) if i == 1 else at, h, w)
        at += h * w * 3
    body = pixels + bytes(-len(pixels) % 8) + index + bad
    footer = struct.pack("<8sQQQQQ", b"PCSTORE\n", 4, key, changes.get("count", len(images)), len(pixels), len(bad))
    return body + footer + struct.pack("<Q", zlib.crc32(body + footer))


bad_image = b"1\tshoe/1.jpg\tshoe/1.jpg: empty file\n"
seed("store", "good", store([(2, 3), (0, 0), (4, 1)], bad_image))
seed("store", "none", store([]))
seed("store", "astray", store([(2, 3), (1, 1)], offset=2**40))
seed("store", "overlap", store([(2, 3), (1, 1)], offset=1))
seed("store", "unlisted", store([(2, 3), (0, 0)]))
seed("store", "listed_twice", store([(0, 0), (0, 0)], bad_image + bad_image))
seed("store", "count", store([(1, 1)], count=2**60))
seed("store", "cut", store([(2, 3)])[:-1])

# ---- requests
def posted(kind, body, more=b""):
    return (b"POST /v1/predict?top_k=3 HTTP/1.1\r\nHost: localhost:8080\r\nContent-Type: " + kind + b"\r\n" + more
            + b"Content-Length: %d\r\n\r\n" % len(body) + body)


chunked = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"
plain = b"GET /v2/health/ready HTTP/1.1\r\nHost: localhost\r\n"
multipart = (b'--b\r\nContent-Disposition: form-data; name="f"; filename="a \\"b\\".png"\r\nContent-Type: image/png\r\n\r\nbytes\r\n'
             b"--b\r\nContent-Disposition: form-data; name=note\r\n\r\ntext\r\n--b--\r\n")
kind = b"multipart/form-data; boundary=b"
infer = {
    "image": {"id": "7", "inputs": [{"name": "image", "datatype": "UINT8", "shape": [2, 1, 1, 3], "data": [1, 2, 3, 4, 5, 6]}]},
    "nested": {"inputs": [{"data": [[[[1, 2, 3]]]], "shape": [1, 1, 1, 3], "name": "image", "datatype": "UINT8"}],
               "outputs": [{"name": "kind", "parameters": {"binary_data": False}}]},
    "file": {"parameters": {"a": [1.5, None, {"b": "c"}]},
             "inputs": [{"name": "file", "datatype": "BYTES", "shape": [2], "data": ["QUI=", "QUJD"]}]},
}
for name, data in infer.items():
    seed("infer", name, json.dumps(data))
    seed("http", "infer_" + name, posted(b"application/json", json.dumps(data).encode()))
for name, tensor, data in (("binary_image", {"name": "image", "datatype": "UINT8", "shape": [2, 1, 1, 3]}, b"abcdef"),
                           ("binary_file", {"name": "file", "datatype": "BYTES", "shape": [2]}, b"\3\0\0\0abc\0\0\0\0")):
    head = {"parameters": {"binary_data_output": True}, "inputs": [tensor | {"parameters": {"binary_data_size": len(data)}}]}
    seed("infer", name, json.dumps(head).encode() + b"\x1e" + data)
seed("infer", "deep", "[" * 40 + "]" * 40)
seed("infer", "alias", '{"inputs[].shape[]":1,"":{"inputs":[]}}')
seed("infer", "huge", '{"inputs":[{"name":"image","datatype":"UINT8","shape":[4294967296,4294967296,4294967296,3],"data":[]}]}')
seed("form", "two", kind + b"\n" + multipart)
seed("form", "empty", kind + b"\n--b--\r\n")
seed("form", "quoted", b'Multipart/Form-Data; x=y; boundary="b"\n' + multipart)
seed("form", "extended", kind + b"\n--b\r\nContent-Disposition: form-data; name=f; filename*=utf-8'en'%D1%84%20a.jpg\r\n\r\nx\r\n"
     b"--b\r\nContent-Disposition: form-data; filename*=iso-8859-1''%E9; filename=\"e\"\r\n\r\ny\r\n--b--\r\n")
seed("form", "by_type", kind + b"\n--b\r\nContent-Disposition: form-data; name=f\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\n")
seed("query", "all", "top_k=3&accept_at=90&logits=1&similar=6&explain=1")
seed("query", "twice", "top_k=3&top_k=4")
seed("query", "bare", "&top_k&=&similar=&x=y")
seed("query", "large", "top_k=99999999999999999999&similar=-1")
seed("form", "cut", kind + b"\n" + multipart[:-20])
seed("http", "get", plain + b"\r\n")
seed("http", "pipeline", (plain + b"\r\n") * 3 + plain + b"Connection: close\r\n\r\n")
seed("http", "form", posted(kind, multipart, b"Origin: http://localhost:8080\r\nAuthorization: Bearer x\r\n"))
seed("http", "chunks", chunked + b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: trailer\r\n\r\n" + plain + b"\r\n")
seed("http", "both", chunked[:-2] + b"Content-Length: 3\r\n\r\n0\r\n\r\n")
seed("http", "bare_lf", plain.replace(b"\r", b"") + b"\n")
seed("http", "folded", plain + b"X: a\r\n b\r\n\r\n")
seed("http", "old", b"GET / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n")
seed("http", "old_probe", b"GET /v2/health/live HTTP/1.0\r\n\r\n" + plain + b"Connection: close, keep-alive\r\n\r\n")
seed("http", "long_line", b"GET /" + b"a" * 300)
seed("http", "long_chunk_line", chunked + b"1;" + b"x" * 1200)

# ---- tables and downloads
files = ["a/1.jpg", '"a/b, c.jpg"', "'=1+1.jpg", "''=1.jpg", b"caf\xe9.jpg".decode("latin-1"), '"""x"".jpg"']
sides = ["train", "val", "test", "unused", "Training", "DEV"]
split = "".join(f"{file},{side},{group}\n" for file, side, group in zip(files, sides, ["1", "", "1", "", "", ""]))
seed("split", "written", ("file,split,group\n" + split).encode("latin-1"))
seed("split", "excel", ("sep=;\r\nFile;Split\r\n" + "".join(f"{f};{s}\r\n" for f, s in zip(files, sides))).encode("latin-1"))
seed("split", "twice", "file,split\na/1.jpg,train\na/1.jpg,test\n")
seed("split", "unknown", "file,split\nb.jpg,train\n")
seed("class_map", "plain", "# comment\nclass,label\na,x\n\"b c\",y z\nd,a\n")
seed("class_map", "twice", "class,label\na,x\na,x\n")
seed("class_map", "comma", "class,label\na,x,y\n")
seed("class_map", "semicolons", "Label;Class\nx;a\n")
state = {"url": "https://host/set.zip", "etag": '"1"', "last_modified": "Mon, 30 Nov 2026 00:00:00 GMT", "total": 300}
seed("part", "whole", b"\x40" + json.dumps(state, indent=2).encode())
seed("part", "too_long", b"\xff" + json.dumps({**state, "total": 3}).encode())
seed("part", "breaks", b"\x10" + json.dumps({**state, "etag": "a\r\nHost: b", "total": -7}).encode())
seed("part", "other", b"\x10" + json.dumps({**state, "url": 1}).encode())
seed("part", "torn", b"\x10{\"url\": \"https://host/set.zip\", \"et")
seed("download", "whole", "200|5|\"a\"|||hello\n")
seed("download", "resumed", "200|9|\"a\"||broken|hello\n206|4|\"a\"|bytes 5-8/9||wide\n")
seed("download", "changed", "200|9|\"a\"||broken|hello\n206|4|\"b\"|bytes 5-8/9||wide\n200|4|\"b\"|||wide\n")
seed("download", "behind_the_end", "200|-1|\"a\"||broken|hello\n416|0||bytes */5||\n")
seed("download", "busy", "503|1||||\n429|2||||\n200|-1||||hello\n")
seed("download", "bad_ranges", "200|9|\"a\"||broken|hello\n206|4|\"a\"|bytes 8-5/9||x\n206|4|\"a\"|bytes 5-8/*||x\n206|4||bytes 5-99999999999999999999/9||x\n")
seed("download", "too_long", "200|-1||||" + "x" * 100 + "\n")

# ---- model files' metadata
heads = [{"name": "kind", "labels": ["bag", "shoe"]}, {"name": "color", "labels": ["red", "bl\u00fce", ""]}]
preprocess = {"height": 80, "width": 60, "resize": "stretch", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
              "fill": [255, 255, 255]}
calibration = {
    "heads": [{"temperature": 1.25, "thresholds": [{"percent": 95, "of_label": [0.5, None]}]},
              {"temperature": 0.5, "thresholds": [{"percent": 90, "of_label": [0.1, 1, 0]}]}],
    "novelty": {"score": "cosine", "head": "kind", "directions": [[6000, 8000], [-10000, 0]], "limit": 0.25},
}
model = {"architecture": "resnet18", "heads": heads, "preprocess": preprocess}
full = {**model, "calibration": calibration,
        "hierarchy": [{"fine": "color", "coarse": "kind", "coarse_of": [[0], [0, 1], []]}],
        "held_back": {"pictures": 9, "files": 2**64 - 1, "test": [1, 8], "min_counts": [1, 0], "rare": "drop"}}
for name, value in {
    "plain": model,
    "full": full,
    "tall": {**model, "preprocess": {**preprocess, "height": 1000000}},
    "wraps": {**model, "preprocess": {**preprocess, "height": 2**32 + 80}},
    "fraction": {**model, "preprocess": {**preprocess, "width": 60.5, "std": [0, 1e300, -1]}},
    "twins": {**model, "heads": heads + heads},
    "many": {**model, "heads": [{"name": "n", "labels": [""] * 3000}]},
}.items():
    seed("model_info", name, json.dumps(value))
seed("model_info", "deep", "[" * 3000)
for name, value in {"full": calibration, "no_novelty": {"heads": calibration["heads"]},
                    "other_score": {**calibration, "novelty": {"score": "energy"}},
                    "cold": {"heads": [{"temperature": 1e-300, "thresholds": []}] * 2},
                    "far": {**calibration, "novelty": {**calibration["novelty"], "directions": [[1e300, 0]]}}}.items():
    seed("calibration", name, json.dumps(value))
picture = {"height": 2, "width": 1, "pixels": [0, 1, 2, 253, 254, 255], "logits": {"kind": [0.5, -1e-3], "color": [1, 2, 3]}}
for name, value in {"good": picture, "huge": {**picture, "height": 513}, "wraps": {**picture, "pixels": [256] * 6},
                    "infinite": {**picture, "logits": {"kind": [1e300, 0], "color": [0, 0, 0]}}}.items():
    seed("self_test", name, json.dumps(value))
state = {"epoch": 3, "step": 17, "total_steps": 2017, "loss_sums": [12.5, 0.125], "hits": [7, 8], "seen": [9, 9], "best": -1,
         "best_epoch": 0, "finished": 0, "seconds": 12.75, "log_bytes": 4096}
scaler = {"loss_scale": 65536, "good_steps": 3, "steps": 2017, "updates": 2016}
for name, value in {"good": state, "negative": {**state, "log_bytes": -1}, "other_heads": {**state, "hits": [1]},
                    "wraps": {**state, "step": 2**63}}.items():
    seed("train_state", name, json.dumps(value) + "\0" + json.dumps(scaler))
seed("train_state", "alone", json.dumps(state))
lines = "NVIDIA H200, cuDNN 91900; forward bf16 256x56x56x64 64x3x3/1+1 relu = 58 2=1 7=0\n" \
        "NVIDIA H200, cuDNN 91900; backward_weight bf16 256x56x56x64 64x3x3/1+1 = 12\n"
for name, value in {"good": lines, "empty": "", "no_engine": "a; b = \n", "no_device": "b = c; d\n", "cut": lines[:-3],
                    "nul": "a; b = c\0d\n", "twice": "a; b = 1\na; b = 2\n", "equals": "a; b = c = d\n"}.items():
    seed("conv_engines", name, value)
