import math

import numpy as np
import pytest

import archbo as ab
from archbo.data import Proposal
from archbo.errors import ArchitectureError, ExhaustedError, ObservationError, ProblemError

CELL = ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3"])
SMALL = ab.Space(depth=ab.Int(1, 3), act=ab.Choice(["relu", "gelu"]))
ONE = ab.Space(only=ab.Choice(["this"]))
METHODS = ["bo", "random", "evolution"]


def convolutions(arch):
    return float(sum(op == "conv_3x3" for *_, op in arch.value))


def told(opt, trials, value=convolutions):
    for _ in range(trials):
        arch = opt.ask()
        opt.tell(arch, value(arch))
    return opt


@pytest.mark.parametrize("method", METHODS)
def test_no_network_is_proposed_twice(method):
    opt = told(ab.Optimizer(CELL, method=method, seed=1), 30)
    ids = [seen.architecture.id for seen in opt.observations]
    assert len(set(ids)) == 30


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_and_results_give_the_same_proposals(method):
    first, second = (told(ab.Optimizer(CELL, method=method, seed=3), 15) for _ in range(2))
    assert first.observations == second.observations
    other = told(ab.Optimizer(CELL, method=method, seed=4), 15)
    assert first.observations != other.observations


@pytest.mark.parametrize("method", METHODS)
def test_a_list_of_proposals_differs_within_and_from_what_is_pending(method):
    opt = told(ab.Optimizer(CELL, method=method, seed=0), 8)
    batch = opt.ask(4)
    more = opt.ask(4)
    ids = {arch.id for arch in batch + more}
    assert len(ids) == 8
    assert not ids & {seen.architecture.id for seen in opt.observations}


@pytest.mark.parametrize("method", METHODS)
def test_an_exhausted_space_says_so_after_its_last_network(method):
    opt = told(ab.Optimizer(SMALL, method=method, seed=0), 6, lambda a: a["depth"])
    with pytest.raises(ExhaustedError, match="all 6 different networks of the space are known"):
        opt.ask()
    assert opt.best.value == 3


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("known", [0, 2, 5])
def test_a_list_longer_than_what_is_left_holds_all_that_is_left(method, known):
    opt = told(ab.Optimizer(SMALL, method=method, seed=0), known, lambda a: a["depth"])
    batch = opt.ask(16)
    assert len({arch.id for arch in batch}) == len(batch) == 6 - known
    with pytest.raises(ExhaustedError, match="all 6 different networks"):
        opt.ask(2)


@pytest.mark.parametrize("method", METHODS)
def test_a_space_of_one_architecture_is_proposed_once(method):
    opt = ab.Optimizer(ONE, method=method, seed=0)
    arch = opt.ask()
    opt.tell(arch, 1.0)
    assert opt.best == (arch, 1.0)
    with pytest.raises(ExhaustedError, match="all 1 different networks"):
        opt.ask()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "value",
    [
        lambda arch: 5.0,
        lambda arch: convolutions(arch) * 1e-12,
        lambda arch: convolutions(arch) * 1e12,
        lambda arch: 1e12 + convolutions(arch),
        lambda arch: ab.FAILED,
        lambda arch: ab.FAILED if convolutions(arch) < 2 else convolutions(arch),
    ],
    ids=["constant", "tiny", "huge", "huge offset", "all failed", "many failed"],
)
def test_any_scale_of_the_objective_works(method, value):
    opt = told(ab.Optimizer(CELL, method=method, seed=0), 14, value)
    assert len({seen.architecture.id for seen in opt.observations}) == 14


@pytest.mark.parametrize("method", METHODS)
def test_constraints_are_never_violated(method):
    opt = ab.Optimizer(
        CELL,
        method=method,
        seed=0,
        features={"convs": convolutions},
        constraints=[{"convs": "<= 2"}, lambda arch: (0, 3, "none") not in arch.value],
    )
    told(opt, 25)
    for seen in opt.observations:
        assert convolutions(seen.architecture) <= 2
        assert (0, 3, "none") not in seen.architecture.value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_refused_and_nothing_is_learned(value):
    opt = ab.Optimizer(CELL, seed=0)
    with pytest.raises(ObservationError, match=r"must be finite.*Tell ab\.FAILED"):
        opt.tell(opt.ask(), value)
    assert opt.observations == []


def test_a_result_that_is_no_number_is_refused():
    opt = ab.Optimizer(CELL, seed=0)
    with pytest.raises(ObservationError, match=r"a result is a number or ab\.FAILED, got 'good'"):
        opt.tell(opt.ask(), "good")


