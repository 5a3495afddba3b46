#!/usr/bin/python3
"""page_inputs.py BIN MODEL PICTURES [SCREENSHOTS]: the other ways to give the page a picture, and what may be in the way.

In headless Chromium: an image from the clipboard, files dragged onto the page, a phone's camera; a server that requires a token; a
server that dies while it is asked, and comes back. PICTURES is a folder of JPEG, PNG or WebP files. With SCREENSHOTS (a folder) each
stage is drawn there. Exit code 0: held; 77: no chromium here.
"""
import base64
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from chromium import Browser, arguments, check
from serving import Server

STATUS = "document.getElementById('status').textContent"
ANSWERED = "document.querySelector('.heads .guess') !== null"
FIGURES = "document.getElementById('figures').textContent"
FILLED = "document.getElementById('stop').hidden"


def visit(browser, base):
    browser.call("Page.navigate", url="about:blank")
    browser.wait("location.protocol === 'about:'")
    browser.call("Page.navigate", url=base)
    browser.wait("document.readyState === 'complete' && location.protocol === 'http:'")


def drag(browser, data, steps=("dragEnter", "dragOver", "drop")):
    for step in steps:
        browser.call("Input.dispatchDragEvent", type=step, x=200, y=300, data={"items": [], "dragOperationsMask": 1, **data})


