from dataclasses import dataclass, field, replace
from math import floor

import numpy as np
import pytest

import archbo as ab
from archbo.arrays import stream
from archbo.data import Curve, Dataset
from archbo.errors import ExhaustedError, MismatchError, ProblemError
from archbo.methods import find_method
from archbo.methods.hyperband import brackets
from archbo.problem import Problem
from archbo.study.proposing import history, propose

NAMES = ["successive-halving", "hyperband", "asha", "asha-stopping"]
SPACE = ab.Space(x=ab.Float(0.0, 1.0))
FIDELITIES = {
    "continued": ab.Epochs(1, 9),
    "afresh": ab.Epochs(1, 9, continued=False),
    "data": ab.Fidelity("data", 1, 9),
}


def score(arch, level):
    """Crosses: who leads early need not lead late."""
    return arch["x"] * level - 3 * abs(arch["x"] - 0.5)


@dataclass
class World:
    """Trainings that end when they are told to; each event is (network's number, level)."""

    method: object
    fidelity: object = ab.Epochs(1, 9)
    space: object = SPACE
    seed: int = 0
    curves: list = field(default_factory=list)
    events: list = field(default_factory=list)

    def __post_init__(self):
        self.method = find_method(self.method)
        self.problem = Problem.make(self.space, seed=self.seed, fidelity=self.fidelity)
        self.search = self.method.prepare(self.problem)

    def dataset(self):
        running = [c.architecture for c in self.curves if c.state is ab.State.RUNNING]
        return Dataset.make(self.problem, [], running, curves=self.curves)

    def propose(self, count=1):
        rng = stream(self.seed, "propose", len(self.events))
        return self.search.propose(self.dataset(), count, rng)

    def start(self, count=1):
        """The places of the curves in which the proposals are trained now."""
        started = []
        for proposal in self.propose(count):
            ids = [c.architecture.id for c in self.curves]
            if proposal.resume is None:
                assert not self.problem.fidelity.continued or proposal.architecture.id not in ids
                nothing = np.zeros(0)
                self.curves.append(
                    Curve(
                        proposal.architecture, nothing, nothing, ab.State.RUNNING, proposal.fidelity
                    )
                )
                started.append(len(self.curves) - 1)
            else:
                place = ids.index(proposal.architecture.id)
                curve = self.curves[place]
                assert curve.state is ab.State.PAUSED
                assert proposal.resume == curve.reached
                self.curves[place] = replace(
                    curve, state=ab.State.RUNNING, target=proposal.fidelity
                )
                started.append(place)
            level = proposal.fidelity or self.problem.fidelity.high
            order = list(dict.fromkeys([*ids, proposal.architecture.id]))
            self.events.append((order.index(proposal.architecture.id), level))
        return started

    def end(self, place, value=score, *, fail=False):
        """Train to the target, or crash; where the method lets it go on, further."""
        curve = self.curves[place]
        level = curve.target or self.problem.fidelity.high
        if fail:
            self.curves[place] = replace(curve, state=ab.State.FAILED)
            return
        low = curve.reached if self.problem.fidelity.continued else level - 1
        levels = np.append(curve.levels, np.arange(low + 1, level + 1))
        values = np.array([value(curve.architecture, level) for level in levels])
        curve = replace(curve, levels=levels, values=values)
        if curve.target is None:
            self.curves[place] = replace(curve, state=ab.State.FINISHED)
            return
        self.curves[place] = curve
        state, target = ab.State.PAUSED, None
        if self.problem.fidelity.continued:
            decision = self.search.decide(self.dataset(), curve, stream(0, "decide"))
            state, target = ab.State.STOPPED if decision.final else state, decision.target
        self.curves[place] = replace(curve, state=state)
        if target is not None:
            goal = self.problem.fidelity.short(target)
            self.curves[place] = replace(curve, state=ab.State.RUNNING, target=goal)
            order = [c.architecture.id for c in self.curves]
            self.events.append((order.index(curve.architecture.id), target))
            self.end(place, value)

    def run(self, trainings):
        for _ in range(trainings):
            for place in self.start():
                self.end(place)


def climb(world, places):
    """Go on until nothing is proposed any more."""
    while places:
        for place in places:
            world.end(place)
        places = world.start()


def test_the_brackets_are_those_of_algorithm_1_for_81_and_3():
    table = brackets(ab.Epochs(1, 81), 3)
    assert table == [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(34, 3), (11, 9), (3, 27), (1, 81)],
        [(15, 9), (5, 27), (1, 81)],
        [(8, 27), (2, 81)],
        [(5, 81)],
    ]


