"""Philox4x32-10 (Salmon et al., SC 2011) and what training draws from it, for the scripts that write golden files."""
import math

import numpy as np


def philox(key, high, low):
    """The four words at a key and a counter; low may be an array: [..., 4]."""
    low = np.asarray(low, dtype=np.uint64)
    mask, shift = np.uint64(0xFFFFFFFF), np.uint64(32)
    c = [low & mask, low >> shift, np.full_like(low, high & 0xFFFFFFFF), np.full_like(low, high >> 32)]
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> shift) ^ c[1] ^ np.uint64(k0), p1 & mask, (p0 >> shift) ^ c[3] ^ np.uint64(k1), p0 & mask]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, axis=-1)


def uniform(words):
    """24 bits in [0, 1)."""
    return (words >> np.uint64(8)).astype(np.float64) / 2**24


class Draws:
    """The numbers of one image or pair, one after the other: eight words of its own, then those of block 1, 2, …"""

    CROP, CHANGE, MIX, TRIVIAL = range(4)

    def __init__(self, purpose, seed, epoch, index):
        self.seed, self.high, self.index, self.used = seed, purpose << 48 ^ epoch, index, 0

    def next(self):
        block, word = divmod(self.used, 8)
        self.used += 1
        return float(uniform(philox(self.seed, self.high, (self.index * 2 + word // 4) + (block << 40))[word % 4]))

    def around(self, center, strength):
        return center + strength * (2 * self.next() - 1)

    def beta(self, a):
        """Beta(a, a) by Jöhnk's rejection."""
        while True:
            x, y = self.next() ** (1 / a), self.next() ** (1 / a)
            if 0 < x + y <= 1:
                return x / (x + y)


def epoch_order(n, seed, epoch):
    """Fisher-Yates from the end."""
    order = list(range(n))
    words = philox(seed, 1 << 48 ^ epoch, np.arange((n + 3) // 4)).reshape(-1)
    for draw, i in enumerate(range(n, 1, -1)):
        j = int(words[draw]) * i >> 32
        order[i - 1], order[j] = order[j], order[i - 1]
    return order


def draw_pairs(mixup, cutmix, n, h, w, seed, epoch, step):
    """[lambda, x, y, width, height] of the pairs of a batch."""
    pairs = []
    for i in range(n // 2):
        draws = Draws(Draws.MIX, seed, epoch, step * 65536 + i)
        cut = cutmix > 0 and (mixup == 0 or draws.next() < 0.5)
        if not cut:
            pairs.append([draws.beta(mixup) if mixup > 0 else 1, 0, 0, 0, 0])
            continue
        side = (1 - draws.beta(cutmix)) ** 0.5
        rh, rw = int(side * h + 0.5), int(side * w + 0.5)
        y, x = int(draws.next() * h) - rh // 2, int(draws.next() * w) - rw // 2
        top, left = max(0, y), max(0, x)
        pairs.append([1, left, top, max(0, min(w, x + rw) - left), max(0, min(h, y + rh) - top)])
    return pairs


NOTHING = {"flip": 0, "min_area": 1, "max_area": 1, "max_stretch": 1, "rotate": 0, "brightness": 0, "contrast": 0, "saturation": 0,
           "temperature": 0, "erase": 0, "trivial": 0, "background": 0, "surfaces": 0}  # fmt: skip


def round_half_up(x):
    return math.floor(x + 0.5)


def turned(m, by):  # the rows of m times the matrix `by`
    return [[sum(row[k] * by[k][j] for k in range(2)) for j in range(2)] for row in m]


def rotation(degrees):
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [[c, s], [-s, c]]


def draw(settings, seed, epoch, index, h, w, height, width):
    """What is drawn for an image of h x w at a place of the epoch: the fields of our AugmentSample from flip on, the crop after it."""
    a = {**NOTHING, **settings}
    crop, change, trivial = (Draws(p, seed, epoch, index) for p in (Draws.CROP, Draws.CHANGE, Draws.TRIVIAL))
    flip = int(crop.next() < a["flip"])
    area = a["min_area"] + (max(a["max_area"], a["min_area"]) - a["min_area"]) * crop.next()
    stretch = a["max_stretch"] ** (2 * crop.next() - 1)
    crop.next()
    most = max(1, math.sqrt(a["max_area"]))
    crop_w, crop_h = w * min(most, math.sqrt(area * stretch)), h * min(most, math.sqrt(area / stretch))
    x, y = (w - crop_w) * crop.next(), (h - crop_h) * crop.next()

    turn = turned([[1, 0], [0, 1]], rotation(change.around(0, a["rotate"])))
    saturation, contrast, brightness = (change.around(1, a[k]) for k in ("saturation", "contrast", "brightness"))
    warm, bits, invert = change.around(0, a["temperature"]), 8, 256

    on, operation, strength = trivial.next() < a["trivial"], min(10, int(trivial.next() * 11)), trivial.around(0, 1)
    if on:
        if operation == 1:
            x += 32 * strength * crop_w / width
        if operation == 2:
            y += 32 * strength * crop_h / height
        if operation == 3:
            turn = turned(turn, [[1, 0.99 * strength], [0, 1]])
        if operation == 4:
            turn = turned(turn, [[1, 0], [0.99 * strength, 1]])
        if operation == 5:
            turn = turned(turn, rotation(135 * strength))
        brightness *= 1 + 0.99 * strength if operation == 6 else 1
        saturation *= 1 + 0.99 * strength if operation == 7 else 1
        contrast *= 1 + 0.99 * strength if operation == 8 else 1
        bits = 8 - round_half_up(6 * abs(strength)) if operation == 9 else 8
        invert = round_half_up(256 * (1 - abs(strength))) if operation == 10 else 256
    color = []
    for c, gain in enumerate((1 + warm, 1, 1 - warm)):
        for k, luma in enumerate((0.299, 0.587, 0.114)):
            color.append(brightness * gain * contrast * (saturation * (c == k) + (1 - saturation) * luma))
        color.append(brightness * gain * (1 - contrast) / 2)

    on, area = change.next() < a["erase"], (0.02 + 0.31 * change.next()) * height * width
    ratio, down, across = 3.3 ** (2 * change.next() - 1), change.next(), change.next()
    erase = [0, 0, 0, 0]
    if on:
        eh, ew = min(height, round_half_up(math.sqrt(area * ratio))), min(width, round_half_up(math.sqrt(area / ratio)))
        erase = [int(across * (width - ew + 1)), int(down * (height - eh + 1)), ew, eh]
    on, number = change.next() < a["background"], int(change.next() * a["surfaces"])
    across, down = change.next(), change.next()
    background = [number * height * width * 3, int(across * width), int(down * height)] if on else [-1, 0, 0]
    numbers = [flip, x, y, crop_w, crop_h, *turn[0], *turn[1], *background, *color, bits, invert, *erase]
    return [n if isinstance(n, int) else float(f"{n:.7g}") for n in numbers]
