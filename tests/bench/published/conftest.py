"""Writers of the authors' formats, by their specifications and not by the readers."""

import base64
import bz2
import json
import pickle
import struct
from collections import OrderedDict
from types import SimpleNamespace

import numpy as np
import pytest

OPS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
SETS = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("ori-test", "x-valid", "x-test"),
    "ImageNet16-120": ("ori-test", "x-valid", "x-test"),
}


def crc32c(data):
    """Bit by bit, as RFC 3720 defines it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    rotated = ((crc >> 15) | (crc << 17)) & 0xFFFFFFFF
    return struct.pack("<I", (rotated + 0xA282EAD8) & 0xFFFFFFFF)


def frame(data):
    length = struct.pack("<Q", len(data))
    return length + masked(length) + data + masked(data)


def varint(number):
    found = b""
    while number >= 0x80:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def evaluation(epoch, seconds, train, validation, test, checkpoint="model.ckpt-1"):
    numbers = (epoch, seconds, train, validation, test)
    doubles = [varint(k << 3 | 1) + struct.pack("<d", x) for k, x in enumerate(numbers, 1)]
    path = checkpoint.encode()
    return b"".join(doubles) + varint(6 << 3 | 2) + varint(len(path)) + path


def metrics(epochs, seconds, validation, test, params):
    """A ModelMetrics: before, halfway and after the training."""
    evaluations = (
        evaluation(0, 0, 0.1, 0.1, 0.1),
        evaluation(epochs / 2, seconds / 2, 0.5, 0.4, 0.3),
        evaluation(epochs, seconds, 1.0, validation, test),
    )
    parts = [varint(1 << 3 | 2) + varint(len(e)) + e for e in evaluations]
    total = varint(3 << 3 | 1) + struct.pack("<d", 1.5 * seconds)
    return b"".join(parts) + varint(2 << 3) + varint(params) + total


def training(cell, epochs=108, seconds=100.0, validation=0.9, test=0.8, params=8_555_530):
    """A record; a cell is its hash, its matrix in rows of 0 and 1, and its operations."""
    name, matrix, ops = cell
    message = base64.b64encode(metrics(epochs, seconds, validation, test, params)).decode()
    return json.dumps([name, epochs, "".join(matrix), ",".join(ops), message]).encode()


def result(dataset, seed, epochs, rng, *, times=True, latency=True, **changes):
    """A ResultsCount: of the authors' `__dict__`, with the older files' gaps."""
    last = epochs - 1
    per_epoch = OrderedDict.fromkeys(range(epochs), float(rng.uniform(1, 9)))
    return {
        "name": dataset,
        "net_state_dict": None,
        "train_acc1es": {last: 99.0},
        "train_acc5es": None,
        "train_losses": {last: 0.1},
        "train_times": per_epoch if times else None,
        "arch_config": {"channel": 16, "num_cells": 5, "class_num": 10},
        "params": np.float64(rng.uniform(0.1, 1.5)),
        "flop": float(rng.uniform(5, 200)),
        "seed": f"{seed:04d}",
        "epochs": epochs,
        "latency": [0.01, float(rng.uniform(0.01, 0.02))] if latency else None,
        "eval_names": list(SETS[dataset]),
        "eval_acc1es": {
            f"{name}@{epoch}": float(rng.uniform(10, 95))
            for name in SETS[dataset]
            for epoch in (0, last)
        },
        "eval_times": {},
        "eval_losses": {f"{name}@{last}": 0.5 for name in SETS[dataset]},
    } | changes


def arch_results(index, text, epochs, rng, *, seeds=(777, 888), datasets=tuple(SETS), **options):
    """An ArchResults."""
    results = {(d, s): result(d, s, epochs, rng, **options) for d in datasets for s in seeds}
    return {
        "arch_index": index,
        "arch_str": text,
        "all_results": results,
        "dataset_seed": {dataset: list(seeds) for dataset in datasets},
        "clear_net_done": True,
    }


def cell_text(ops):
    a, b, c, d, e, f = (OPS[k] for k in ops)
    return f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"


def write_pickle(path, content, protocol=4):
    path.write_bytes(bz2.compress(pickle.dumps(content, protocol=protocol)))


def write_simple(folder, cells):
    """The folder of NATS-Bench: texts and what is known of each."""
    folder.mkdir()
    texts = [text for text, _ in cells]
    meta = {"meta_archs": texts, "total_archs": len(texts), "arch2infos": None}
    write_pickle(folder / "meta.pickle.pbz2", meta | {"evaluated_indexes": set()})
    for k, (_, info) in enumerate(cells):
        write_pickle(folder / f"{k:06d}.pickle.pbz2", info)


@pytest.fixture(scope="session")
def formats():
    """All writers."""
    return SimpleNamespace(**{name: value for name, value in globals().items() if name[0] != "_"})
