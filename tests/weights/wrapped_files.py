#!/usr/bin/python3
"""wrapped_files.py --write FOLDER: weights as training code saves them, under many keys and with many prefixes, in both forms
of torch.save; prints their names, and whether pcconvert must say what it took. wrapped_files.py --check FOLDER: FILE.out.pth, which pcconvert made of each, holds the wanted
tensors and no others. Exit code 77 where torch or torchvision is absent.
"""
import pathlib
import sys

try:
    import torch
    import torchvision
except ImportError:
    sys.exit(77)


def random_state(seed):
    torch.manual_seed(seed)
    state = torchvision.models.resnet18(num_classes=3).state_dict()
    for t in state.values():
        t.copy_(torch.randint(1, 1 << 40, t.shape) if t.dtype == torch.int64 else torch.randn(t.shape))
    return state


def with_prefix(prefix, state):
    return {prefix + k: v for k, v in state.items()}


def files():
    """{name: (what is saved, what is wanted)}"""
    sd, other = random_state(1), random_state(2)
    body = {k: v for k, v in sd.items() if not k.startswith("fc.")}
    net = torch.nn.Linear(4, 2)
    optimizer = torch.optim.AdamW(net.parameters())
    net(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    result = {}
    for key in ("state_dict", "model_state_dict", "model", "module", "net", "network", "params", "weights", "backbone",
                "my_own_name"):
        result["key_" + key] = ({"epoch": 3, key: sd, "loss": 0.1, "optimizer_state_dict": optimizer.state_dict()}, sd)
    for key in ("ema_state_dict", "state_dict_ema", "model_ema", "ema"):
        result["ema_" + key] = ({"model": other, key: sd, "epoch": 3}, sd)
    result["ema_shadow"] = ({"model": other, "ema": {"decay": 0.99, "shadow": sd}}, sd)
    result["two_levels"] = ({"state": {"model": sd, "optimizer": optimizer.state_dict()}, "step": 7}, sd)
    result["class_weights"] = ({"model_state_dict": sd, "weights": {"loss": torch.ones(3)}, "mean": torch.ones(3)}, sd)
    result["largest"] = ({"head": {"w": torch.ones(3)}, "trunk": sd}, sd)
    for prefix in ("model.", "net.", "backbone.", "module.", "_orig_mod.", "encoder.", "network.", "module._orig_mod.model.",
                   "my_extractor."):
        result["prefix_" + prefix.replace(".", "_")] = (with_prefix(prefix, sd), sd)
    result["lightning"] = ({"state_dict": with_prefix("model.", sd), "pytorch-lightning_version": "2.1.0", "epoch": 4}, sd)
    # Nothing is left out where several parts have names of their own.
    several = {**with_prefix("backbone.", body), "head.fc.weight": sd["fc.weight"], "head.fc.bias": sd["fc.bias"]}
    result["mm"] = ({"meta": {"epoch": 1}, "state_dict": several}, several)
    result["plain"] = (several, several)
    queue = {**with_prefix("encoder_q.", sd), **with_prefix("encoder_k.", other), "queue": torch.ones(4, 4)}
    result["moco"] = ({"state_dict": with_prefix("module.", queue)}, queue)
    return result


def bits(t):
    return t.detach().contiguous().clone().reshape(-1).view(torch.uint8)


folder = pathlib.Path(sys.argv[2])
for name, (saved, wanted) in files().items():
    for form in (True, False):
        file = folder / f"{name}_{'zip' if form else 'stacked'}.pth"
        if sys.argv[1] == "--write":
            torch.save(saved, file, _use_new_zipfile_serialization=form)
            print(file.name, "silent" if name == "plain" else "said")
            continue
        found = torch.load(str(file) + ".out.pth")
        assert set(found) == set(wanted), (name, sorted(set(found) ^ set(wanted))[:5])
        assert all(torch.equal(bits(found[k]), bits(wanted[k])) for k in wanted), name
        file.unlink()