def test_a_bracket_over_given_levels_spends_about_as_much_on_each():
    fidelity = ab.Epochs(4, 108, levels=(4, 12, 54, 108))
    first, *_, last = brackets(fidelity, eta=5)  # which says nothing here
    assert first == [(27, 4), (9, 12), (2, 54), (1, 108)]
    assert last == [(4, 108)]
    assert [networks * level for networks, level in first] == [108] * 4


@pytest.mark.parametrize(
    "fidelity", [ab.Fidelity("data", 0.1, 0.9, levels=(0.1, 0.3, 0.9)), ab.Epochs(1, 9)], ids=repr
)
def test_a_third_is_a_third_whatever_the_rounding(fidelity):
    first, *_ = brackets(fidelity, eta=3)
    assert [networks for networks, _ in first] == [9, 3, 1]


@pytest.mark.parametrize("fidelity", FIDELITIES.values(), ids=FIDELITIES)
def test_hyperband_trains_what_successive_halving_of_each_bracket_does(fidelity):
    world = World("hyperband", fidelity)
    world.run(9 + 3 + 1 + 5 + 1 + 3 + 9)
    archs = list(dict.fromkeys(curve.architecture.id for curve in world.curves))
    of = {curve.architecture.id: curve.architecture for curve in world.curves}
    expected, begun = [], 0
    for bracket in ([(9, 1), (3, 3), (1, 9)], [(5, 3), (1, 9)], [(3, 9)], [(9, 1)]):
        alive = list(range(begun, begun + bracket[0][0]))
        begun += len(alive)
        for i, (count, level) in enumerate(bracket):
            if i:
                below = bracket[i - 1][1]
                alive = sorted(alive, key=lambda k, b=below: -score(of[archs[k]], b))[:count]
            expected += [(k, level) for k in alive]
    assert world.events == expected


def test_successive_halving_begins_anew_when_one_was_trained_in_full():
    world = World(ab.SuccessiveHalving(eta=3, networks=5))
    world.run(2 * (5 + 1 + 1))
    levels = [level for _, level in world.events]
    assert levels == 2 * [1, 1, 1, 1, 1, 3, 9]
    (first, _), (last, _) = world.events[5], world.events[6]
    values = [world.curves[k].values[0] for k in range(5)]
    assert first == last == int(np.argmax(values))
    assert world.events[7] == (5, 1)


def test_a_rung_waits_for_its_last_training_while_the_next_bracket_begins():
    world = World(ab.SuccessiveHalving(networks=3))
    places = world.start(3)
    for place in places[:2]:
        world.end(place)
    (other,) = world.start()
    assert world.events[-1] == (3, 1)
    world.end(places[2])
    world.start()
    number, level = world.events[-1]
    assert level == 3
    assert number == int(np.argmax([world.curves[k].values[0] for k in range(3)]))
    assert other == 3


def asha_jobs(values, rungs, etas, jobs):
    """Algorithm 2 of Li et al. 2020, one worker; values[k, rung], a factor for each rung."""
    done = [[] for _ in rungs]
    promoted = [set() for _ in rungs]
    found, begun = [], 0
    for _ in range(jobs):
        for k in reversed(range(len(rungs) - 1)):
            top = sorted(done[k], key=lambda i, k=k: -values[i, k])[: floor(len(done[k]) / etas[k])]
            promotable = [i for i in top if i not in promoted[k]]
            if promotable:
                promoted[k].add(promotable[0])
                job = (promotable[0], k + 1)
                break
        else:
            job = (begun, 0)
            begun += 1
        done[job[1]].append(job[0])
        found.append((job[0], rungs[job[1]]))
    return found


@pytest.mark.parametrize("fidelity", FIDELITIES.values(), ids=FIDELITIES)
@pytest.mark.parametrize("eta", [2, 3])
def test_asha_trains_what_the_papers_algorithm_says(fidelity, eta):
    world = World(ab.Asha(eta=eta), fidelity)
    world.run(60)
    rungs = fidelity.rungs(eta)
    of = {curve.architecture.id: curve.architecture for curve in world.curves}
    values = np.array([[score(arch, level) for level in rungs] for arch in of.values()])
    values = np.vstack([values, np.zeros((60, len(rungs)))])
    assert world.events == asha_jobs(values, rungs, [eta] * 4, 60)
    assert {level for _, level in world.events} == set(rungs)


