#!/usr/bin/python3
"""Writes reference_golden.json beside itself: what a small trainer of its own, on PyTorch in f64, makes of the data set and the
settings of reference_test.cpp. Nothing here is read off pctrain's code: what a setting means is what its help says."""
import json
import math
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from draws import Draws, draw, draw_pairs, epoch_order, philox, uniform  # noqa: E402

H, W, IMAGES = 16, 20, 40
KINDS, TONES = 3, 2
MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def kind(i):  # -1: the row has none
    return -1 if i % 7 == 6 else [0, 0, 1, 2, 1, 0][i % 6]


def tone(i):
    return -1 if i % 11 == 4 else int(i % 3 == 0)


def side(i):
    return "val" if i % 5 == 0 else "test" if i % 10 == 3 else "train"


def image(i):
    p = np.arange(H * W * 3)
    values = philox(i, 0, p)[:, 0] % 150 + 35 * ((p + i % 6) % 3).astype(np.uint64)
    x = (values.astype(np.float64).reshape(H, W, 3) / 255 - MEAN) / DEVIATION
    return torch.from_numpy(x.transpose(2, 0, 1).copy())


class Net:
    """smallcnn: four 3x3 convolutions with batch norm and ReLU, 2x2 max pooling after the first two, the mean, a linear layer per head."""

    LAYERS = ["layer1", "layer2", "layer3", "layer4"]

    def __init__(self, seed):
        self.p, self.statistics, channels, drawn = {}, {}, [3, 32, 64, 128, 256], 0
        for layer, c, k in zip(self.LAYERS, channels, channels[1:]):  # N(0, 2 / fan_out), Box-Muller
            words = philox(seed, drawn, np.arange(0, k * 9 * c, 2)).astype(np.float64)
            radius = np.sqrt(-2 * np.log((words[:, 0] + 1) / 2**32)) * math.sqrt(2 / (k * 9))
            angle = 2 * math.pi * words[:, 1] / 2**32
            values = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).reshape(k, 3, 3, c)
            self.p[layer + ".conv.weight"] = torch.from_numpy(values.transpose(0, 3, 1, 2).copy())
            self.p[layer + ".bn.weight"], self.p[layer + ".bn.bias"] = torch.ones(k).double(), torch.zeros(k).double()
            self.statistics[layer + ".bn.running_mean"] = torch.zeros(k).double()
            self.statistics[layer + ".bn.running_var"] = torch.ones(k).double()
            drawn += 1
        for head, classes in (("heads.kind", KINDS), ("heads.tone", TONES)):  # U(-1, 1) / sqrt(in)
            for member, shape in ((".weight", (classes, 256)), (".bias", (classes,))):
                words = philox(seed, drawn, np.arange(math.prod(shape)))[:, 0]
                self.p[head + member] = torch.from_numpy(((2 * uniform(words) - 1) / 16).reshape(shape))
                drawn += 1
        for parameter in self.p.values():
            parameter.requires_grad_(True)

    def learns(self, layer):
        return any(self.p[f"{layer}.{name}"].requires_grad for name in ("conv.weight", "bn.weight", "bn.bias"))

    def forward(self, x, training):
        for i, layer in enumerate(self.LAYERS):
            x = F.conv2d(x, self.p[layer + ".conv.weight"], padding=1)
            mean, variance = (self.statistics[f"{layer}.bn.running_{s}"] for s in ("mean", "var"))
            x = F.batch_norm(x, mean, variance, self.p[layer + ".bn.weight"], self.p[layer + ".bn.bias"],
                             training and self.learns(layer), 0.1, 1e-5)  # fmt: skip
            x = F.max_pool2d(F.relu(x), 2) if i < 2 else F.relu(x)
        x = x.mean((2, 3))
        return [F.linear(x, self.p[h + ".weight"], self.p[h + ".bias"]) for h in ("heads.kind", "heads.tone")]

    def members(self):
        return {**self.p, **self.statistics}

    def copy(self):
        return {name: value.detach().clone() for name, value in self.members().items()}


def fingerprint(members):
    """Of every member, as it lies in our files ([k,r,s,c] filters): up to eight values spread over it, and a sum with uneven weights."""
    result = {}
    for name, value in members.items():
        flat = (value.permute(0, 2, 3, 1) if value.dim() == 4 else value).reshape(-1).double()
        i = torch.arange(flat.numel())
        picked = [float(flat[j * 7919 % flat.numel()]) for j in range(min(8, flat.numel()))]
        weights = ((i * 37 % 101) - 50).double() / 50
        result[name] = [float(f"{v:.7g}") for v in picked + [float((flat * weights).sum())]]
    return result


