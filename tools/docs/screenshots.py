#!/usr/bin/python3
"""tools/docs/screenshots.py BIN [DIR]: draws the images of the docs into DIR (tools/docs/images) with headless Chromium.

The programs in BIN draw a data set (pcdata sample), train on it for a minute, and are shown at work: a terminal with what they print
there, the page of pcserve, the report of the run. Nothing is painted by hand. Exit code 77: there is no chromium, or no Pillow.
"""
import base64
import html
import io
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    from PIL import Image
except ImportError:
    Image = None

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/serve"))
from chromium import Browser  # noqa: E402
from serving import Server    # noqa: E402

COLUMNS = 124
MOST_BYTES = 150_000  # of an image, so that the pages load quickly
COLORS = {"31": "#f38ba8", "32": "#a6e3a1", "33": "#f9e2af", "34": "#89b4fa", "35": "#cba6f7", "36": "#89dceb", "90": "#7f849c"}
TERMINAL = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; padding: 0; width: max-content }}
pre {{ margin: 0; padding: 18px 22px; border-radius: 10px; background: #1e1e2e; color: #cdd6f4;
      font: 13px/1.35 "DejaVu Sans Mono", monospace; width: {columns}ch }}
.prompt {{ color: #a6e3a1 }} .typed {{ color: #fff; font-weight: bold }}
</style><pre>{text}</pre>"""


def spans(line):
    """A line's text with its SGR colors as HTML; other escape sequences are left out."""
    out, style = "", ""
    for part in re.split(r"(\x1b\[[0-9;?]*[A-Za-z])", line):
        if not part.startswith("\x1b"):
            out += f'<span style="{style}">{html.escape(part)}</span>' if style else html.escape(part)
        elif part.endswith("m"):
            codes = part[2:-1].split(";")
            style = ";".join([f"color:{COLORS[c]}" for c in codes if c in COLORS] + ["font-weight:bold"] * ("1" in codes) +
                             ["opacity:.6"] * ("2" in codes))
    return out


def folded(line):
    """The line's rows on the terminal; the tags of spans() take no column."""
    rows, column = "", 0
    for part in re.findall(r"<[^>]*>|&[^;]*;|.", line):
        if not part.startswith("<"):
            if column == COLUMNS:
                rows, column = rows + "\n", 0
            column += 1
        rows += part
    return rows


def said_by(command, folder):
    """What the command prints on a terminal of COLUMNS columns."""
    child, descriptor = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execvp("sh", ["sh", "-c", f"stty cols {COLUMNS}; exec {command}"])
    said = b""
    while True:
        try:
            more = os.read(descriptor, 1 << 16)
        except OSError:  # its end, on Linux
            break
        if not more:
            break
        said += more
    os.close(descriptor)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        raise SystemExit(f"{command} ended with {status}: {said.decode()}")
    return said.decode()


def terminal(folder, *commands):
    """What the commands print on a terminal, as a page. A line that was redrawn is shown as it was last."""
    text = ""
    for command in commands:
        lines = [line.rstrip("\r").rsplit("\r", 1)[-1] for line in said_by(command, folder).split("\n")]
        shown = "\n".join(folded(spans(line)) for line in lines)
        text += f'<span class="prompt">$ </span><span class="typed">{html.escape(command)}</span>\n{shown}\n'
    return TERMINAL.format(columns=COLUMNS, text=text.rstrip())


def show(browser, url):
    browser.call("Page.navigate", url=url)
    browser.wait(f"document.readyState === 'complete' && location.protocol === '{url.split(':')[0]}:'")


def draw(browser, path, height=None):
    """The page, down to `height`, as a PNG of at most MOST_BYTES."""
    browser.run("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    size = browser.call("Page.getLayoutMetrics")["cssContentSize"]
    clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], height or size["height"]), "scale": 1}
    data = base64.b64decode(browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"])
    image = Image.open(io.BytesIO(data)).convert("RGB").quantize(256, dither=Image.Dither.NONE)  # a third of the bytes
    image.save(path, optimize=True)
    print(f"{path.name}: {image.width} x {image.height}, {path.stat().st_size} bytes")
    if path.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{path}: over {MOST_BYTES} bytes")


def draw_page(browser, bins, folder, path):
    subprocess.run(["pcindex", "-o", folder / "shop.index", folder / "shop/images"], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    server = Server(bins, folder / "runs/shop/model.safetensors", "--index", str(folder / "shop.index"))
    try:
        browser.see(1280, 800, dark=False)
        show(browser, f"http://127.0.0.1:{server.port}/")
        browser.upload("#file", [folder / "shop/images/10012.jpg"])
        browser.wait("document.querySelector('.heads .guess') !== null && document.getElementById('photo').naturalWidth > 0")
        browser.run("document.getElementById('show').click()")
        browser.wait("!document.getElementById('heat').hidden && document.getElementById('heat').naturalWidth > 0")
        draw(browser, path)
    finally:
        server.stop()


def main():
    if not shutil.which("chromium") or not Image:
        print("no chromium or no Pillow here; PC_ORACLES=yes tools/setup.sh installs them")
        return 77
    bins = Path(sys.argv[1]).resolve()
    out = Path(sys.argv[2] if len(sys.argv) > 2 else Path(__file__).parent / "images").resolve()
    out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp())
    os.environ.update(PATH=f"{bins}:{os.environ['PATH']}", XDG_CACHE_HOME=str(folder / "cache"), TERM="xterm-256color")
    os.environ.pop("COLUMNS", None)
    browser = Browser(tempfile.mkdtemp(dir=folder))
    try:
        browser.open()
        page = terminal(folder, "pcdata sample 600 shop", "pctrain shop --labels articleType --epochs 4",
                        "pcpredict --top-k 3 shop/images/10012.jpg")
        (folder / "terminal.html").write_text(page, "utf-8")
        browser.see(1015, 100, dark=False)
        show(browser, (folder / "terminal.html").as_uri())
        draw(browser, out / "terminal.png")
        draw_page(browser, bins, folder, out / "page.png")
        browser.see(1100, 800, dark=False)
        show(browser, (folder / "runs/shop/report.html").as_uri())
        draw(browser, out / "report.png", height=1000)
    finally:
        browser.close()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
