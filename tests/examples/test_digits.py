"""The example trains repeatably, and its budget is one that the largest cell breaks."""

import runpy
from itertools import islice
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits.py"


@pytest.fixture(scope="module")
def digits():
    pytest.importorskip("sklearn")
    return runpy.run_path(str(EXAMPLE))


def test_same_seed_gives_the_same_accuracies_to_the_last_bit(digits):
    arch = digits["cell"]("conv_1x1")
    first, second, other = (
        [accuracy for _, accuracy, _ in islice(digits["learn"](arch, seed), 2)]
        for seed in (5, 5, 6)
    )
    assert first == second != other


def test_training_learns_something(digits):
    (*_, (_, accuracy, _)) = islice(digits["learn"](digits["cell"]("conv_3x3"), 0), 3)
    assert accuracy > 0.3  # guessing gives 0.1


def test_images_are_split_once_and_for_all(digits):
    images, labels = digits["images"], digits["labels"]
    assert len(images[digits["training"]]) == 300
    assert len(images[digits["validation"]]) == 1400
    assert images.min() == -1
    assert images.max() == 1
    assert labels[:8].tolist() == runpy.run_path(str(EXAMPLE))["labels"][:8].tolist()


def test_budget_excludes_the_largest_cell(digits):
    assert digits["params"](digits["cell"]("conv_3x3")) == 74_466
    assert digits["params"](digits["cell"]("conv_1x1")) == 9_954


def test_disconnected_cells_are_one_network(digits):
    ops = ["conv_3x3", "conv_3x3", "conv_3x3", "none", "none", "none"]
    edges = digits["space"].architecture(
        {
            "cell": [
                (s, t, op)
                for (s, t, _), op in zip(digits["cell"]("none")["cell"], ops, strict=True)
            ]
        }
    )
    assert not digits["connected"](edges)
    assert digits["connected"](digits["cell"]("skip_connect"))