@pytest.mark.parametrize("continued", [True, False])
def test_asha_promotes_one_in_as_many_as_given_levels_are_apart(continued):
    fidelity = ab.Epochs(1, 8, levels=(1, 2, 8), continued=continued)
    world = World("asha", fidelity)
    world.run(60)
    of = {curve.architecture.id: curve.architecture for curve in world.curves}
    values = np.array([[score(arch, level) for level in (1, 2, 8)] for arch in of.values()])
    values = np.vstack([values, np.zeros((60, 3))])
    assert world.events == asha_jobs(values, (1, 2, 8), (2, 4), 60)


def test_asha_promotes_nine_to_three_to_one():
    world = World("asha")
    quality = [5, 1, 2, 3, 4, 6, 0, 9, 7]

    def value(arch, _):
        return quality[[curve.architecture.id for curve in world.curves].index(arch.id)]

    for _ in range(9 + 3 + 1):
        for place in world.start():
            world.end(place, value)
    firsts = [(k, level) for k, level in world.events if level > 1]
    assert firsts == [(0, 3), (5, 3), (7, 3), (7, 9)]


def test_asha_never_waits():
    world = World("asha")
    assert len(world.start(30)) == 30
    for place in range(3):
        world.end(place)
    world.start(2)
    assert [level for _, level in world.events[-2:]] == [3, 1]


def test_asha_that_stops_goes_on_at_once_with_the_best_of_a_rung():
    world = World("asha-stopping")
    for quality in (0, -1, -5, -4, -3, -2, -6):
        (place,) = world.start()
        world.end(place, lambda _, level, quality=quality: quality + level / 100)
    assert world.events == [
        *[(0, 1), (0, 3), (0, 9)],  # the first is the best so far
        *[(1, 1), (2, 1), (3, 1), (4, 1)],
        *[(5, 1)],  # the third of six
        *[(6, 1)],
    ]
    states = [curve.state for curve in world.curves]
    assert states == [ab.State.FINISHED, *[ab.State.STOPPED] * 6]


def test_asha_that_stops_lets_two_of_six_go_on():
    world = World("asha-stopping")
    for quality in (0, -5, -4, -3, -2, -1):
        (place,) = world.start()
        world.end(place, lambda _, level, quality=quality: quality + level / 100)
    assert world.events[-2:] == [(5, 1), (5, 3)]
    assert world.curves[5].state is ab.State.STOPPED


@pytest.mark.parametrize("fidelity", FIDELITIES.values(), ids=FIDELITIES)
@pytest.mark.parametrize("name", NAMES)
def test_a_resumed_search_goes_on_as_an_unbroken_one(name, fidelity):
    world = World(name, fidelity)
    running = []
    for k in range(45):
        before = world.propose(2)
        world.search = world.method.prepare(world.problem)
        assert world.propose(2) == before
        running += world.start(2)
        while len(running) > 3:
            world.end(running.pop(k % 3), fail=k % 7 == 6)
    assert {level for _, level in world.events} == {1, 3, 9}


@pytest.mark.parametrize("name", NAMES)
def test_failures_are_not_promoted_and_hold_up_nothing(name):
    world = World(name)
    for k in range(60):
        for place in world.start():
            world.end(place, fail=k % 3 == 1)
    assert any(curve.state is ab.State.FINISHED for curve in world.curves)
    assert any(curve.state is ab.State.FAILED for curve in world.curves)


@pytest.mark.parametrize("name", NAMES)
def test_where_all_fail_new_ones_begin(name):
    world = World(name)
    for _ in range(20):
        for place in world.start():
            world.end(place, fail=True)
    assert len(world.curves) == 20


@pytest.mark.parametrize("fidelity", FIDELITIES.values(), ids=FIDELITIES)
@pytest.mark.parametrize("name", NAMES)
def test_a_small_space_is_climbed_to_the_top_and_then_there_is_nothing(name, fidelity):
    world = World(name, fidelity, ab.Space(x=ab.Int(1, 4)))
    places = world.start(8)
    assert len(places) == 4
    assert world.propose() == []  # it waits
    with pytest.raises(ExhaustedError, match="all 4 "):
        climb(world, places)
    assert any(curve.state is ab.State.FINISHED for curve in world.curves)


@pytest.mark.parametrize("name", NAMES)
def test_no_network_begins_twice_and_lists_differ(name):
    world = World(name)
    proposals = world.propose(40)
    assert len({proposal.architecture.id for proposal in proposals}) == 40


