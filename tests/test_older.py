import numpy as np
import pytest

import archbo as ab
from archbo.errors import ProblemError
from archbo.older import OlderResults

CELL = ab.EdgeCell(nodes=3, ops=["none", "conv", "pool"])
SPACE = ab.Space(
    cell=CELL,
    lr=ab.Float(1e-4, 1e-1, log=True),
    head=ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(8, 64), drop=ab.Bool())}),
)


def older(values):
    return [{"cell": CELL.sample(k).value, "lr": 0.01, "head": "linear", "gone": 3} for k in values]


def test_results_of_the_same_space_are_taken_as_they_are():
    archs = [SPACE.sample(k) for k in range(5)]
    found = OlderResults.of(SPACE, archs, [3, 1, 4, 1, 5])
    assert SPACE.compiled.architectures(found.rows) == archs
    assert found.ranked.tolist() == [4, 2, 0, 1, 3]
    assert found.left_out == 0


def test_what_only_the_older_space_had_is_dropped():
    found = OlderResults.of(SPACE, older(range(4)), range(4))
    assert SPACE.compiled.architectures(found.rows)[2]["cell"] == CELL.sample(2).value


def test_what_only_the_new_space_has_takes_its_default():
    archs = [{"cell": CELL.sample(k).value, "head": {"mlp": {"width": 16}}} for k in range(4)]
    found = OlderResults.of(SPACE, archs, range(4))
    first = SPACE.compiled.architectures(found.rows)[0]
    assert first["lr"] == pytest.approx(10**-2.5)
    assert first["head"]["width"] == 16
    assert first["head"]["drop"] is False


def test_what_the_new_space_cannot_express_is_left_out():
    archs = [*older(range(4)), {**older([9])[0], "lr": 5.0}, {**older([9])[0], "head": "conv"}]
    found = OlderResults.of(SPACE, archs, range(6))
    assert len(found.values) == 4
    assert found.left_out == 2


def test_what_was_to_be_small_is_turned():
    found = OlderResults.of(SPACE, older(range(4)), [3.0, 1.0, 2.0, 4.0], maximize=False)
    assert found.ranked.tolist() == [1, 2, 0, 3]


@pytest.mark.parametrize(
    ("archs", "values", "message"),
    [
        (older(range(3)), [1.0], "older: got 3 architectures and 1 values"),
        (older(range(3)), [1.0, np.nan, 2.0], "older: a value is not finite"),
        ([{"other": 1}] * 9, range(9), "older: 0 of 9 results fit into this space"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(archs, values, message):
    if archs == [{"other": 1}] * 9:
        archs = [{"cell": "other"}] * 9
    with pytest.raises(ProblemError, match=message):
        OlderResults.of(SPACE, archs, values)


def test_an_optimizer_says_what_it_takes():
    with pytest.raises(ProblemError, match=r"older\[0\]: expected \(architectures, values\)"):
        ab.Optimizer(SPACE, older=["old.db"])


def test_a_study_reads_the_finished_trials_of_an_older_one(tmp_path):
    def train(arch, trial):
        if arch["lr"] > 0.05:
            raise ValueError("diverged")
        return arch["lr"]

    with ab.Study(tmp_path / "old.db", SPACE, minimize="loss", method="random") as study:
        study.run(train, trials=12)
        finished = [record.value for record in study.trials if record.value is not None]
    with ab.Study(None, SPACE, maximize="score", older=tmp_path / "old.db") as study:
        (found,) = study.problem.older
    assert found.name == "old.db"
    assert found.values.tolist() == [-value for value in finished]


def test_a_study_with_other_older_results_is_another_study(tmp_path):
    pair = (older(range(5)), list(range(5)))
    ab.Study(tmp_path / "new.db", SPACE, maximize="x", older=pair).close()
    ab.Study(tmp_path / "new.db", SPACE, maximize="x", older=pair).close()
    with pytest.raises(ab.errors.MismatchError, match="older"):
        ab.Study(tmp_path / "new.db", SPACE, maximize="x")
