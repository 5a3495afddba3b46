#!/usr/bin/python3
"""browser.py BIN MODEL PICTURES [SCREENSHOTS]: the page used as a person would, in headless Chromium with real uploads.

PICTURES is a folder of JPEG, PNG or WebP files. Wide (1280) and narrow (390) and dark: one picture, a file that is none, several
at once and their CSV, keyboard only. No console message, no request to elsewhere, nothing wider than the window. With SCREENSHOTS
(a folder) each stage is drawn there. Exit code 0: held; 77: no chromium here.
"""
import shutil
import sys
import tempfile
import time
from pathlib import Path

from chromium import Browser, arguments, check
from serving import Server


def visit(browser, base, pictures, stage, draw):
    browser.call("Page.navigate", url=base)
    browser.wait("document.readyState === 'complete' && location.protocol === 'http:'")
    draw(stage + "-1-before")
    browser.upload("#file", pictures[:1])
    browser.wait("document.querySelector('.heads .guess') !== null")
    browser.wait("document.getElementById('photo').complete && document.getElementById('photo').naturalWidth > 0")
    check(browser.run("document.getElementById('status').textContent") == pictures[0].name, "the answer names its picture")
    draw(stage + "-2-answer")
    browser.run("document.getElementById('show').click()")
    browser.wait("!document.getElementById('heat').hidden && document.getElementById('heat').naturalWidth > 0")
    draw(stage + "-3-heat")
    check(browser.run("document.documentElement.scrollWidth <= innerWidth"), stage + ": nothing is wider than the window")


def main():
    bin_folder, model, pictures, shots = arguments()
    server = Server(bin_folder, model)
    base = f"http://127.0.0.1:{server.port}/"
    home = tempfile.mkdtemp()
    browser = Browser(home)
    try:
        browser.open()
        draw = browser.drawing_into(shots)
        browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=home)
        for stage, width, height, dark in (("wide", 1280, 900, False), ("narrow", 390, 844, False), ("small", 360, 640, False),
                                           ("dark", 1280, 900, True)):
            browser.see(width, height, dark, touch=width < 500)
            visit(browser, base, pictures, stage, draw)

        # A file that is no picture, named so that it would be markup if it were taken as such.
        trap = Path(home) / "<img src=x onerror=alert(1)>.jpg"
        trap.write_bytes(b"GIF89a trap")
        browser.upload("#file", [trap])
        browser.wait("document.getElementById('status').classList.contains('bad')")
        said = browser.run("document.getElementById('status').textContent")
        check("GIF" in said and "<img" in said, "a refused file is named as text: " + said)
        draw("dark-4-refused")

        # Several at once, the bad one among them, and their table as CSV.
        formula = Path(home) / "=1+1.png"
        formula.write_bytes(pictures[-1].read_bytes())
        browser.see(1280, 900, False)
        browser.upload("#file", [*pictures, trap, formula])
        browser.wait("!document.getElementById('csv').disabled && document.getElementById('stop').hidden", 60)
        count = len(pictures) + 2
        check(browser.run("document.querySelectorAll('#rows tr').length") == count, "a row per picture")
        check("1 failed" in browser.run("document.getElementById('done').textContent"), "failures are counted")
        draw("wide-5-batch")
        browser.run("document.getElementById('csv').click()")
        table = Path(home) / "pictures.csv"
        for _ in range(100):
            if table.exists() and table.stat().st_size:
                break
            time.sleep(0.05)
        lines = table.read_text("utf-8-sig").splitlines()
        check(len(lines) == count + 1, "a line per picture, and the header")
        check(any(line.startswith("\"'=1+1.png\",\"ok\"") for line in lines), "no formula begins a cell")
        check(sum('"failed"' in line for line in lines) == 1, "the failed one says so")
        browser.see(390, 844, False, touch=True)
        check(browser.run("document.documentElement.scrollWidth <= innerWidth"), "the table scrolls in itself")
        draw("narrow-5-batch")

        # With the keyboard alone: the skip link, then the file chooser has the focus ring of its button.
        browser.see(1280, 900, False)
        browser.call("Page.navigate", url=base)
        browser.wait("document.readyState === 'complete'")
        order = []
        for _ in range(4):
            browser.press("Tab", 9)
            order.append(browser.run("document.activeElement.id || document.activeElement.className"))
        check(order[:2] == ["skip", "file"], f"the tab order begins with the skip link and the chooser: {order}")
        check(browser.run("[...document.querySelectorAll('input,select,button,progress')].every(e => e.labels?.length || "
                          "e.ariaLabel || e.getAttribute('aria-label') || e.textContent)"), "every control has a name")
        found = browser.complaints(base)
        check(not found, "\n".join(found))
        print(f"page: {len(pictures)} pictures, wide, narrow, small and dark; {count} at once; CSV; keyboard: all hold")
        return 0
    finally:
        browser.close()
        shutil.rmtree(home, ignore_errors=True)
        code = server.stop()
        if code != 0:
            print(f"pcserve ended with {code}: {''.join(server.said)}")


if __name__ == "__main__":
    sys.exit(main())
