"""Records archbo's own benchmark: every distinct cell of 4 nodes, trained on handwritten digits.

    python benchmarks/record_digits.py                 # continues where it was stopped
    python benchmarks/record_digits.py --pack          # writes src/archbo/bench/data/digits.npz

Each cell over four operations (1,010 whose input reaches the output, and one where it does not) is
trained for 30 epochs on the 300 training images of examples/digits.py, by several seeds. The other
1,497 images are 500 for validation, after each epoch, and 997 for the test, once, after the last.
What was recorded is appended to rows.jsonl in the folder `--out`; a pair of seeds goes through all
cells, in a shuffled order, before the next.

Two seeds of a cell are trained side by side as one network of twice the channels in two groups,
which share no weight and see different batches: the same numbers in two thirds of the time.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import platform
import time
from collections.abc import Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy and PyTorch are loaded

import numpy as np
import sklearn
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import OneCycleLR

import archbo as ab

EPOCHS = 30
CHANNELS = 8
BATCH = 75  # 4 batches an epoch
LEARNING_RATE = 0.15
WEIGHT_DECAY = 0.005
MEMORY = 0.3  # of batch normalization: with 4 batches an epoch, 0.1 lags behind
SETTINGS: dict[str, Any] = {"inputs": (1, 8, 8), "channels": CHANNELS, "stages": 1}
TRAINING, VALIDATION, TEST = slice(0, 300), slice(300, 800), slice(800, 1797)
CHUNK = 100  # images evaluated at once: their feature maps stay in the processor's cache
PROXY_SEED = 1000  # of the network that the proxies see; not a training's
RUNS = 300  # of which the quickest is the latency
PROXIES = ("grad_norm", "snip", "synflow", "naswot")
LICENCE = (
    "MIT License. Copyright (c) 2026 The archbo authors. Recorded by benchmarks/record_digits.py "
    "of archbo; the images are scikit-learn's load_digits (UCI Optical Recognition of Handwritten "
    "Digits), of which nothing is contained here."
)
PACKED = Path(__file__).parents[1] / "src/archbo/bench/data/digits.npz"

space = ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3"])


@lru_cache(maxsize=1)
def images() -> tuple[Tensor, Tensor]:
    """All images [1797 1 8 8] from -1 to 1 and their labels, in the order of the example."""
    digits = load_digits()
    order = torch.randperm(len(digits.target), generator=torch.Generator().manual_seed(0))
    pixels = torch.tensor(digits.images, dtype=torch.float32)[order, None] / 8 - 1
    return pixels, torch.tensor(digits.target)[order]


@lru_cache(maxsize=1)
def cells() -> tuple[str, ...]:
    """One code for each distinct network: a digit an edge, its operation."""
    known: dict[str, str] = {}
    for found in np.ndindex(*[len(space.ops)] * len(space.edges)):
        code = "".join(map(str, found))
        known.setdefault(architecture(code).id, code)
    return tuple(known.values())


def architecture(code: str) -> ab.Architecture:
    """The cell of a code."""
    return space.architecture(
        [(s, t, space.ops[int(k)]) for (s, t), k in zip(space.edges, code, strict=True)]
    )


def single(code: str, seed: int) -> nn.Module:
    """The network of a cell before its training."""
    torch.manual_seed(seed)
    return ab.torch.build(architecture(code), **SETTINGS)


def grouped(kernel: int, groups: int, channels: int) -> nn.Module:
    """ReLU, convolution, batch normalization, each group of channels by itself."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False, groups=groups),
        nn.BatchNorm2d(channels),
    )


def side_by_side(code: str, seeds: tuple[int, ...]) -> nn.Module:
    """The networks of several seeds as one: [b s 8 8] to logits [b s*10]."""
    s, width = len(seeds), len(seeds) * CHANNELS
    operations = ab.torch.OPERATIONS.with_(
        conv_1x1=partial(grouped, 1, s), conv_3x3=partial(grouped, 3, s)
    )
    wide = ab.torch.build(
        architecture(code),
        **{**SETTINGS, "inputs": (s, 8, 8), "channels": width},
        operations=operations,
    )
    stem, head = wide.stem, wide.head
    assert isinstance(stem, nn.Sequential)
    assert isinstance(head, nn.Sequential)
    stem[0] = nn.Conv2d(s, width, 3, padding=1, bias=False, groups=s)
    head[-2], head[-1] = nn.Conv2d(width, s * 10, 1, groups=s), nn.Flatten()
    narrow = [single(code, seed).parameters() for seed in seeds]
    with torch.no_grad():
        for whole, *parts in zip(wide.parameters(), *narrow, strict=True):
            whole.copy_(torch.cat(parts).reshape(whole.shape))
    for module in wide.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = MEMORY
    return wide


