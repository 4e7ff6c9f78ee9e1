"""The script that recorded the benchmark of digits."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from archbo.bench.digits import digits

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "record_digits.py"
CODE = "323021"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("record_digits", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # the script sets it, too
        spec.loader.exec_module(module)
    return module


def test_seeds_side_by_side_compute_what_each_computes_alone(script):
    x, y = (data[:20] for data in script.images())
    wide = script.side_by_side(CODE, (3, 4))
    logits = wide(x.expand(-1, 2, -1, -1)).view(20, 2, 10)
    cross_entropy(logits.flatten(0, 1), y.repeat_interleave(2), reduction="sum").div(20).backward()
    alone = [script.single(CODE, seed) for seed in (3, 4)]
    for k, model in enumerate(alone):
        torch.testing.assert_close(logits[:, k], model(x))
        cross_entropy(model(x), y).backward()
    for whole, *parts in zip(wide.parameters(), *(m.parameters() for m in alone), strict=True):
        expected = torch.cat([part.grad for part in parts]).view_as(whole)
        torch.testing.assert_close(whole.grad, expected, rtol=1e-3, atol=1e-5)


def test_what_is_known_before_training_can_be_computed_again(script):
    code = script.cells()[500]  # weights are drawn edge by edge: another code may differ
    benchmark, arch = digits(), script.architecture(code)
    (row,) = script.describe(code)
    for name, feature in benchmark.features.items():
        assert feature(arch) == pytest.approx(row[name], rel=1e-3)


def test_synaptic_flow_of_a_linear_network_is_counted_by_paths(script):
    """Stem and head are all that is between; each of the two layers sees the whole flow."""
    model = script.single("000100", 0)
    stem, head = model.stem[0].weight.detach().abs(), model.head[-1].weight.detach().abs()
    ones = torch.nn.functional.conv2d(torch.ones(1, 1, 8, 8), stem, padding=1)
    flow = (head.sum(dim=0) * ones.mean(dim=(0, 2, 3))).sum().item()
    assert script.synaptic_flow(model) == pytest.approx(np.log1p(2 * flow), rel=1e-4)


def test_recording_goes_on_where_it_was_stopped(script, tmp_path):
    everything = list(script.jobs([], 2))
    assert [seeds for _, seeds in everything] == 1011 * [(0, 1)] + 1011 * [()]
    code = everything[0][0]
    rows = [{"cell": code, "seed": 0}, {"cell": code, "seed": 1}]
    cut_off = json.dumps({"cell": everything[1][0], "seed": 0})[:20]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows) + cut_off)
    assert script.read(tmp_path) == rows
    assert list(script.jobs(script.read(tmp_path), 2)) == everything[1:]
    with pytest.raises(SystemExit, match="2021 jobs are left"):
        script.pack(tmp_path, 2)


def test_more_seeds_come_after_all_that_is_known_of_every_cell(script):
    order = [seeds for _, seeds in script.jobs([], 3)]
    assert order == 1011 * [(0, 1)] + 1011 * [()] + 1011 * [(2,)]