def pasted(browser, base, pictures, draw):
    visit(browser, base)
    browser.call("Browser.grantPermissions", origin=base.rstrip("/"), permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    image = base64.b64encode(next(p for p in pictures if p.suffix == ".png").read_bytes()).decode()
    browser.run(f"navigator.clipboard.write([new ClipboardItem({{'image/png': new Blob([Uint8Array.from(atob('{image}'), "
                "c => c.charCodeAt(0))], {type: 'image/png'})})])")
    browser.call("Input.dispatchKeyEvent", type="keyDown", key="v", modifiers=2, commands=["paste"])
    browser.wait(ANSWERED)
    draw("ways-1-pasted")
    said = browser.run(STATUS)
    check(said == "Pasted image", "it has a name: " + said)
    browser.run("navigator.clipboard.writeText('only words')")
    browser.call("Input.dispatchKeyEvent", type="keyDown", key="v", modifiers=2, commands=["paste"])
    check(browser.run(STATUS) == said, "words on the clipboard change nothing")


def dragged(browser, base, pictures, draw):
    visit(browser, base)
    one = {"files": [str(pictures[0])]}
    drag(browser, one, ["dragEnter", "dragOver"])
    browser.wait("document.getElementById('drop').classList.contains('over')")
    draw("ways-2-dragging")
    drag(browser, one, ["drop"])
    browser.wait(ANSWERED)
    check(browser.run(STATUS) == pictures[0].name, "the dropped file is named: " + browser.run(STATUS))
    check(not browser.run("document.getElementById('drop').classList.contains('over')"), "the frame is as before")
    drag(browser, {"files": [str(p) for p in pictures[:3]]})
    browser.wait(f"document.querySelectorAll('#rows td small').length >= 3 && {FILLED} && {ANSWERED}")
    names = browser.run("[...document.querySelectorAll('#rows td:first-child')].map(cell => cell.textContent)")
    check(names == [p.name for p in pictures[:3]], f"rows in the order of the files: {names}")
    drag(browser, {"files": [], "items": [{"mimeType": "text/plain", "data": "https://shop.example/a.jpg"}]})
    browser.wait(STATUS + ".includes('is not a file')")
    drag(browser, {"files": [str(pictures[0].parent)]})
    browser.wait(STATUS + ".includes('is it a folder?')")
    draw("ways-3-folder")


def photographed(browser, base, pictures, draw):
    visit(browser, base)
    shown = "getComputedStyle(document.querySelector('.camera')).display !== 'none'"
    check(not browser.run(shown), "no camera button beside a mouse")
    browser.see(390, 844, False, touch=True)
    check(browser.run(shown), "a camera button under a finger")
    check(browser.run("document.getElementById('camera').getAttribute('capture')") == "environment", "the camera that looks away")
    browser.upload("#camera", pictures[:1])
    browser.wait(ANSWERED)
    draw("ways-4-camera")
    browser.see(1280, 900, False)


def token(browser, bin_folder, model, home, pictures, draw):
    secret = Path(home) / "token"
    secret.write_text("s3cret-word\n")
    secret.chmod(0o600)
    server = Server(bin_folder, model, "--token-file", secret)
    base = f"http://127.0.0.1:{server.port}/"

    def give(word):
        browser.run("document.getElementById('token').value = ''")
        browser.call("Input.insertText", text=word)
        browser.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")

    visit(browser, base)
    check(browser.run("document.getElementById('key').hidden"), "the token is not asked for before it is needed")
    browser.upload("#file", pictures[:3])
    browser.wait(f"{STATUS}.includes('requires a token') && document.querySelectorAll('td.why').length === 3 && {FILLED}")
    check(browser.run("document.activeElement.id") == "token", "the field has the focus")
    draw("ways-5-token")
    give("another")
    browser.wait(f"{STATUS}.includes('not the right token') && !document.getElementById('key').hidden && {FILLED}")
    draw("ways-6-wrong-token")
    browser.see(390, 844, False, touch=True)
    draw("ways-6-wrong-token-narrow")
    browser.see(1280, 900, False)
    give("s3cret-word")
    browser.wait(f"{ANSWERED} && document.getElementById('key').hidden && {FILLED} && document.querySelectorAll('td.why').length === 0")
    check(browser.run("document.querySelectorAll('#rows tr').length") == 3, "the table is filled with the same rows")
    browser.upload("#file", pictures[1:2])
    browser.wait(f"{ANSWERED} && {STATUS} === '{pictures[1].name}'")
    check(browser.run("localStorage.length + sessionStorage.length + document.cookie.length") == 0, "the token is kept nowhere else")
    check("s3cret" not in browser.run("location.href"), "nor in the address")
    browser.run("document.getElementById('metrics-link').click()")
    browser.wait(FIGURES + ".includes('# TYPE ')")
    check(browser.run("location.pathname") == "/", "the metrics are shown on the page")
    draw("ways-6-metrics")
    visit(browser, base)
    browser.upload("#file", pictures[:1])
    browser.wait(STATUS + ".includes('requires a token')")
    visit(browser, base)  # nothing but the metrics asked for
    browser.run("document.getElementById('metrics-link').click()")
    browser.wait(FIGURES + ".includes('requires a token')")
    check(browser.run("document.activeElement.id") == "token", "the field has the focus for the metrics too")
    give("another")
    browser.wait(FIGURES + ".includes('not the right token')")
    give("s3cret-word")
    browser.wait(FIGURES + ".includes('# TYPE ') && document.getElementById('key').hidden")
    check(browser.run(STATUS) == "Upload an image to see predictions.", "no picture was asked for")
    found = browser.complaints(base)
    check(not found, "\n".join(found))
    check(server.stop() == 0, "the end")


def outage(browser, bin_folder, model, pictures, draw):
    server = Server(bin_folder, model)
    base = f"http://127.0.0.1:{server.port}/"
    visit(browser, base)
    server.signal(signal.SIGSTOP)  # it takes connections, and answers nothing
    browser.upload("#file", pictures[:6])
    browser.wait(STATUS + ".startsWith('Asking')")
    server.process.kill()
    server.process.wait()
    browser.wait(f"{STATUS}.includes('does not answer') && document.querySelectorAll('td.why').length === 6 && {FILLED}")
    draw("ways-7-gone")
    browser.run("document.querySelector('#result button').click()")
    browser.wait(STATUS + ".includes('does not answer')")
    server = Server(bin_folder, model, port=server.port)
    browser.run("document.querySelector('#result button').click()")
    browser.wait(ANSWERED)
    browser.run("document.getElementById('again').click()")
    browser.wait(f"document.querySelectorAll('td.why').length === 0 && {FILLED}")
    check(browser.run("document.querySelectorAll('#rows tr').length") == 6, "the table is filled with the same rows")
    check(browser.run("document.getElementById('again').hidden"), "nothing is missing any more")
    draw("ways-8-back")
    found = browser.complaints(base, expected=("net::ERR_",))
    check(not found, "\n".join(found))
    check(server.stop() == 0, "the end")


def main():
    bin_folder, model, pictures, shots = arguments()
    home = tempfile.mkdtemp()
    browser = Browser(home)
    draw = browser.drawing_into(shots)
    try:
        browser.open()
        browser.see(1280, 900, False)
        browser.call("Page.bringToFront")
        server = Server(bin_folder, model)
        base = f"http://127.0.0.1:{server.port}/"
        for way in (pasted, dragged, photographed):
            way(browser, base, pictures, draw)
        found = browser.complaints(base)
        check(not found, "\n".join(found))
        check(server.stop() == 0, "the end")
        browser.events.clear()
        token(browser, bin_folder, model, home, pictures, draw)
        browser.events.clear()
        outage(browser, bin_folder, model, pictures, draw)
        print("page: pasted, dragged, photographed; a token, for the metrics too; a server that dies and comes back: all hold")
        return 0
    finally:
        browser.close()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