def train(code: str, seeds: tuple[int, ...]) -> list[dict[str, Any]]:
    """A row for each seed: how many validation images are right after each epoch, test images."""
    start = time.process_time()
    model = side_by_side(code, seeds)
    x, y = images()
    streams = [torch.Generator().manual_seed(seed) for seed in seeds]
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=LEARNING_RATE,
        momentum=0.9,
        nesterov=True,
        weight_decay=WEIGHT_DECAY,
        fused=True,
    )
    steps = EPOCHS * (TRAINING.stop // BATCH)
    schedule = OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps, cycle_momentum=False)
    curve: list[list[int]] = []
    for _ in range(EPOCHS):
        model.train()
        orders = torch.stack([torch.randperm(TRAINING.stop, generator=g) for g in streams], dim=1)
        for batch in orders.split(BATCH):  # [b s]
            logits = model(x[batch, 0]).view(-1, 10)
            # the mean over each seed's batch, the sum over seeds
            loss = cross_entropy(logits, y[batch].view(-1), reduction="sum") / BATCH
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        curve.append(right(model, VALIDATION, len(seeds)))
    test = right(model, TEST, len(seeds))
    seconds = (time.process_time() - start) / len(seeds)
    return [
        {"cell": code, "seed": seed, "validation": counts, "test": tested, "seconds": seconds}
        for seed, counts, tested in zip(seeds, zip(*curve, strict=True), test, strict=True)
    ]


def right(model: nn.Module, which: slice, seeds: int) -> list[int]:
    """How many of these images each seed's network gets right."""
    x, y = images()
    model.eval()
    with torch.inference_mode():
        chunks = x[which].expand(-1, seeds, -1, -1).split(CHUNK)
        logits = torch.cat([model(chunk.contiguous()) for chunk in chunks])
        guesses = logits.view(-1, seeds, 10).argmax(dim=2)
        found: list[int] = (guesses == y[which, None]).sum(dim=0).tolist()
    return found


def describe(code: str) -> list[dict[str, Any]]:
    """What is known of a cell without training it."""
    cost = ab.torch.cost(architecture(code), **SETTINGS)
    row: dict[str, Any] = {"cell": code, "params": cost.params, "flops": cost.flops}
    return [row | {"latency_ms": latency(code)} | proxies(code)]


def latency(code: str) -> float:
    """Of one image on one thread, the quickest of many runs, in milliseconds."""
    model = single(code, PROXY_SEED).eval()
    image = images()[0][:1]
    quickest = float("inf")
    with torch.inference_mode():
        for _ in range(RUNS):
            start = time.perf_counter()
            model(image)
            quickest = min(quickest, time.perf_counter() - start)
    return 1000 * quickest


def proxies(code: str) -> dict[str, float]:
    """Scores of an untrained network on one batch of training images.

    grad_norm: the sum over weight tensors of the norm of the loss's gradient.
    snip: the sum over weights of |gradient times weight|.
    synflow: the sum over weights of weight times gradient of the summed output, all weights made
        positive, for an image of ones; log(1 + this). Batch normalization is off: in evaluation
        mode, before any training, it changes nothing.
    naswot: the log determinant of K + I, with K how many ReLUs two images share the state of; the
        identity keeps it finite where images are not told apart.
    Source: Abdelfattah et al. 2021 (https://arxiv.org/abs/2101.08134), section 3.2; Lee et al. 2019
    (https://arxiv.org/abs/1810.02340), equation 5; Tanaka et al. 2020
    (https://arxiv.org/abs/2006.05467), equation 2; Mellor et al. 2021
    (https://arxiv.org/abs/2006.04647), equation 2.
    """
    x, y = (data[:BATCH] for data in images())
    model = single(code, PROXY_SEED)
    states: list[Tensor] = []

    def note(module: nn.Module, inputs: Any, output: Tensor) -> None:  # noqa: ARG001 - a hook
        states.append((output > 0).flatten(1).double())

    hooks = [m.register_forward_hook(note) for m in model.modules() if isinstance(m, nn.ReLU)]
    cross_entropy(model(x), y).backward()
    for hook in hooks:
        hook.remove()
    slopes = [(w, w.grad) for w in weights(model) if w.grad is not None]
    shared = sum((c @ c.T + (1 - c) @ (1 - c).T for c in states), torch.eye(BATCH))
    return {
        "grad_norm": sum(g.norm().item() for _, g in slopes),
        "snip": sum((w * g).abs().sum().item() for w, g in slopes),
        "synflow": synaptic_flow(single(code, PROXY_SEED)),
        "naswot": torch.linalg.slogdet(shared).logabsdet.item(),
    }


