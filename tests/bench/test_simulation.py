import json
from dataclasses import dataclass, field
from math import inf

import numpy as np
import pytest

import archbo as ab
from archbo.arrays import stream
from archbo.bench import Negated, find, regret
from archbo.bench.budgeted import BudgetSearch
from archbo.bench.recorded import Recorded, by_row
from archbo.bench.simulation import run_budget
from archbo.data import Decision, Proposal, State
from archbo.errors import ProblemError
from archbo.methods.base import Search

EPOCHS = 9


@dataclass
class Script(Search):
    """A method that does what it is told, and remembers what it saw."""

    steps: list  # of (architecture, fidelity, resume), or None to wait
    decisions: list = field(default_factory=list)
    seen: list = field(default_factory=list)
    decided: list = field(default_factory=list)
    draws: list = field(default_factory=list)

    def prepare(self, problem):
        self.problem = problem
        return self

    def propose(self, dataset, count, rng):  # noqa: ARG002
        self.seen.append(dataset)
        self.draws.append(rng.random())
        if not self.steps or (step := self.steps.pop(0)) is None:
            return []
        return [Proposal(step[0], "script", fidelity=step[1], resume=step[2])]

    def decide(self, dataset, curve, rng):
        self.decided.append((dataset, curve, rng.random()))
        return self.decisions.pop(0) if self.decisions else Decision()


@pytest.fixture(scope="module")
def curves():
    """Six networks with curves of 9 epochs; network k takes k + 1 seconds for each, the best is 5.

    Network 4 fails in its fourth epoch.
    """
    space = ab.Space(a=ab.Choice(["x", "y", "z"]), b=ab.Bool())
    rows = space.compiled.rows(np.indices((3, 2)).reshape(2, -1).T.astype(float))
    epochs = np.arange(1.0, EPOCHS + 1)
    values = np.arange(6.0)[:, None] + epochs / 10
    failed = np.zeros((6, EPOCHS, 1), dtype=bool)
    failed[4, 3:] = True
    return Recorded(
        name="curves",
        space=space,
        maximize=True,
        unit="points",
        fidelities=tuple(range(1, EPOCHS + 1)),
        continued=True,
        rows=rows,
        position=by_row(rows),
        values=values[:, :, None],
        failed=failed,
        times=np.arange(1.0, 7)[:, None] * epochs,
    )


@pytest.fixture(scope="module")
def nets(curves):
    return curves.space.compiled.architectures(curves.rows)


def states(dataset):
    return [(curve.state.value, curve.levels.tolist(), curve.target) for curve in dataset.curves]


def test_a_hand_made_search_with_two_workers(curves, nets):
    """The clock, what is known when, and what is charged, worked out by hand."""
    script = Script([
        (nets[0], 3, None),  # 1 s an epoch: 0 to 3
        (nets[1], 3, None),  # 2 s an epoch: 0 to 6
        (nets[0], 9, 3),     # from 3 on: 3 to 9
        None,                # at 6: it waits for network 0
        (nets[1], None, 3),  # at 9: 9 to 21
        (nets[4], 9, None),  # at 9: fails after 4 epochs of 5 s: 9 to 29
    ])  # fmt: skip
    search = run_budget(curves, script, seed=0, budget=100, workers=2)
    assert search.trainings == [0, 1, 0, 1, 2]
    assert search.clock == [3, 6, 9, 21, 29]
    assert search.levels == [3, 3, 9, 9, 4]
    assert search.values == [0.3, 1.3, pytest.approx(0.9), pytest.approx(1.9), None]
    # at 3 network 1 has done 1.5 epochs; at 6 network 0 has gone on by 3; at 21 network 4 has done
    # 12 / 20 of its four
    assert search.spent == pytest.approx(np.array([4.5, 9, 12, 12 + 6 + 2.4, 12 + 6 + 4]) / 9)
    # until 9 the better of two after 3 epochs, then the only one that was trained in full, then 1
    assert search.regrets == [5, 4, 5, 4, 4]
    assert search.origins == ["script"] * 5
    first, second, third, waiting, fifth, sixth = [states(data) for data in script.seen[:6]]
    assert first == []
    assert second == [("running", [], 3)]
    assert third == [("paused", [1, 2, 3], 3), ("running", [1], 3)]
    assert waiting == [("running", [1, 2, 3, 4, 5, 6], None), ("paused", [1, 2, 3], 3)]
    full = ("finished", list(range(1, 10)), None)
    assert fifth == [full, ("paused", [1, 2, 3], 3)]
    assert sixth == [full, ("running", [1, 2, 3], None)]
    assert [len(data.pending) for data in script.seen[:6]] == [0, 1, 1, 1, 0, 1]
    assert [data.trials for data in script.seen[:6]] == [0, 1, 2, 2, 2, 2]
    assert states(script.seen[-1])[2] == ("failed", [1, 2, 3], None)
    assert script.seen[-1].values.tolist() == pytest.approx([0.9, 1.9, np.nan], nan_ok=True)
    assert script.seen[-1].curves[0].seconds == 9
    assert (search.begun, search.first_regret, search.end) == (3, 5, None)
    assert (search.random_regret, search.full) == (pytest.approx(2.5), 9)