@pytest.mark.parametrize("value", ["0.5", b"1", None, [1.0, 2.0]])
def test_a_result_of_another_type_is_refused(value):
    opt = ab.Optimizer(SMALL)
    with pytest.raises(ObservationError, match=r"a result is a number or ab\.FAILED"):
        opt.tell(opt.ask(), value)


def test_an_integer_too_large_for_a_float_is_not_finite():
    opt = ab.Optimizer(SMALL)
    with pytest.raises(ObservationError, match="a result must be finite, got inf"):
        opt.tell(opt.ask(), 10**400)


def test_an_array_of_results_is_told_like_a_list():
    opt = ab.Optimizer(SMALL, seed=0)
    archs = opt.ask(3)
    opt.tell(archs, np.array([1.0, 3.0, 2.0]))
    assert opt.best == (archs[1], 3.0)


def test_a_plain_value_is_predicted_like_its_architecture():
    opt = told(ab.Optimizer(SMALL, seed=0), 5, lambda a: a["depth"])
    plain = {"depth": 2, "act": "relu"}
    assert opt.predict(plain) == opt.predict(SMALL.architecture(plain))
    assert [len(moments) for moments in opt.predict([])] == [0, 0]


def test_an_architecture_that_was_not_asked_for_leaves_the_pending_ones_pending():
    one, other = (told(ab.Optimizer(CELL, seed=0), 8) for _ in range(2))
    batch = one.ask(3)
    assert batch == other.ask(3)
    stranger = CELL.sample(99)
    for opt in (one, other):
        opt.tell(stranger, 1.0)
    assert one.ask() == (again := other.ask())
    assert again.id not in {arch.id for arch in [*batch, stranger]}


def test_lists_of_different_lengths_are_refused():
    opt = ab.Optimizer(CELL, seed=0)
    with pytest.raises(ObservationError, match="got 2 architectures and 1 values"):
        opt.tell(opt.ask(2), [1.0])


def test_what_is_no_member_of_the_space_is_refused():
    opt = ab.Optimizer(SMALL, seed=0)
    with pytest.raises(ArchitectureError, match=r"space\.depth: 9 is outside 1 to 3"):
        opt.tell({"depth": 9, "act": "relu"}, 1.0)


def test_any_architecture_may_be_told_also_by_its_plain_value():
    opt = ab.Optimizer(SMALL, seed=0)
    opt.tell({"depth": 2, "act": "relu"}, 1.0)
    assert opt.best == (SMALL.architecture({"depth": 2, "act": "relu"}), 1.0)


def test_many_results_are_told_at_once():
    opt = ab.Optimizer(CELL, seed=0)
    rng = np.random.default_rng(0)
    archs = [CELL.sample(rng) for _ in range(300)]
    opt.tell(archs, [convolutions(arch) for arch in archs])
    assert len(opt.observations) == 300
    assert opt.best.value == max(map(convolutions, archs))


def test_a_repeated_measurement_counts_by_its_mean():
    opt = ab.Optimizer(SMALL, seed=0)
    opt.tell({"depth": 1, "act": "relu"}, 10.0)
    opt.tell({"depth": 1, "act": "relu"}, 0.0)
    opt.tell({"depth": 2, "act": "relu"}, 6.0)
    assert opt.best.value == 6.0
    assert opt.best.architecture["depth"] == 2


def test_minimising_turns_everything_around():
    opt = told(ab.Optimizer(CELL, minimize="loss", seed=0), 30)
    assert opt.best.value == 0.0


def test_best_before_any_result_says_what_is_missing():
    with pytest.raises(ObservationError, match="nothing has been observed yet"):
        _ = ab.Optimizer(CELL).best


def test_predictions_are_in_the_objective_s_units_and_learn():
    opt = ab.Optimizer(CELL, maximize="accuracy", seed=0)
    told(opt, 40, lambda arch: 1000 + 10 * convolutions(arch))
    rng = np.random.default_rng(1)
    unseen = [CELL.sample(rng) for _ in range(100)]
    mean, sd = opt.predict(unseen)
    truth = np.array([1000 + 10 * convolutions(arch) for arch in unseen])
    assert np.corrcoef(mean, truth)[0, 1] > 0.8
    assert (sd > 0).all()
    assert abs(mean - truth).mean() < 10
    one_mean, one_sd = opt.predict(unseen[0])
    assert one_mean == pytest.approx(mean[0])
    assert one_sd == pytest.approx(sd[0])


def test_prediction_needs_a_surrogate_and_a_result():
    with pytest.raises(ObservationError, match="nothing has been observed yet"):
        ab.Optimizer(CELL).predict(CELL.sample(0))
    opt = told(ab.Optimizer(CELL, method="random"), 2)
    with pytest.raises(ProblemError, match="no surrogate"):
        opt.predict(CELL.sample(0))


