import numpy as np
import pytest

import archbo as ab
from archbo.bench.recorded import Recorded, by_row


@pytest.fixture(scope="session")
def small():
    """Nine networks with two seeds and two fidelities; the last training of network 5 failed."""
    space = ab.Space(a=ab.Choice(["x", "y", "z"]), b=ab.Choice(["x", "y", "z"]))
    rows = space.compiled.rows(np.indices((3, 3)).reshape(2, -1).T.astype(float))
    full = np.arange(9.0)[:, None] + [0.0, 1.0]
    values = np.stack([full / 10, full], axis=1)
    failed = np.zeros(values.shape, dtype=bool)
    failed[5, 1] = True
    return Recorded(
        name="small",
        space=space,
        maximize=True,
        unit="points",
        fidelities=(3, 9),
        rows=rows,
        position=by_row(rows),
        values=values,
        failed=failed,
        tests=np.arange(9.0) + 100,
        times=np.outer(np.arange(1.0, 10), [1, 3]),
        known={"params": np.arange(9.0) ** 2},
        results={"latency": -np.arange(9.0)},
    )


@pytest.fixture(scope="session")
def archs(small):
    """Its architectures, the best one last."""
    return small.space.compiled.architectures(small.rows)