def rates(s, steps):
    lr, warm_up = s["train.lr"], s["train.warm_up"]
    if s["train.schedule"] == "constant":
        return [lr] * steps
    if s["train.schedule"] == "cosine":
        rise = math.floor(warm_up * steps)
        return [lr * (i + 1) / rise if i < rise else lr / 2 * (1 + math.cos(math.pi * (i - rise) / (steps - rise)))
                for i in range(steps)]  # fmt: skip
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, steps, pct_start=warm_up, cycle_momentum=False)
    result = []
    for i in range(steps):
        result.append(optimizer.param_groups[0]["lr"])
        if i + 1 < steps:
            optimizer.step()
            schedule.step()
    return result


def class_weights(how, labels, classes):
    n = [max(1, labels.count(c)) for c in range(classes)]
    of = {"none": lambda n: 1, "sqrt": lambda n: n**-0.5, "inverse": lambda n: 1 / n,
          "effective": lambda n: (1 - 0.999) / (1 - 0.999**n)}  # fmt: skip
    return torch.tensor([of[how](c) for c in n]).double()


def cross_entropy(logits, own, other, share, smoothing, weights):
    classes, known = logits.shape[1], own >= 0
    if not known.any():
        return logits.sum() * 0
    a, b = F.one_hot(own.clamp(0), classes), F.one_hot(other.clamp(0), classes)
    target = share[:, None] * a + (1 - share[:, None]) * b
    row = (target @ weights) * known
    target = (1 - smoothing) * target + smoothing / classes
    return (row * -(target * F.log_softmax(logits, 1)).sum(1)).sum() / row.sum()


def batch_of(s, items, epoch, number, first):
    """Mirrored and mixed images, and per head own labels, the partner's and the own share. Draws depend on seed, epoch and place."""
    seed, flip, n = s["train.seed"], s["augment.flip"], len(items)
    x = torch.stack([image(i).flip(2) if Draws(Draws.CROP, seed, epoch, first + j).next() < flip else image(i)
                     for j, i in enumerate(items)])  # fmt: skip
    shares, mixed = [1.0] * n, x.clone()
    for i, (lam, left, top, w, h) in enumerate(
        draw_pairs(s["augment.mixup"], s["augment.cutmix"], n, H, W, seed, epoch, number)
    ):
        for own, other in ((i, n - 1 - i), (n - 1 - i, i)):
            mixed[own] = lam * x[own] + (1 - lam) * x[other]
            box = (slice(None), slice(top, top + h), slice(left, left + w))
            mixed[own][box] = x[other][box]
            shares[own] = lam * (1 - w * h / (H * W))
    targets = []
    for label in (kind, tone):
        own = [label(i) for i in items]
        share = [shares[i] if own[n - 1 - i] >= 0 else 1.0 for i in range(n)]
        other = [own[n - 1 - i] if share[i] < 1 else own[i] for i in range(n)]
        targets.append((torch.tensor(own), torch.tensor(other), torch.tensor(share).double()))
    return mixed, targets