@pytest.mark.parametrize("name", NAMES)
def test_what_was_trained_in_full_from_the_start_is_among_the_candidates(name):
    opt = ab.Optimizer(SPACE, method=name, fidelity=ab.Epochs(1, 9), start=[{"x": 0.9}], seed=0)
    first = opt.propose()
    assert (first.origin, first.fidelity) == ("user", None)
    opt.tell(first.architecture, 9.0)
    for _ in range(40):
        proposal = opt.propose()
        assert proposal.architecture != first.architecture
        level = proposal.fidelity or 9
        opt.tell(proposal.architecture, score(proposal.architecture, level), fidelity=level)


@pytest.mark.parametrize("fidelity", FIDELITIES.values(), ids=FIDELITIES)
@pytest.mark.parametrize("name", NAMES)
def test_ask_and_tell_finds_a_good_network_with_few_epochs(name, fidelity):
    opt = ab.Optimizer(SPACE, method=name, fidelity=fidelity, seed=1)
    spent = 0
    while spent < 12 * 9:
        proposal = opt.propose()
        level = proposal.fidelity or 9
        spent += level - (proposal.resume or 0)
        opt.tell(proposal.architecture, level * proposal.architecture["x"], fidelity=level)
    assert len(opt._dataset().curves) > 12
    assert opt.best.value > 0.95 * 9


@pytest.mark.parametrize(
    "fidelity", [FIDELITIES["continued"], FIDELITIES["data"]], ids=["continued", "data"]
)
@pytest.mark.parametrize("name", NAMES)
def test_a_study_trains_to_the_rungs_and_goes_on_after_a_break(name, fidelity, tmp_path):
    def train(arch, trial):
        if not fidelity.counted:
            return score(arch, trial.fidelity)
        for epoch in range(trial.epochs_done + 1, trial.epochs + 1):
            trial.save(b"state", epoch=epoch)
            trial.report(epoch, score(arch, epoch))
        return score(arch, trial.epochs)

    def studied(*budgets):
        file = tmp_path / f"{len(budgets)}.db"
        with ab.Study(file, SPACE, maximize="score", method=name, fidelity=fidelity) as study:
            for budget in budgets:
                study.run(train, budget=budget)
            trials = study.trials
            for record in trials:
                again = propose(study, history(trials, record.number))
                assert again.architecture.id == record.architecture_id
            return [(r.architecture_id, r.state, r.reached, r.value) for r in trials]

    whole = studied(3)
    assert studied(1, 2.5, 3) == whole
    assert any(state is ab.State.FINISHED for _, state, *_ in whole)
    assert {reached for _, _, reached, value in whole if value is None} <= {1, 3}


@pytest.mark.parametrize("name", NAMES)
def test_a_study_trains_to_the_given_levels_only(name, tmp_path):
    fidelity = ab.Fidelity("data", 0.1, 1.0, levels=(0.1, 0.3, 1.0))
    seen = []

    def train(arch, trial):
        seen.append(trial.fidelity)
        return score(arch, trial.fidelity)

    for budget in (2, 4):
        with ab.Study(tmp_path / "a.db", SPACE, method=name, fidelity=fidelity) as study:
            study.run(train, budget=budget)
    assert set(seen) == {0.1, 0.3, 1.0}
    assert 4 <= sum(seen) < 5


def test_a_budget_counts_what_the_fidelity_says_that_trainings_cost(tmp_path):
    def study(cost):
        fidelity = ab.Fidelity("data", 0.1, 1.0, levels=(0.1, 1.0), cost=cost)
        return ab.Study(
            tmp_path / "a.db", SPACE, method=ab.SuccessiveHalving(networks=2), fidelity=fidelity
        )

    costs = {0.1: 2, 1.0: 4}  # twice 0.5 and once 1
    for budget, levels in ((2, [0.1, 0.1, None]), (3, [0.1, 0.1, None, 0.1, 0.1])):
        with study(costs) as first:
            first.run(lambda arch, trial: score(arch, trial.fidelity), budget=budget)
            assert [record.fidelity for record in first.trials] == levels
    with study(lambda level: costs[level]) as same:
        assert len(same.trials) == 5
    with pytest.raises(MismatchError, match=r"(?s)fidelity: the stored study is another.*-.*4\.0"):
        study({0.1: 2, 1.0: 5})


@pytest.mark.parametrize("cls", [ab.SuccessiveHalving, ab.Hyperband, ab.Asha])
@pytest.mark.parametrize("eta", [1, 0.5, "3", float("nan")])
def test_a_factor_that_does_not_grow_is_refused(cls, eta):
    with pytest.raises(ProblemError, match=r"eta must be a number above 1, got"):
        cls(eta=eta)


def test_successive_halving_of_no_networks_is_refused():
    with pytest.raises(ProblemError, match="networks must be a whole number from 1, got 0"):
        ab.SuccessiveHalving(networks=0)