def test_each_proposal_says_where_it_comes_from_and_what_is_expected():
    opt = ab.Optimizer(CELL, seed=0)
    origins = []
    for _ in range(12):
        proposal = opt.propose()
        origins.append(proposal.origin)
        if proposal.origin == "model":
            assert proposal.prediction is not None
            assert proposal.prediction.sd > 0
            assert math.isfinite(proposal.score)
            assert proposal.hyperparameters
        opt.tell(proposal.architecture, convolutions(proposal.architecture))
    assert origins[0] == "initial"
    assert origins[-1] == "model"
    assert origins == sorted(origins)


def test_failures_teach_where_training_fails():
    def value(arch):
        return ab.FAILED if arch["width"] > 40 else arch["width"] / 100 + arch["depth"] / 10

    space = ab.Space(width=ab.Int(1, 100), depth=ab.Int(1, 10))
    failed = {"random": 0, "bo": 0}
    for method in failed:
        for seed in range(3):
            opt = told(ab.Optimizer(space, method=method, seed=seed), 40, value)
            failed[method] += sum(seen.value is None for seen in opt.observations[10:])
            assert opt.best.architecture["width"] <= 40
    assert failed["bo"] < 0.6 * failed["random"]


def test_an_unknown_method_names_the_nearest():
    with pytest.raises(ProblemError, match=r"no method 'evolutoin'\. Did you mean 'evolution'"):
        ab.Optimizer(CELL, method="evolutoin")


@pytest.mark.parametrize("count", [1.5, "2"])
def test_asking_for_no_whole_number_is_refused(count):
    with pytest.raises(ProblemError, match="ask for at least 1 architecture, got"):
        ab.Optimizer(SMALL).ask(count)


def test_asking_for_nothing_is_refused():
    with pytest.raises(ProblemError, match="ask for at least 1 architecture, got 0"):
        ab.Optimizer(CELL).ask(0)


def test_short_trainings_are_told_apart_from_full_ones():
    opt = ab.Optimizer(SMALL, minimize="loss", method="random", fidelity=ab.Epochs(1, 9))
    first, second = opt.ask(2)
    opt.tell(first, 4.0, fidelity=3)
    with pytest.raises(ObservationError, match="nothing has been observed"):
        _ = opt.best
    opt.tell(first, 3.0, fidelity=9)
    assert opt.best.value == 3.0
    assert [seen.fidelity for seen in opt.observations] == [3, None]
    opt.tell(first, ab.FAILED, fidelity=1)
    curves = opt._dataset().curves
    assert [curve.architecture for curve in curves] == [first, second]
    assert [curve.state for curve in curves] == [ab.State.FAILED, ab.State.RUNNING]
    assert curves[0].levels.tolist() == [3, 9]
    assert curves[0].values.tolist() == [-4, -3]
    assert (curves[0].reached, curves[1].reached) == (9, 0)
    with pytest.raises(ProblemError, match=r"tell: fidelity: epochs must be .* 1 to 9, got 10"):
        opt.tell(second, 1.0, fidelity=10)


class _To9:
    """Proposes a random network, to be trained up to 9."""

    def prepare(self, _):
        return self

    def propose(self, _, __, rng):
        return [Proposal(SMALL.sample(rng), "random", fidelity=9)]


def test_a_proposal_is_pending_until_it_has_reached_its_level_or_failed():
    opt = ab.Optimizer(SMALL, maximize="score", method=_To9(), fidelity=ab.Epochs(1, 81))
    (arch,) = opt.ask(1)
    opt.tell(arch, 0.5, fidelity=3)
    (curve,) = opt._dataset().curves
    assert (curve.state, curve.reached, curve.target) == (ab.State.RUNNING, 3, 9)
    opt.tell(arch, 0.7, fidelity=9, seconds=2.5)
    (curve,) = opt._dataset().curves
    assert (curve.state, curve.reached, curve.seconds) == (ab.State.PAUSED, 9, 2.5)
    (other,) = opt.ask(1)
    opt.tell(other, ab.FAILED, fidelity=1)
    assert opt._dataset().curves[1].state is ab.State.FAILED


def test_seconds_that_are_no_time_are_refused():
    opt = ab.Optimizer(SMALL, maximize="score", method="random")
    with pytest.raises(ProblemError, match=r"tell: seconds must be a number from 0, got -1"):
        opt.tell(opt.ask(), 1.0, seconds=-1)


def test_a_fidelity_that_is_not_known_says_how_to_name_it():
    opt = ab.Optimizer(SMALL, minimize="loss", method="random")
    with pytest.raises(ProblemError, match=r"got fidelity=3, .*fidelity=ab\.Epochs\(1, 81\)"):
        opt.tell(opt.ask(), 1.0, fidelity=3)