class Training:
    def __init__(self, settings):
        self.s = s = settings
        self.train = [i for i in range(IMAGES) if side(i) == "train"]
        self.step_images = s["train.batch"] * s["train.accumulate"]
        n = len(self.train)
        self.epoch_images = n // self.step_images * self.step_images if s["train.drop_last"] else n
        self.steps_per_epoch = -(-self.epoch_images // self.step_images)
        self.rates = rates(s, self.steps_per_epoch * s["train.epochs"])
        self.net = Net(s["train.seed"])
        frozen = tuple(s["model.freeze"])
        for name, parameter in self.net.p.items():
            parameter.requires_grad_(not (frozen and name.startswith(frozen)))
        self.optimized = {name: p for name, p in self.net.p.items() if p.requires_grad}
        self.average = self.net.copy() if s["train.ema"] > 0 else None
        self.weights = [class_weights(s["train.class_weights"], [label(i) for i in self.train], classes)
                        for label, classes in ((kind, KINDS), (tone, TONES))]  # fmt: skip
        self.optimizer = self.make_optimizer()
        self.total = 0

    @staticmethod
    def stage(name):  # between a member and the logits: a head has none
        return 0 if name.startswith("heads.") else 5 - int(name[5])

    def make_optimizer(self):
        s = self.s
        groups = [{"params": [p], "share": s["train.layer_decay"] ** self.stage(name), "lr": 1,
                   "weight_decay": s["train.weight_decay"] if p.dim() > 1 else 0}
                  for name, p in self.optimized.items()]  # fmt: skip
        if s["train.optimizer"] == "adamw":
            return torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=1e-8)
        momentum = s["train.momentum"]
        return torch.optim.SGD(groups, lr=1, momentum=momentum, nesterov=s["train.nesterov"])

    def begin_epoch(self, epoch):
        s = self.s
        for name, parameter in self.optimized.items():
            stage = self.stage(name)
            joins = 0 if stage == 0 else s["train.head_epochs"] + (stage - 1) * s["train.unfreeze_epochs"]
            parameter.requires_grad_(epoch >= joins)

    def step(self, items, epoch, step):
        s, batch = self.s, self.s["train.batch"]
        batches = [items[i : i + batch] for i in range(0, len(items), batch)]
        sums = np.zeros((2, 3))  # per head: loss times images, hits, labels
        for i, part in enumerate(batches):
            number = step * s["train.accumulate"] + i
            x, targets = batch_of(s, part, epoch, number, number * batch)
            total = 0
            for h, (logits, target) in enumerate(zip(self.net.forward(x, True), targets)):
                loss = cross_entropy(logits, *target, s["train.label_smoothing"], self.weights[h])
                total = total + s["train.head_weights"][h] * loss / len(batches)
                known = target[0] >= 0
                sums[h] += [float(loss) * len(part), int((logits.argmax(1) == target[0])[known].sum()), int(known.sum())]
            total.backward()
        lr, norm = self.rates[self.total], self.clip()
        for group in self.optimizer.param_groups:
            group["lr"] = lr * group["share"]
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.total += 1
        self.update_average()
        return lr, norm, sums

    def clip(self):
        gradients = [p.grad for p in self.optimized.values() if p.grad is not None]
        norm = math.sqrt(sum(float((g * g).sum()) for g in gradients))
        if 0 < self.s["train.clip"] < norm:
            for g in gradients:
                g *= self.s["train.clip"] / norm
        return norm if self.s["train.clip"] > 0 else 0

    def update_average(self):
        """Every eight steps; the first averages reach back less far: the n-th keeps at most n / (n + 9)."""
        if self.average is None or self.total % 8:
            return
        n = self.total // 8
        keep = min(self.s["train.ema"] ** 8, n / (n + 9))
        for name, value in self.net.members().items():
            self.average[name] = keep * self.average[name] + (1 - keep) * value.detach()

    def result(self):
        return dict(self.average) if self.average else self.net.copy()

    def epoch(self, epoch):
        self.begin_epoch(epoch)
        order = epoch_order(len(self.train), self.s["train.seed"], epoch)
        items, steps, sums = [self.train[i] for i in order][: self.epoch_images], [], 0
        for step in range(self.steps_per_epoch):
            lr, norm, seen = self.step(items[step * self.step_images :][: self.step_images], epoch, step)
            steps.append([float(f"{lr:.8g}"), float(f"{norm:.6g}")])
            sums = sums + seen
        return steps, sums

    def validate(self):
        """Per head: hits and labels of the validation images by the result's weights, and the smallest lead of an answer."""
        net, items = Net(1), [i for i in range(IMAGES) if side(i) == "val"]
        for name, value in self.result().items():
            (net.p if name in net.p else net.statistics)[name] = value
        with torch.no_grad():
            logits = net.forward(torch.stack([image(i) for i in items]), False)
        scores = []
        for label, values in zip((kind, tone), logits):
            own = torch.tensor([label(i) for i in items])
            top, lead = values.argmax(1), values.sort(1).values
            scores.append([int((top == own)[own >= 0].sum()), int((own >= 0).sum()), float((lead[:, -1] - lead[:, -2]).min())])
        return scores


BASE = {
    "model.architecture": "smallcnn", "model.height": H, "model.width": W, "model.freeze": [],
    "train.seed": 5, "train.epochs": 13, "train.batch": 6, "train.accumulate": 1, "train.drop_last": False,
    "train.optimizer": "sgd", "train.lr": 0.05, "train.momentum": 0.9, "train.nesterov": True, "train.weight_decay": 0.02,
    "train.schedule": "one_cycle", "train.warm_up": 0.3, "train.label_smoothing": 0.1, "train.clip": 0,
    "train.head_weights": [1, 1], "train.class_weights": "none", "train.head_epochs": 0, "train.unfreeze_epochs": 0,
    "train.ema": 0, "train.layer_decay": 1, "train.patience": 0,
    "augment.flip": 0, "augment.min_area": 1, "augment.max_stretch": 1, "augment.mixup": 0, "augment.cutmix": 0,
}  # fmt: skip