def test_random_numbers_are_those_of_a_study(curves, nets):
    script = Script([(nets[0], 3, None), (nets[1], 3, None), (nets[0], 5, 3)])
    run_budget(curves, script, seed=4, budget=10)
    # by the number of trials and of reports; a decision by its trial and level
    names = [(0, 0), (1, 3), (2, 6), (2, 8)]
    assert script.draws == [stream(4, "propose", *key).random() for key in names]
    decided = [(0, 3), (1, 3), (0, 5)]
    assert [d for *_, d in script.decided] == [
        stream(4, "decide", *key).random() for key in decided
    ]


def test_a_training_that_goes_on_or_is_stopped_by_a_decision_is_not_proposed_again(curves, nets):
    script = Script(
        [(nets[2], 1, None), (nets[3], 1, None)],
        [Decision(target=3), Decision(target=9), Decision(final=True)],
    )
    search = run_budget(curves, script, seed=0, budget=10)
    assert list(zip(search.trainings, search.levels, strict=True)) == [
        (0, 1), (0, 3), (0, 9), (1, 1)
    ]  # fmt: skip
    assert search.clock == [3, 9, 27, 31]
    assert search.propose_seconds[1:3] == [0, 0]
    for dataset, curve, _ in script.decided:
        assert curve.state is State.RUNNING
        assert dataset.curves[-1] is curve
        assert len(dataset.pending) == 1
    assert [curve.levels.tolist() for _, curve, _ in script.decided] == [[1], [1, 2, 3], [1]]
    assert [s for s, *_ in states(script.seen[-1])] == ["finished", "stopped"]


def test_levels_that_are_trainings_of_their_own_are_charged_whole(small, archs):
    script = Script([(archs[7], 3, None), (archs[7], None, None), (archs[5], None, None)])
    search = run_budget(small, script, seed=0, budget=10)
    assert search.trainings == [0, 1, 2]
    assert search.spent == pytest.approx([1 / 3, 4 / 3, 7 / 3])
    assert search.clock == [8, 32, 50]
    assert search.values == [
        small.objective(archs[7], 0, 3), small.objective(archs[7], 0), None
    ]  # fmt: skip
    assert states(script.seen[-1]) == [
        ("paused", [3], 3), ("finished", [9], None), ("failed", [], None)
    ]  # fmt: skip
    assert script.decided == []


@pytest.mark.parametrize("continued", [True, False])
def test_a_network_that_is_trained_again_has_new_noise_and_counts_by_its_mean(
    continued, small, archs
):
    benchmark = small if not continued else find("digits")
    nets = archs if not continued else [benchmark.space.sample(k) for k in range(3)]
    script = Script([(nets[2], 3, None), *[(nets[2], None, None)] * 2, (nets[1], None, None)])
    search = run_budget(benchmark, script, seed=1, budget=10)
    repeats = [1, 2] if continued else [0, 1]
    assert search.values[1:3] == [benchmark.objective(nets[2], 1, repeat=r) for r in repeats]
    means = [search.values[3], np.mean(search.values[1:3])]
    assert search.regrets[-1] == regret(benchmark, nets[1 + int(np.argmax(means))])
    assert script.seen[-1].repeats.tolist() == [2, 1]


