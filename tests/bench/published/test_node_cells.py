import numpy as np
import pytest

from archbo.bench.published.node_cells import ALL, OPS, nas_bench_101
from archbo.graphs.batch import INPUT, OUTPUT, GraphBatch, label
from archbo.graphs.canonical import canonical_bytes
from archbo.spaces import NodeCell


def all_networks():
    """The adjacency and inner operations of one cell of each network, by number of nodes."""
    labels = np.array([label(op) for op in OPS], dtype=np.uint64)
    for nodes in range(2, 8):
        above = np.triu_indices(nodes, 1)
        bits = (np.arange(2 ** len(above[0]))[:, None] >> np.arange(len(above[0]))) & 1
        bits = bits[bits.sum(axis=1) <= 9]
        matrices = np.zeros((len(bits), nodes, nodes), dtype=np.int64)
        matrices[:, above[0], above[1]] = bits
        fed = matrices[:, :, 1:].any(axis=1).all(axis=1)
        matrices = matrices[fed & matrices[:, :-1].any(axis=2).all(axis=1)]
        plain = np.full((len(matrices), nodes), labels[0])
        matrices = matrices[_distinct(plain, matrices)]
        codes = np.arange(3 ** (nodes - 2))[:, None] // 3 ** np.arange(nodes - 2) % 3
        for matrix in matrices:
            repeated = np.repeat(matrix[None], len(codes), axis=0)
            ends = np.zeros((len(codes), 1), dtype=np.uint64)
            first = _distinct(np.hstack([ends, labels[codes], ends]), repeated)
            yield nodes, matrix, codes[first]


def _distinct(labels, matrices):
    """The positions of the first of each network."""
    labels = labels.copy()
    labels[:, 0], labels[:, -1] = INPUT, OUTPUT
    found = {}
    for k, form in enumerate(canonical_bytes(GraphBatch(labels, matrices))):
        found.setdefault(form, k)
    return list(found.values())


def table_of_all():
    """As the authors' file holds it, with numbers by the position."""
    adjacency, ops, sizes = [], [], []
    for nodes, matrix, codes in all_networks():
        padded = np.zeros((len(codes), 7, 7), dtype=np.uint8)
        padded[:, :nodes, :nodes] = matrix
        row = np.full((len(codes), 7), -9, dtype=np.int8)
        row[:, 0], row[:, nodes - 1], row[:, 1 : nodes - 1] = -1, -2, codes
        adjacency.append(padded)
        ops.append(row)
        sizes += [nodes] * len(codes)
    values = np.linspace(0.5, 0.95, len(sizes), dtype=np.float32)[:, None, None].repeat(3, axis=2)
    return {
        "hash": np.zeros(len(sizes), dtype="S32"),
        "n_vertices": np.array(sizes),
        "adjacency": np.concatenate(adjacency),
        "ops": np.concatenate(ops),
        "params": np.arange(len(sizes)),
        "epochs": np.array([108]),
        "val_seeds": values,
        "test_seeds": values,
        "seconds": values,
    }


@pytest.mark.slow
def test_every_cell_of_the_space_is_found_in_a_whole_table():
    """There are as many networks as the authors counted: each id of ours is one of theirs."""
    table = table_of_all()
    assert len(table["hash"]) == ALL == 423_624
    benchmark = nas_bench_101(table)
    assert isinstance(benchmark.space, NodeCell)
    assert len(set(benchmark.space.compiled.ids(benchmark.rows))) == ALL
    rng = np.random.default_rng(0)
    for _ in range(200):
        arch = benchmark.space.sample(rng)
        at = int(benchmark.features["params"](arch))
        assert benchmark.truth(arch) == pytest.approx(100 * table["val_seeds"][at, 0, 0])
        (recorded,) = benchmark.space.compiled.architectures(benchmark.rows.take([at]))
        assert recorded.id == arch.id
        inner = table["ops"][at, 1 : table["n_vertices"][at] - 1]
        assert recorded.value["ops"] == [OPS[code] for code in inner]
        edges = np.argwhere(table["adjacency"][at]).tolist()
        assert sorted(map(list, recorded.value["edges"])) == edges
    assert benchmark.best == pytest.approx(95)
