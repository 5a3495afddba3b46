"""The main job of every program, on tiny data: what faults.py and kills.py disturb and run again."""
import fnmatch
import os
import random
import shutil
import signal
import subprocess
import zipfile

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATIENCE = 60  # seconds that a job may take, on a busy machine and with every retry


class Place:
    """A directory with the inputs of all jobs in in/ and, fresh for each run, what one of them writes in out/."""

    def __init__(self, programs, root):
        self.programs, self.root = programs, root
        self.input, self.out = f"{root}/in", f"{root}/out"
        self.server = ""

    def program(self, name):
        return f"{self.programs}/{name}"

    def environment(self):
        return {"PATH": "/usr/bin:/bin", "HOME": self.out, "XDG_CACHE_HOME": f"{self.out}/cache", "LC_ALL": "C.UTF-8",
                "PC_KAGGLE_URL": self.server}

    def fresh(self):
        shutil.rmtree(self.out, ignore_errors=True)
        os.makedirs(self.out)

    def make_inputs(self):
        """Three classes of eight images, the same as an archive, and two models trained on them."""
        dice = random.Random(1)
        os.makedirs(f"{self.input}/images")
        for name, color in {"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200)}.items():
            os.makedirs(f"{self.input}/images/{name}")
            for i in range(8):
                pixels = bytes(max(0, min(255, c + dice.randrange(-60, 60))) for _ in range(24 * 20) for c in color)
                with open(f"{self.input}/images/{name}/{i}.ppm", "wb") as f:
                    f.write(b"P6 20 24 255\n" + pixels)
        with zipfile.ZipFile(f"{self.input}/shop.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for folder, _, files in sorted(os.walk(f"{self.input}/images")):
                for file in sorted(files):
                    archive.write(f"{folder}/{file}", os.path.relpath(f"{folder}/{file}", f"{self.input}/images"))
        open(f"{self.input}/config.ini", "w").close()
        for seed in (1, 2):
            self.fresh()
            subprocess.run(training(self) + ["--set", f"train.seed={seed}"], check=True, env=self.environment(), cwd=self.out,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            os.makedirs(f"{self.input}/run{seed}")
            for name in ("model.safetensors", "split.csv"):
                shutil.copy(f"{self.out}/runs/tiny/{name}", f"{self.input}/run{seed}/{name}")


def training(place):
    """It uses what a checkpoint has to carry: momentum, running averages, mixed and changed images."""
    settings = {"data.root": f"{place.input}/images", "data.cache": f"{place.out}/cache", "model.architecture": "smallcnn",
                "model.weights": "", "model.height": 16, "model.width": 16, "train.epochs": 1, "train.batch": 4, "train.save_every": 2,
                "train.threads": 2, "train.ema": 0.9, "train.lr": 0.02, "augment.mixup": 0.4, "augment.cutmix": 1,
                "augment.background": 0.5, "augment.trivial": 0.5, "output.runs": f"{place.out}/runs", "output.name": "tiny"}
    words = [place.program("pctrain"), f"{place.input}/config.ini"]
    for key, value in settings.items():
        words += ["--set", f"{key}={value}"]
    return words


class Job:
    """One command. `again`: the option with which it is run again after a failure; `partial`: what may lie there until then;
    `resumes`: a rerun prints something else; `measures`: it prints what the machine has free."""

    def __init__(self, name, words, again="--force", partial=(), resumes=False, measures=False):
        self.name, self.words, self.again, self.partial = name, words, again, partial
        self.resumes, self.measures = resumes, measures
        self.program = name.split("-")[0]

    @property
    def written(self):
        """Whether it leaves files, so that a kill can leave half of them."""
        return self.program not in ("pcserve", "pcdoctor")

    def command(self, place):
        words = self.words
        if not callable(words):
            values = {"in": place.input, "out": place.out, "model": f"{place.input}/run1/model.safetensors",
                      "other": f"{place.input}/run2/model.safetensors"}
            return [place.program(self.program)] + [word.format(**values) for word in words.split()]
        return words(place)

    def command_again(self, place):
        words = self.command(place)
        if not self.again or self.again not in help_of(words):
            return words
        return words + [self.again]

    def may_remain(self, path):
        return any(fnmatch.fnmatch(path, pattern) for pattern in self.partial)


HELP = {}


def help_of(words):
    key = tuple(words[:2] if words[0].endswith("pcdata") else words[:1])
    if key not in HELP:
        HELP[key] = subprocess.run([*key, "--help"], capture_output=True, text=True).stdout
    return HELP[key]


JOBS = [
    Job("pctrain", training, again="", partial=("runs/*", "cache/*"), resumes=True),
    Job("pcpredict", "-m {model} --threads 2 --batch-size 8 --csv -o {out}/rows.csv {in}/images {in}/shop.zip", again="--resume",
        partial=("rows.csv", "rows.csv.manifest"), resumes=True),
    Job("pceval", "{model} {in}/images --split all --threads 2 --report {out}/page.html --calibrate {out}/own.safetensors"),
    Job("pcindex", "-m {model} --threads 2 -o {out}/shop.index {in}/images"),
    Job("pcmerge", "{out}/mean.safetensors {model} {other} --statistics {in}/images --pictures 16"),
    Job("pcconvert-pth", "{model} {out}/model.pth"),
    Job("pcconvert-onnx", "--pixels {model} {out}/model.onnx"),
    Job("pcdata-pack", "pack {in}/shop.zip --threads 2 --height 16 --width 16 --cache {out}/cache"),
    Job("pcdata-unpack", "unpack {in}/shop.zip {out}/shop"),
    Job("pcdata-inspect", "inspect {in}/images --threads 2 --html {out}/page.html"),
    Job("pcdata-sample", "sample 12 {out}/shop"),
    Job("pcdata-fetch", "fetch fashion-product-images-small {out}/fetched", partial=("fetched/*.part*",), resumes=True),
    Job("pcserve", "-m {model} --threads 1 --port 0"),
    Job("pcdoctor", "--json", measures=True),
]


class Ended:
    def __init__(self, code, out, errors):
        self.code, self.out, self.errors = code, out, errors


def start(place, words, prefix=()):
    return subprocess.Popen([*prefix, *words], cwd=place.out, env=place.environment(), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


def finish(process):
    """Ended; the code is None where it had to be killed."""
    try:
        out, errors = process.communicate(timeout=PATIENCE)
        return Ended(process.returncode, out, errors.decode(errors="replace"))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, errors = process.communicate()
        return Ended(None, out, errors.decode(errors="replace"))
