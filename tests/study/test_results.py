import csv
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archbo as ab
from archbo.errors import ArchitectureError, ObservationError
from archbo.study.replay import replay
from archbo.study.results import read_results

CELL = ab.EdgeCell(nodes=3, ops=["none", "conv", "pool"])
SPACE = ab.Space(
    cell=CELL,
    inner=ab.NodeCell(max_nodes=4, max_edges=5, ops=["a", "b"]),
    stack=ab.Chain(ab.Choice(["x", "y"]), length=(1, 3)),
    width=ab.Choice([8, 16]),
    name=ab.Choice(["1", "true", "none"]),
    head=ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(16, 64), drop=ab.Float(0, 1))}),
    lr=ab.Float(1e-4, 1e-1, log=True),
    wide=ab.Bool(),
)


def study(space=SPACE, store=None, **more):
    return ab.Study(store, space, maximize="accuracy", method="random", **more)


def flat(plain, path=""):
    """The columns of one architecture: the independent half of a round trip."""
    if isinstance(plain, dict):
        found = {}
        for name, inner in plain.items():
            found |= flat(inner, f"{path}.{name}" if path else name)
        return found
    return {path: json.dumps(plain) if isinstance(plain, list) else plain}


def write(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_results_from_elsewhere_are_known_to_the_search(tmp_path):
    with study(features={"width": lambda arch: arch["width"]}) as ours:
        archs = [SPACE.sample(seed) for seed in range(3)]
        assert ours.add(archs[0], 0.5) == 1
        assert ours.add(archs[1].value, ab.FAILED) == 1
        assert ours.add(archs, [0.7, 0.6, 0.4]) == 3
        records = ours.trials
        assert [record.origin for record in records] == ["user"] * 5
        assert [record.state for record in records].count(ab.State.FAILED) == 1
        assert records[0].features == {"width": archs[0]["width"]}
        assert all(record.imported and not record.searched for record in records)
        assert ours.best.value == 0.6
        dataset = ours.dataset(records)
        assert dataset.repeats.tolist() == [2, 1, 1]
        assert dataset.values.tolist() == [0.6, 0.6, 0.4]
        ours.run(lambda arch, trial: 0.1, trials=4)
        assert len(ours.trials) == 9  # those of the search are counted alone
        assert len({record.architecture_id for record in ours.trials}) == 7


def test_a_program_that_adds_again_when_it_goes_on_adds_nothing(tmp_path):
    def program(trials):
        with study(store=str(tmp_path / "s.db")) as ours:
            archs = [SPACE.sample(seed) for seed in (0, 1, 0)]
            added = ours.add(archs, [0.5, ab.FAILED, 0.5])
            ours.run(lambda arch, trial: arch["lr"], trials=trials)
            return added, [(r.architecture_id, r.value, r.attempt) for r in ours.trials]

    added, _ = program(2)
    assert added == 3
    added, resumed = program(5)
    assert added == 0
    with study() as whole:
        whole.add([SPACE.sample(seed) for seed in (0, 1, 0)], [0.5, ab.FAILED, 0.5])
        whole.run(lambda arch, trial: arch["lr"], trials=5)
        assert [(r.architecture_id, r.value, r.attempt) for r in whole.trials] == resumed
    assert replay(tmp_path / "s.db").same


def test_what_is_no_result_is_refused_and_nothing_is_stored():
    with study() as ours:
        with pytest.raises(ObservationError, match=r"a result must be finite, got nan\. Tell"):
            ours.add([SPACE.sample(0), SPACE.sample(1)], [0.5, float("nan")])
        with pytest.raises(ArchitectureError, match=r"space\.lr"):
            ours.add({**SPACE.sample(0).value, "lr": 7}, 0.5)
        with pytest.raises(ObservationError, match="got 2 architectures and 1 values"):
            ours.add([SPACE.sample(0), SPACE.sample(1)], [0.5])
        assert ours.trials == []


def test_results_are_added_once_while_others_add_trials(tmp_path):
    with study(store=str(tmp_path / "s.db")) as ours, study(store=str(tmp_path / "s.db")) as other:
        read = ours.store.read
        others = [SPACE.sample(7), SPACE.sample(8)]

        def read_too_early():
            records = read()
            if others:
                other.add(others.pop(), 0.25)
            return records

        ours.store.read = read_too_early
        assert ours.add(SPACE.sample(0), 0.5) == 1
        assert ours.add(SPACE.sample(0), 0.5) == 0  # known: nothing to write
        assert sorted(record.value for record in other.trials) == [0.25, 0.25, 0.5]


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=6))
def test_decisions_in_columns_of_their_own_come_back(tmp_path_factory, seeds):
    archs = [SPACE.sample(seed) for seed in seeds]
    rows = [flat(arch.to_dict()) | {"accuracy": i / 7} for i, arch in enumerate(archs)]
    path = write(tmp_path_factory.mktemp("csv") / "r.csv", rows)
    found = read_results(path, study().problem, None)
    assert [result.architecture for result in found] == archs
    assert [result.value for result in found] == [i / 7 for i in range(len(archs))]