CASES = {
    "stages join one by one": {
        "train.accumulate": 3, "train.head_epochs": 2, "train.unfreeze_epochs": 1, "train.layer_decay": 0.7, "train.clip": 0.8,
        "train.ema": 0.8, "train.head_weights": [1, 0.5], "augment.flip": 0.5,
    },
    "adamw on mixed images": {
        "train.optimizer": "adamw", "train.lr": 0.004, "train.schedule": "cosine", "train.warm_up": 0.2, "train.epochs": 3,
        "train.batch": 4, "train.drop_last": True, "train.class_weights": "inverse", "train.weight_decay": 0.3,
        "augment.flip": 0.4, "augment.mixup": 0.6, "augment.cutmix": 1,
    },
    "parts stay frozen": {
        "model.freeze": ["layer2.", "layer3.conv"], "train.schedule": "constant", "train.nesterov": False, "train.momentum": 0.8,
        "train.batch": 5, "train.accumulate": 2, "train.epochs": 8, "train.lr": 0.02, "train.label_smoothing": 0, "train.head_epochs": 1,
        "train.class_weights": "sqrt", "train.ema": 0.5, "train.clip": 100, "train.drop_last": True, "augment.cutmix": 0.7,
    },
}  # fmt: skip
PATIENCE = {
    "train.seed": 11,
    "train.batch": 4, "train.epochs": 9, "train.patience": 2, "train.schedule": "constant", "train.lr": 0.01, "train.ema": 0.6,
    "train.drop_last": True, "train.class_weights": "effective", "augment.flip": 0.5, "augment.mixup": 0.3,
}  # fmt: skip
AUGMENT = {"flip": 0.6, "min_area": 0.3, "max_area": 2, "max_stretch": 1.5, "rotate": 30, "brightness": 0.4, "contrast": 0.3,
           "saturation": 0.5, "temperature": 0.2, "trivial": 0.45, "erase": 0.55, "background": 0.65}  # fmt: skip


def drawn(settings):
    """What is drawn for the first images of two epochs."""
    s = {**BASE, **{"augment." + key: value for key, value in settings.items()}}
    places = [(epoch, place) for epoch in (0, 1) for place in range(7)]
    samples = [draw({**settings, "surfaces": 1024}, s["train.seed"], *place, H, W, H, W) for place in places]
    return {"settings": s, "samples": samples}


def run(settings):
    training, steps, epochs = Training({**BASE, **settings}), [], []
    for epoch in range(training.s["train.epochs"]):
        lrs, sums = training.epoch(epoch)
        steps += lrs
        epochs.append([[float(f"{v:.7g}") for v in head] for head in sums])
    golden = {"settings": training.s, "steps": steps, "epochs": epochs, "model": fingerprint(training.net.members())}
    if training.average:
        golden["average"] = fingerprint(training.average)
    return golden


def run_with_patience(settings):
    training, epochs, best = Training({**BASE, **settings}), [], (-1, 0)
    for epoch in range(training.s["train.epochs"]):
        _, sums = training.epoch(epoch)
        scores = training.validate()
        mean = sum(hits / n for hits, n, _ in scores) / 2
        epochs.append({"train": [[float(f"{head[0] / training.epoch_images:.7g}"), head[1] / head[2]] for head in sums],
                       "val": [hits / n for hits, n, _ in scores], "lead": min(s[2] for s in scores)})  # fmt: skip
        if mean > best[0]:
            best, members = (mean, epoch + 1), training.result()
        if epoch + 1 - best[1] >= training.s["train.patience"]:
            break
    assert min(e.pop("lead") for e in epochs) > 0.005, "f32 may answer another label"
    return {"settings": training.s, "epochs": epochs, "best_epoch": best[1], "model": fingerprint(members)}


def lr_find(settings):
    """The rates and losses of the finder's first steps: whole steps of the orders of one epoch after the other."""
    training, probes = Training({**BASE, **settings}), []
    training.begin_epoch(0)
    images, n = training.step_images, len(training.train)
    training.rates = [1e-6 * 1e7 ** (i / 199) for i in range(90)]
    for i, lr in enumerate(training.rates):
        epoch, step = divmod(i, n // images)
        order = epoch_order(n, training.s["train.seed"], epoch)[step * images :][:images]
        _, _, sums = training.step([training.train[j] for j in order], 0, i)
        loss = sum(w * head[0] for w, head in zip(training.s["train.head_weights"], sums)) / images
        probes.append([float(f"{lr:.7g}"), float(f"{loss:.7g}")])
    return {"settings": training.s, "probes": probes}


if __name__ == "__main__":
    torch.manual_seed(0)
    golden = {name: run(settings) for name, settings in CASES.items()}
    golden["patience"] = run_with_patience(PATIENCE)
    golden["augmentation"] = drawn(AUGMENT)
    golden["lr find"] = lr_find({"train.head_weights": [1, 0.5], "augment.flip": 0.5})
    with open(os.path.join(HERE, "reference_golden.json"), "w") as f:
        f.write("{\n" + ",\n".join(f'"{k}": {json.dumps(v, separators=(",", ":"))}' for k, v in golden.items()) + "\n}\n")
