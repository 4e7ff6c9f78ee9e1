"""What is trained next, before the method is asked: repeats, and what the user wants first."""

import pytest

import archbo as ab
from archbo.errors import ArchitectureError, InfeasibleError, MismatchError, ProblemError
from archbo.study.replay import replay

SPACE = ab.Space(a=ab.Int(1, 30), b=ab.Choice(["x", "y"]))
FIRST = [{"a": 3, "b": "y"}, {"a": 9, "b": "x"}]


def make(store=None, **more):
    return ab.Study(store, SPACE, **{"maximize": "score", "method": "random"} | more)


def quality(arch, trial):
    return arch["a"] + trial.seed / 2**40


def breaks(arch, trial):
    if arch["a"] % 2:
        raise ValueError("odd")
    return float(arch["a"])


def origins(study):
    return [record.origin for record in study.trials]


def ids(study):
    return [record.architecture_id for record in study.trials]


@pytest.mark.parametrize("method", ["random", "bo"])
def test_each_proposal_is_trained_with_several_seeds_before_the_next(tmp_path, method):
    with make(tmp_path / "s.db", method=method, repeats=3) as study:
        study.run(quality, trials=20)
        for start in range(0, 18, 3):
            assert len(set(ids(study)[start : start + 3])) == 1
            assert origins(study)[start + 1 : start + 3] == ["repeat", "repeat"]
        assert len(set(ids(study))) == 7
        assert len({r.value for r in study.trials}) == 20  # as each has its own seed
        best = max(study.trials, key=lambda r: r.value).architecture_id
        values = [r.value for r in study.trials if r.architecture_id == best]
        assert study.best.value == pytest.approx(sum(values) / len(values))
        assert study.dataset(study.trials).repeats.tolist() == [3] * 6 + [2]
    assert replay(tmp_path / "s.db").same


def test_what_failed_is_not_repeated():
    with make(repeats=2) as study:
        study.run(breaks, trials=12)
        failed = [r.architecture_id for r in study.trials if r.error]
        assert failed
        assert len(failed) == len(set(failed))


def test_repeats_go_on_after_the_end_of_a_run_and_with_imported_and_confirming_trials():
    with make(repeats=3) as study:
        study.run(quality, trials=2)
        study.add({"a": 1, "b": "x"}, 0.0)
        study.confirm(quality, top=1, repeats=1)
        study.run(quality, trials=4)
        assert origins(study) == ["random", "repeat", "user", "confirm", "repeat", "random"]
        assert ids(study)[4] == ids(study)[0]


def test_repeats_of_workers_are_shared_and_replayed(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "repeated.py").write_text("def train(arch, trial):\n    return float(arch['a'])\n")
    from repeated import train

    with make(tmp_path / "s.db", method="bo", repeats=2) as study:
        study.run(train, trials=8, workers=2)
        counts = [ids(study).count(key) for key in dict.fromkeys(ids(study))]
        assert counts == [2] * 4
    assert replay(tmp_path / "s.db").same


@pytest.mark.parametrize("method", ["random", "bo", "evolution"])
def test_what_the_user_wants_first_is_trained_first(tmp_path, method):
    with make(tmp_path / "s.db", method=method, start=[*FIRST, FIRST[0]]) as study:
        study.run(quality, trials=5)
        assert [r.architecture for r in study.trials[:2]] == FIRST
        assert origins(study)[:2] == ["user", "user"]
        assert "user" not in origins(study)[2:]
        assert not any(r.imported for r in study.trials)
    assert replay(tmp_path / "s.db").same


def test_what_is_known_already_is_not_trained_again():
    with make(start=FIRST) as study:
        study.add(FIRST[0], 7.0)
        study.run(quality, trials=2)
        assert [r.architecture for r in study.trials[:2]] == FIRST
        assert [r.imported for r in study.trials] == [True, False, False]


def test_the_start_goes_on_where_it_was_and_is_repeated(tmp_path):
    with make(start=FIRST, repeats=2) as whole:
        whole.run(quality, trials=7)
    for trials in (1, 3, 7):
        with make(tmp_path / "s.db", start=FIRST, repeats=2) as part:
            part.run(quality, trials=trials)
            stored = [(r.architecture, r.origin, r.value) for r in part.trials]
    with make(start=FIRST, repeats=2) as whole:
        whole.run(quality, trials=7)
        assert [(r.architecture, r.origin, r.value) for r in whole.trials] == stored


@pytest.mark.parametrize("more", [{"start": FIRST[:1]}, {"repeats": 2}])
def test_both_are_settings_of_the_study(tmp_path, more):
    make(tmp_path / "s.db", start=FIRST).close()
    with pytest.raises(MismatchError, match=next(iter(more))):
        make(tmp_path / "s.db", **({"start": FIRST} | more))


@pytest.mark.parametrize("made", [make, lambda **more: ab.Optimizer(SPACE, **more)])
def test_what_cannot_be_first_is_said_at_once(made):
    with pytest.raises(ArchitectureError, match=r"start\[1\]\.a: 99 is outside 1 to 30"):
        made(start=[FIRST[0], {"a": 99, "b": "x"}])
    with pytest.raises(ArchitectureError, match=r"start\[0\]\.b: this decision is missing"):
        made(start=[{"a": 9}])
    with pytest.raises(ProblemError, match=r"start: expected a list of architectures.*\[value\]"):
        made(start={"a": 9, "b": "x"})
    with pytest.raises(InfeasibleError, match=r"start\[1\]: .*a=9.* does not meet the constraints"):
        made(start=FIRST, constraints=[lambda arch: arch["a"] < 5])


def test_an_optimizer_proposes_them_first():
    opt = ab.Optimizer(SPACE, start=FIRST, seed=0)
    opt.tell(FIRST[0], 1.0)
    first, second, third = opt.propose(3)
    assert (first.architecture.value, first.origin) == (FIRST[1], "user")
    assert {second.origin, third.origin} == {"initial"}
    assert len({p.architecture.id for p in (first, second, third)}) == 3
    opt.tell(first.architecture, 2.0)
    assert opt.propose().origin != "user"


def test_an_exhausted_space_still_gives_what_is_left_of_the_start():
    opt = ab.Optimizer(ab.Bool(), start=[True, False])
    assert [p.origin for p in opt.propose(5)] == ["user", "user"]


def test_repeats_are_a_count():
    with pytest.raises(ProblemError, match="repeats must be a whole number from 1, got 0"):
        make(repeats=0)
