"""Our own benchmark, which comes with archbo: small cells trained on handwritten digits.

All cells of 4 nodes over `none`, `skip_connect`, `conv_1x1` and `conv_3x3`: 1,011 distinct networks
for the 4,096 cells, one of them disconnected. Each is the body of a network with 8 channels and one
stage (`archbo.torch.build(cell, inputs=(1, 8, 8), channels=8, stages=1)`), trained by 2 seeds on
300 images of 8 x 8 pixels for 30 epochs. Values are the accuracy on 500 other images after each
epoch, in percent points; test values are on another 997, after the last epoch, the mean over seeds.

One training has a standard deviation of 3.8 points over all cells (the seeds' rank correlation is
.88), and of 1.5 in the best quarter (.36 in what is the best quarter by one of the seeds). So the
truth, the mean of two, is itself uncertain by about a point there.

`benchmarks/record_digits.py` made it and says what the columns are: parameters, FLOPs and proxies
(`grad_norm`, `snip`, `synflow`, `naswot`) as features, the latency as a result.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from archbo.arrays import Array
from archbo.bench.recorded import Recorded, by_id
from archbo.spaces import EdgeCell

FEATURES = ("params", "flops", "grad_norm", "snip", "synflow", "naswot")
_VALIDATION, _TEST = 500, 997  # images


def digits(_: Callable[[], Path] | None = None) -> Recorded:
    """The benchmark; it needs no folder of data.

    >>> benchmark = digits()
    >>> len(benchmark.rows), benchmark.fidelities[-1], benchmark.values.shape[-1]
    (1011, 30, 2)
    """
    table = _arrays()
    space = EdgeCell(nodes=4, ops=table["op_names"].tolist())
    rows = space.compiled.rows(table["ops"].astype(float))
    right = table["validation"].astype(float)  # [N s epochs]
    epochs = right.shape[-1]
    # all epochs of a training do the same work
    elapsed = np.arange(1, epochs + 1) / epochs
    return Recorded(
        name="digits",
        space=space,
        maximize=True,
        unit="percent points",
        fidelities=tuple(range(1, epochs + 1)),
        rows=rows,
        position=by_id(space.compiled.ids(rows)),
        continued=True,
        values=100 * right.transpose(0, 2, 1) / _VALIDATION,
        tests=100 * table["test"].mean(axis=1) / _TEST,
        times=table["seconds"].mean(axis=1).astype(float)[:, None] * elapsed,
        known={name: table[name].astype(float) for name in FEATURES},
        results={"latency_ms": table["latency_ms"].astype(float)},
    )


def _arrays() -> dict[str, Array]:
    """The recorded file."""
    with as_file(files("archbo.bench") / "data" / "digits.npz") as path, np.load(path) as table:
        return {name: table[name] for name in table.files}