def test_results_are_in_the_order_in_which_trainings_began(curves, nets):
    script = Script([(nets[3], None, None), (nets[0], None, None), (nets[2], None, None)])
    run_budget(curves, script, seed=0, budget=10, workers=2)
    known = curves.space.compiled.architectures(script.seen[-1].rows)
    assert known == [nets[3], nets[0], nets[2]]


def test_where_all_is_trained_in_full_a_network_is_one_of_the_budget():
    benchmark = find("synthetic/20")
    search = run_budget(benchmark, "random", seed=0, budget=12)
    assert search.spent == list(range(1, 13))
    assert search.clock == search.spent  # no seconds are known
    assert search.values[0] == benchmark.objective(
        ab.Optimizer(benchmark.space, maximize="v", seed=0, method="random").ask(), 0
    )


METHODS = ["random", "asha", "asha-stopping", "hyperband", "successive-halving"]


@pytest.mark.parametrize("workers", [1, 5])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["digits", "curves/diverging"])
def test_the_books_balance(name, method, workers):
    """From what is written down alone: epochs, seconds and workers add up."""
    benchmark = find(name)
    search = run_budget(benchmark, method, seed=1, budget=8, workers=workers)
    full = benchmark.fidelities[-1]
    nets = {}
    reached, free = {}, 0.0
    spans = []
    for t, key, level, end in zip(
        search.trainings, search.ids, search.levels, search.clock, strict=True
    ):
        assert nets.setdefault(t, key) == key
        assert level > reached.get(t, 0)
        spans.append((t, reached.get(t, 0), level, end))
        reached[t] = level
    assert all(np.diff(search.clock) >= 0)
    assert all(np.diff(search.spent) >= 0)
    assert search.spent[-1] <= 8 + 1e-9
    ended = np.cumsum([level - before for _, before, level, _ in spans]) / full
    if workers == 1:  # one after another, nothing between
        assert search.spent == pytest.approx(ended)
    else:  # beside what has ended there is what is in training
        beside = np.array(search.spent) - ended
        ties = np.append(np.diff(search.clock) == 0, False)
        assert (beside[~ties] > -1e-9).all()
        assert (beside < workers).all()
    if name == "curves/diverging":  # an epoch takes a second, so that spans are known
        begins = [end - (level - before) for _, before, level, end in spans]
        events = sorted([(b, 1) for b in begins] + [(end, -1) for *_, end in spans])
        assert max(np.cumsum([step for _, step in events])) <= workers
        assert search.clock[-1] * workers / full >= search.spent[-1] - 1e-9
        if workers == 1:
            assert begins == pytest.approx([free, *search.clock[:-1]])


@pytest.mark.parametrize("method", METHODS)
def test_a_search_depends_on_its_seed_alone(method):
    def told(seed):
        search = run_budget(find("digits"), method, seed=seed, budget=4, workers=3)
        return search.ids, search.values, search.clock, search.spent, search.regrets

    assert told(1) == told(1)
    assert told(1) != told(2)


@pytest.mark.parametrize("method", ["asha", "hyperband"])
def test_one_worker_finds_what_a_study_finds(method):
    """The study trains for real, the simulation looks up the same."""
    benchmark = find("digits")
    study = ab.Study(
        None,
        benchmark.space,
        maximize="value",
        seed=3,
        method=method,
        fidelity=ab.Epochs(1, 30),
    )

    def train(arch, trial):
        for epoch in range(trial.epochs_done + 1, trial.epochs + 1):
            trial.report(epoch, benchmark.objective(arch, 3, epoch))
        return benchmark.objective(arch, 3)

    study.run(train, budget=4)
    search = run_budget(benchmark, method, seed=3, budget=4)
    stored = {t.number: t for t in study.trials}
    assert len(search.ids) > 20
    for t, key, level in zip(search.trainings, search.ids, search.levels, strict=True):
        assert stored[t].architecture_id == key
        assert stored[t].reports[-1].epoch >= level


