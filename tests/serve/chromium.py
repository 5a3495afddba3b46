"""Chromium without a window, and what the scripts that use the page share."""
import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path


class Browser:
    """Chromium over its DevTools pipe: JSON messages with a NUL behind each, on descriptors 3 and 4."""

    def __init__(self, home):
        to_read, self.write_end = os.pipe()
        self.read_end, to_write = os.pipe()
        # Out of the way of 3 and 4, which they become in the child.
        theirs = [to_read, to_write, fcntl.fcntl(to_read, fcntl.F_DUPFD, 20), fcntl.fcntl(to_write, fcntl.F_DUPFD, 20)]
        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--hide-scrollbars", f"--user-data-dir={home}", "--remote-debugging-pipe", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=(3, 4),
            preexec_fn=lambda: (os.dup2(theirs[2], 3), os.dup2(theirs[3], 4)))
        for end in theirs:  # else nobody would notice that it ended
            os.close(end)
        self.number, self.rest, self.events, self.session = 0, b"", [], None

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.next()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def next(self):
        while b"\0" not in self.rest:
            more = os.read(self.read_end, 1 << 20)
            if not more:
                raise SystemExit("chromium ended")
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def open(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(domain + ".enable")

    def see(self, width, height, dark, touch=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        self.call("Emulation.setTouchEmulationEnabled", enabled=touch)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def run(self, script):
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise SystemExit(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, script, patience=20):
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self.run(script):
                return
            time.sleep(0.05)
        raise SystemExit(f"never became true: {script}; the page says: {self.run('document.body.innerText')}")

    def upload(self, selector, files):
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=[str(f) for f in files], nodeId=node)

    def press(self, key, code=0):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def close(self):
        self.process.kill()
        self.process.wait()

    def draw(self, path):
        self.run("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        path.write_bytes(base64.b64decode(data))

    def drawing_into(self, folder):
        """draw() for names of screenshots in a folder; nothing where that is None."""
        if folder is None:
            return lambda name: None
        folder.mkdir(parents=True, exist_ok=True)
        return lambda name: self.draw(folder / (name + ".png"))

    def complaints(self, base, expected=("status of 4",)):
        """Console messages, exceptions, and requests that leave the server. Chromium itself logs a refused upload; the page shows why."""
        found = []
        for event in self.events:
            parameters = event.get("params", {})
            if event["method"] in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
                found.append(json.dumps(parameters)[:400])
            if event["method"] == "Log.entryAdded" and not (
                    parameters["entry"]["source"] == "network" and any(e in parameters["entry"]["text"] for e in expected)):
                found.append(json.dumps(parameters["entry"])[:400])
            if event["method"] == "Network.requestWillBeSent":
                url = parameters["request"]["url"]
                if not url.startswith((base, "data:", "blob:" + base, "about:")):
                    found.append("a request to " + url)
        return found


def check(holds, what):
    if not holds:
        raise SystemExit("does not hold: " + what)


def arguments():
    """BIN MODEL PICTURES [SCREENSHOTS]. Ends the script with 77 where there is no chromium."""
    if not shutil.which("chromium"):
        print("no chromium here")
        sys.exit(77)
    bin_folder, model, folder = sys.argv[1:4]
    pictures = sorted(p for p in Path(folder).resolve().iterdir() if p.suffix in (".jpg", ".png", ".webp"))
    return bin_folder, model, pictures, Path(sys.argv[4]) if len(sys.argv) > 4 else None