@pytest.mark.parametrize("space", [SPACE, CELL, ab.Choice({"a": None, "b": ab.Int(1, 9)})])
def test_a_data_frame_that_was_written_is_read_back(tmp_path, space):
    pytest.importorskip("pandas")

    def train(arch, trial):
        if trial.number == 2:
            raise ValueError("a comma, a \n line and a 'quote'")
        return trial.number / 7

    with study(space) as ours:
        ours.run(train, trials=4)
        ours.to_dataframe().to_csv(tmp_path / "all.csv", index=False)
        with study(space) as other:
            assert other.add_csv(tmp_path / "all.csv") == 4
            assert other.add_csv(tmp_path / "all.csv") == 0
            shown = [(r.architecture, r.value, r.state) for r in other.trials]
        assert shown == [(r.architecture, r.value, r.state) for r in ours.trials]


def test_trials_in_training_are_left_out(tmp_path):
    arch = json.dumps(SPACE.sample(0).to_dict())
    rows = [{"architecture": arch, "value": "", "state": "running"}]
    path = write(tmp_path / "r.csv", rows)
    assert read_results(path, study().problem, None) == []


def test_what_people_write_by_hand_is_understood(tmp_path):
    space = ab.Space(
        head=ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(16, 64))}),
        act=ab.Choice(["relu", "gelu"]),
        depth=ab.Int(1, 9),
    )
    path = tmp_path / "r.csv"
    path.write_text(
        "\ufeffhead,head.mlp.width,act,depth,when,accuracy\n"
        "mlp,32.0,relu,3,2024-01-02,0.9\n"
        "linear,,gelu,4.0,,FAILED\n"
    )
    found = read_results(path, study(space).problem, None)
    assert [r.architecture.value for r in found] == [
        {"head": {"mlp": {"width": 32}}, "act": "relu", "depth": 3},
        {"head": "linear", "act": "gelu", "depth": 4},
    ]
    assert [r.value for r in found] == [0.9, None]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("a,b,accuracy\n1,x,0.5\n1,x,much\n", ObservationError,
         r"line 3, column 'accuracy': expected a finite number, got 'much'\. Write \"failed\""),
        ("a,b,accuracy\n1,x,\n", ObservationError, r"line 2, column 'accuracy': .* got ''"),
        ("a,b,accuracy\n1,x,inf\n", ObservationError, r"line 2, column 'accuracy': .* got 'inf'"),
        ("a,b,accuracy\n1,x,.5\n99,x,.5\n", ArchitectureError, r"r\.csv, line 3: space\.a: 99 is"),
        ("a,b,accuracy\n1,z,.5\n", ArchitectureError, r"line 2: space\.b: no option 'z'"),
        ("a,b,accuracy\n1,,.5\n", ArchitectureError, r"line 2: space\.b: this decision is missing"),
        ("a,b,acuracy\n1,x,.5\n", ObservationError, r"no column 'value'"),
        ("c,accuracy\n1,.5\n", ObservationError, r"neither a column 'architecture' nor one of"),
        ("architecture,accuracy\n{oops,.5\n", ArchitectureError,
         r"r\.csv, line 2: space: expected .*got '\{oops'"),
        ("architecture,accuracy\n", None, ""),
        ("", ObservationError, "no column 'value'"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_said_with_its_line(tmp_path, text, error, message):
    path = tmp_path / "r.csv"
    path.write_text(text)
    with study(ab.Space(a=ab.Int(1, 9), b=ab.Choice(["x", "y"]))) as ours:
        if error is None:
            assert ours.add_csv(path) == 0
            return
        with pytest.raises(error, match=message):
            ours.add_csv(path)
        assert ours.trials == []


def test_a_file_that_is_not_there_is_said():
    with study() as ours, pytest.raises(ObservationError, match=r"nowhere\.csv: cannot read it"):
        ours.add_csv("nowhere.csv")