def test_nothing_but_the_budget_ends_a_search_whose_method_never_waits():
    search = run_budget(find("curves/faithful"), "asha", seed=0, budget=2.5, workers=4)
    assert search.spent[-1] <= 2.5 < search.spent[-1] + 4 / 27 + 1e-9


def test_a_search_ends_when_the_budget_is_spent_in_the_middle_of_trainings(curves, nets):
    """Two workers: network 0 takes 9 seconds, network 1 takes 18; after 12 there are 15 epochs."""
    script = Script([(nets[0], None, None), (nets[1], None, None)])
    search = run_budget(curves, script, seed=0, budget=15 / 9, workers=2)
    assert search.clock == [9]
    assert search.spent == [pytest.approx(13.5 / 9)]
    assert search.end == pytest.approx(12)


def test_a_search_ends_where_nothing_is_left(curves, nets):
    search = run_budget(curves, "random", seed=0, budget=100, workers=2)
    assert sorted(search.ids) == sorted(arch.id for arch in nets)
    assert search.levels.count(9) == 5
    assert search.values.count(None) == 1


def test_a_network_that_failed_is_not_the_answer(curves, nets):
    script = Script([(nets[4], 3, None), (nets[0], 3, None), (nets[4], None, 3)])
    search = run_budget(curves, script, seed=0, budget=10)
    assert search.regrets == [1, 1, 5]


def test_before_any_result_the_network_that_began_first_is_the_answer(curves, nets):
    script = Script([(nets[4], None, None)])
    search = run_budget(curves, script, seed=0, budget=10)
    assert search.values == [None]
    assert search.regrets == [search.first_regret] == [1]
    nothing = run_budget(curves, Script([(nets[2], None, None)]), seed=0, budget=0.5)
    assert (nothing.ids, nothing.begun, nothing.first_regret) == ([], 1, pytest.approx(3))


def test_a_loss_is_minimised(curves):
    up = run_budget(curves, "asha", seed=0, budget=3)
    down = run_budget(Negated(curves), "asha", seed=0, budget=3)
    assert (up.ids, up.regrets) == (down.ids, down.regrets)


def test_json_and_rows_hold_all(curves):
    search = run_budget(curves, "asha", seed=0, budget=2)
    assert BudgetSearch(**json.loads(json.dumps(search.to_dict()))) == search
    rows = search.rows()
    assert [row["spent"] for row in rows] == search.spent
    assert [row["training"] for row in rows] == search.trainings
    assert {(row["budget"], row["workers"]) for row in rows} == {(2, 1)}


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([(0, 3, None), (1, 5, 2)], r"goes on with .* from 2, but no training of it is paused"),
        ([(0, 3, None), (0, 3, 3)], r"trains .* to 3, which has reached 3"),
        ([None], "the method proposes nothing to begin with"),
    ],
)
def test_a_method_that_does_what_cannot_be_done_is_told(steps, words, curves, nets):
    script = Script([step and (nets[step[0]], *step[1:]) for step in steps])
    with pytest.raises(ProblemError, match=words):
        run_budget(curves, script, seed=0, budget=10)


def test_a_level_that_was_not_recorded_is_refused(small, archs):
    with pytest.raises(ProblemError, match=r"script: epochs must be one of 3, 9, got 5"):
        run_budget(small, Script([(archs[0], 5, None)]), seed=0, budget=10, name="script")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"budget": 0}, "budget must be a positive number of full trainings, got 0"),
        ({"budget": inf}, "budget must be a positive number of full trainings, got inf"),
        ({"budget": 1, "workers": 0}, "workers must be a whole number from 1, got 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, words, curves):
    with pytest.raises(ProblemError, match=words):
        run_budget(curves, "random", seed=0, **settings)
