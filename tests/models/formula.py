# Numbers that this folder's Python and C++ make alike: weights, pictures and signs from a 64-bit hash (as formula.h).
import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def fnv1a(text):
    h = 0xCBF29CE484222325
    for byte in text.encode():
        h = ((h ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def words(name, count):
    """The first `count` words of the splitmix64 stream seeded with the name's FNV-1a hash."""
    with np.errstate(over="ignore"):
        x = np.uint64(fnv1a(name)) + (np.arange(count, dtype=np.uint64) + np.uint64(1)) * GOLDEN
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def uniform(name, count):
    """In [0, 1), 24 bits, as f64."""
    return (words(name, count) >> np.uint64(40)).astype(np.float64) * 2.0**-24


def member(name, shape):
    """The value of a network's member, f32, in PyTorch's layout."""
    count = int(np.prod(shape, dtype=np.int64))
    u = uniform(name, count)
    if len(shape) > 1:  # He: uniform with variance 2 / fan_in
        value = (2 * u - 1) * np.sqrt(6.0 / (count // shape[0]))
    elif name.endswith("running_var"):
        value = 0.75 + 0.5 * u
    elif name.endswith("weight"):
        value = 0.8 + 0.4 * u
    else:  # biases and running means
        value = 0.2 * u - 0.1
    return value.astype(np.float32).reshape(shape)


def pictures(seed, n, h, w):
    """n pictures of coloured 8x8 blocks and noise, normalised, f32 [n, 3, h, w]."""
    rows, columns = (h + 7) // 8, (w + 7) // 8
    blocks = (words(f"blocks {seed}", n * rows * columns * 3) >> np.uint64(56)).reshape(n, rows, columns, 3)
    noise = (words(f"noise {seed}", n * h * w * 3) >> np.uint64(56)).reshape(n, h, w, 3)
    u8 = (7 * np.repeat(np.repeat(blocks, 8, 1), 8, 2)[:, :h, :w] + noise) // np.uint64(8)
    return ((u8.astype(np.float64) / 255 - MEAN) / STD).astype(np.float32).transpose(0, 3, 1, 2).copy()


def signs(name, count, projections):
    """+1 where bit j of the element's word is set, else -1: f64 [projections, count]."""
    word = words("signs " + name, count)
    for j in range(projections):
        yield ((word >> np.uint64(j)) & np.uint64(1)).astype(np.float64) * 2 - 1


def fingerprint(name, tensor, projections):
    """What the golden file keeps of a tensor: its norm, hashed +-1 projections and sampled elements."""
    x = tensor.detach().double().numpy().reshape(-1)
    places = words("places " + name, 8) % np.uint64(x.size)
    return {
        "norm": float(np.sqrt((x * x).sum())),
        "projections": [float(s @ x) for s in signs(name, x.size, projections)],
        "samples": [float(x[int(i)]) for i in places],
    }