def weights(model: nn.Module) -> list[Tensor]:
    """Of convolutions and linear layers."""
    return [m.weight for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def synaptic_flow(model: nn.Module) -> float:
    """The log(1 + synflow); changes the model."""
    model.double().eval()
    with torch.no_grad():
        for p in model.parameters():
            p.abs_()
    model(torch.ones(1, 1, 8, 8, dtype=torch.float64)).sum().backward()
    return math.log1p(sum((w * w.grad).sum().item() for w in weights(model) if w.grad is not None))


def read(out: Path) -> list[dict[str, Any]]:
    """The rows recorded so far; a line that was cut off is none."""
    file = out / "rows.jsonl"
    lines = file.read_text().split("\n")[:-1] if file.exists() else []
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]


def work(job: tuple[str, tuple[int, ...]]) -> list[dict[str, Any]]:
    """The rows of one job: a cell and its seeds; without seeds, what it is without training."""
    torch.set_num_threads(1)
    code, seeds = job
    return train(code, seeds) if seeds else describe(code)


def jobs(rows: list[dict[str, Any]], seeds: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What is left to do, in order."""
    done = {(row["cell"], row.get("seed")) for row in rows if "cell" in row}
    shuffled = [str(code) for code in np.random.default_rng(0).permutation(cells())]
    passes = [tuple(range(s, min(s + 2, seeds))) for s in range(0, seeds, 2)]
    for each in [*passes[:1], (), *passes[1:]]:
        for code in shuffled:
            if any((code, seed) not in done for seed in each or (None,)):
                yield code, each


def record(out: Path, seeds: int, processes: int) -> None:
    """Do what is left to do."""
    out.mkdir(parents=True, exist_ok=True)
    left = list(jobs(read(out), seeds))
    about = {
        "archbo": ab.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
        "python": platform.python_version(),
        "processor": platform.processor() or platform.machine(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
    }
    context = multiprocessing.get_context("spawn")
    with (out / "rows.jsonl").open("a") as file, context.Pool(processes) as pool:
        file.write("\n" + json.dumps({"about": about}) + "\n")  # after a line that was cut off
        for n, rows in enumerate(pool.imap_unordered(work, left), 1):
            file.write("".join(json.dumps(row) + "\n" for row in rows))
            file.flush()
            if n % 50 == 0 or n == len(left):
                print(f"{time.strftime('%H:%M:%S')}  {n} of {len(left)}", flush=True)


def pack(out: Path, seeds: int) -> None:
    """Write what the library ships.

    Raises:
        SystemExit: if something is still to be recorded.
    """
    rows = read(out)
    left = len(list(jobs(rows, seeds)))
    if left:
        raise SystemExit(f"{left} jobs are left: record them first, or pack fewer --seeds.")
    codes = cells()
    trained = {(row["cell"], row["seed"]): row for row in rows if "seed" in row}
    known = {row["cell"]: row for row in rows if "params" in row}

    def of(name: str) -> list[list[Any]]:
        return [[trained[code, seed][name] for seed in range(seeds)] for code in codes]

    def each(name: str) -> list[Any]:
        return [known[code][name] for code in codes]

    settings = {
        "epochs": EPOCHS,
        "batch": BATCH,
        "learning_rate": LEARNING_RATE,
        "weight_decay": WEIGHT_DECAY,
        "batch_norm_momentum": MEMORY,
        "build": SETTINGS,
        "seeds": list(range(seeds)),
        "images": [TRAINING.stop, VALIDATION.stop - VALIDATION.start, TEST.stop - TEST.start],
        "versions": [row["about"] for row in rows if "about" in row][-1],
    }
    PACKED.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {
        "licence": LICENCE,
        "settings": json.dumps(settings),
        "op_names": np.array(space.ops),
        "ops": np.array([list(map(int, code)) for code in codes], dtype=np.uint8),
        "validation": np.array(of("validation"), dtype=np.uint16),  # [N s 30], right of 500
        "test": np.array(of("test"), dtype=np.uint16),  # [N s], right of 997
        "seconds": np.array(of("seconds"), dtype=np.float32),
        "params": np.array(each("params"), dtype=np.uint32),
        "flops": np.array(each("flops"), dtype=np.uint32),
    }
    for name in ("latency_ms", *PROXIES):
        arrays[name] = np.array(each(name), dtype=np.float32)
    np.savez_compressed(PACKED, **arrays)
    print(f"{PACKED}: {len(codes)} cells, {PACKED.stat().st_size / 1000:.0f} kB")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("digits-benchmark"))
    parser.add_argument("--seeds", type=int, default=2, help="trainings of each cell")
    parser.add_argument("--jobs", type=int, default=2, help="processes, of one thread each")
    parser.add_argument("--pack", action="store_true", help="write the file that archbo ships")
    args = parser.parse_args()
    if args.pack:
        pack(args.out, args.seeds)
    else:
        record(args.out, args.seeds, args.jobs)


if __name__ == "__main__":
    main()
