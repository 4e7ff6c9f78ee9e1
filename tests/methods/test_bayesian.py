from dataclasses import dataclass

import numpy as np
import pytest

import archbo as ab
from archbo.acquisition import Averaging
from archbo.arrays import stream
from archbo.data import Dataset, Observation
from archbo.encodings import Encoder
from archbo.errors import ProblemError
from archbo.kernels import Matern52, structure
from archbo.methods.processes import ProcessBelief
from archbo.methods.structures import default_structures, prior_odds
from archbo.problem import Problem
from archbo.spaces.moves import sample
from archbo.surrogates import Posterior, RankTransform

CELL = ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3"])
MIXED = ab.Space(cell=CELL, lr=ab.Float(1e-4, 1e-1, log=True), act=ab.Choice(["relu", "gelu"]))
LINE = ab.Space(x=ab.Float(0, 1))


def convolutions(arch):
    return float(sum(op == "conv_3x3" for *_, op in arch.value))


def searched(space, value, trials, **settings):
    opt = ab.Optimizer(space, seed=0, method=ab.BayesianOptimization(**settings))
    for _ in range(trials):
        arch = opt.ask()
        opt.tell(arch, value(arch))
    return opt


def belief(space, archs, values, **dataset):
    problem = Problem.make(space)
    encoder = Encoder(space.compiled, sample(space.compiled, stream(0, "reference"), 300))
    structures = default_structures(encoder.reference)
    observations = [Observation(a, v) for a, v in zip(archs, values, strict=True)]
    data = Dataset.make(problem, observations, **dataset)
    return encoder, ProcessBelief.fit(
        data, encoder, structures, RankTransform(), iterations=12, temper=3.0
    )


def test_the_start_design_is_spread_and_the_same_for_every_history():
    one, other = (ab.Optimizer(CELL, seed=0) for _ in range(2))
    first, second = [], []
    for k in range(5):
        for opt, design in ((one, first), (other, second)):
            proposal = opt.propose()
            assert proposal.origin == "initial"
            assert proposal.prediction is None
            design.append(proposal.architecture)
            opt.tell(proposal.architecture, float(k if opt is one else -k))
    assert first == second
    changes = [sum(a != b for a, b in zip(p.numbers, q.numbers, strict=True))
               for i, p in enumerate(first) for q in first[:i]]  # fmt: skip
    assert min(changes) >= 3


def test_the_start_design_goes_on_while_no_result_comes_back():
    opt = ab.Optimizer(CELL, seed=0)
    origins = [opt.propose().origin for _ in range(40)]
    assert set(origins) == {"initial"}


def test_told_results_replace_the_start_design():
    opt = ab.Optimizer(CELL, seed=0)
    archs = [CELL.sample(k) for k in range(8)]
    opt.tell(archs, [convolutions(arch) for arch in archs])
    assert opt.propose().origin == "model"


def test_a_batch_that_begins_in_the_start_design_ends_with_the_model():
    opt = ab.Optimizer(CELL, seed=0)
    for _ in range(3):
        arch = opt.ask()
        opt.tell(arch, convolutions(arch))
    assert [p.origin for p in opt.propose(4)] == ["initial", "initial", "model", "model"]


def test_it_needs_fewer_trainings_than_random_search():
    def best(method, seed):
        opt = ab.Optimizer(CELL, seed=seed, method=method)
        for _ in range(20):
            arch = opt.ask()
            opt.tell(arch, convolutions(arch) + 0.01 * arch.numbers[0])
        return opt.best.value

    model = [best("bo", seed) for seed in range(4)]
    random = [best("random", seed) for seed in range(4)]
    assert min(model) >= max(random)
    assert np.mean(model) > np.mean(random)


def test_it_finds_the_peak_of_a_line():
    opt = searched(LINE, lambda arch: -((arch["x"] - 0.37) ** 2), 20)
    assert abs(opt.best.architecture["x"] - 0.37) < 0.01


def test_context_and_cell_are_learned_together():
    def value(arch):
        good = sum(op == "conv_3x3" for *_, op in arch["cell"])
        return good + 2 * (arch["act"] == "gelu") - abs(np.log10(arch["lr"]) + 2)

    opt = searched(MIXED, value, 40)
    assert opt.best.value > 6
    assert opt.best.architecture["act"] == "gelu"


def test_hyperparameters_are_stored_by_structure_and_start_the_next_fit():
    archs = [CELL.sample(k) for k in range(12)]
    values = [convolutions(arch) for arch in archs]
    _, first = belief(CELL, archs, values)
    assert {name.split("/")[0] for name in first.hyperparameters} == {"networks", "0", "1"}
    assert first.hyperparameters["networks"] == 12
    _, again = belief(CELL, archs, values, hyperparameters=first.hyperparameters)
    for model, other in zip(first.models, again.models, strict=True):
        assert other.log_evidence >= model.log_evidence - 1e-9


def test_hyperparameters_are_fitted_again_when_enough_is_new():
    archs = list({arch.id: arch for arch in map(CELL.sample, range(100))}.values())
    values = [convolutions(arch) for arch in archs]
    _, first = belief(CELL, archs[:62], values[:62])
    fitted = dict(first.hyperparameters)
    _, soon = belief(CELL, archs[:64], values[:64], hyperparameters=fitted)
    assert soon.hyperparameters == fitted
    _, later = belief(CELL, archs[:70], values[:70], hyperparameters=fitted)
    assert later.hyperparameters["networks"] == 70
    assert later.hyperparameters != fitted
    changed = {name: value + 0.1 for name, value in fitted.items()} | {"networks": 62.0}
    _, started = belief(CELL, archs[:64], values[:64], hyperparameters=changed)
    assert started.hyperparameters == changed


def test_weights_follow_the_evidence():
    archs = [CELL.sample(k) for k in range(30)]
    _, found = belief(CELL, archs, [convolutions(arch) for arch in archs])
    assert found.weights.sum() == pytest.approx(1)
    evidences = [model.log_evidence for model in found.models]
    assert found.weights.argmax() == np.argmax(evidences)
    logs = np.log(found.weights)
    assert logs[0] - logs[1] == pytest.approx((evidences[0] - evidences[1]) / 3)


def test_the_prediction_is_the_mixture_s():
    archs = [CELL.sample(k) for k in range(30)]
    encoder, found = belief(CELL, archs, [convolutions(arch) for arch in archs])
    encoded = encoder.encode(CELL.compiled.encode([CELL.sample(k) for k in range(50, 60)]))
    rng = np.random.default_rng(0)
    draws = []
    for weight, model in zip(found.weights, found.models, strict=True):
        posterior = model.predict(encoded)
        size = round(weight * 60_000)
        draws.append(posterior.mean + posterior.sd * rng.standard_normal((size, 10)))
    z = np.concatenate(draws)
    mean, sd = found.outcomes.to_objective(z.mean(axis=0), z.std(axis=0))
    expected_mean, expected_sd = found.predict(encoded)
    assert np.allclose(expected_mean, mean, atol=0.03)
    assert np.allclose(expected_sd, sd, atol=0.03)


def test_a_pending_network_makes_the_model_surer_there_and_nowhere_less():
    archs = [CELL.sample(k) for k in range(15)]
    values = [convolutions(arch) for arch in archs]
    running = CELL.sample(99)
    encoder, without = belief(CELL, archs, values)
    _, beside = belief(CELL, archs, values, pending=[running])
    others = encoder.encode(CELL.compiled.encode([CELL.sample(k) for k in range(40, 60)]))
    for model, told in zip(without.models, beside.models, strict=True):
        before, after = model.predict(others), told.predict(others)
        assert np.allclose(before.mean, after.mean)
        assert (after.variance <= before.variance + 1e-12).all()
    there = encoder.encode(running.rows)
    assert beside.models[0].predict(there).sd < without.models[0].predict(there).sd


def test_success_is_likely_where_training_succeeded():
    space = ab.Space(width=ab.Int(1, 100))
    archs = [space.architecture({"width": w}) for w in (1, 10, 20, 30, 60, 70, 80, 90)]
    encoder, found = belief(space, archs, [0.5, 0.6, 0.7, 0.8, None, None, None, None])
    inside, outside = (space.architecture({"width": w}).rows for w in (15, 75))
    assert found.log_success(encoder.encode(inside))[0] > np.log(0.9)
    assert found.log_success(encoder.encode(outside))[0] < np.log(0.1)
    _, none_failed = belief(space, archs[:4], [0.5, 0.6, 0.7, 0.8])
    assert none_failed.log_success(encoder.encode(outside)).tolist() == [0]


def test_a_repeated_measurement_is_trusted_more():
    space = ab.Space(x=ab.Float(0, 1))
    archs = [space.architecture({"x": x}) for x in (0.1, 0.5, 0.9)]
    _, once = belief(space, archs, [0.0, 1.0, 0.5])
    _, often = belief(space, [*archs, *[archs[1]] * 9], [0.0, 1.0, 0.5, *[1.0] * 9])
    assert often.models[0].repeats.tolist() == [1, 10, 1]
    assert once.models[0].repeats.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("space", "structures"),
    [
        (CELL, 2),
        (MIXED, 2),
        (ab.Chain(ab.Choice(["a", "b", "c"]), length=8), 3),
        (ab.Chain(ab.Choice(["a", "b", "c"]), length=(2, 8)), 2),
        (LINE, 1),
        (ab.Space(only=ab.Choice(["this"])), 1),
    ],
    ids=["cell", "mixed", "fixed chain", "chain", "numbers", "one"],
)
def test_structures_follow_the_blocks_of_the_space(space, structures):
    encoder = Encoder(space.compiled, sample(space.compiled, stream(0, "reference"), 300))
    assert len(default_structures(encoder.reference)) == structures


def test_every_part_can_be_swapped():
    def likeness(reference):
        return [structure(Matern52.of("numbers", reference))]

    class Mean:
        averaging = Averaging.VALUES
        pool_wide = False

        def __call__(self, outlook):
            return outlook.posterior.mean - outlook.best

    opt = searched(
        LINE, lambda arch: -((arch["x"] - 0.37) ** 2), 15, kernel=likeness,
        outcome=RankTransform(), acquisition=Mean(), initial=3, candidates=50, climbs=0,
    )  # fmt: skip
    assert abs(opt.best.architecture["x"] - 0.37) < 0.1


def test_one_kernel_is_enough():
    kernel = structure(Matern52("numbers", (0.2,)))
    opt = searched(LINE, lambda arch: -((arch["x"] - 0.37) ** 2), 12, kernel=kernel)
    assert abs(opt.best.architecture["x"] - 0.37) < 0.05


@pytest.mark.parametrize("name", ["initial", "candidates", "climbers", "climbs", "iterations"])
def test_settings_that_are_too_small_are_named(name):
    with pytest.raises(ProblemError, match=f"{name} must be at least"):
        ab.BayesianOptimization(**{name: -1})


def test_temper_must_be_positive():
    with pytest.raises(ProblemError, match="temper must be positive, got 0"):
        ab.BayesianOptimization(temper=0)


def test_a_search_that_begins_anew_proposes_what_the_one_that_went_on_does():
    method = ab.BayesianOptimization()
    opt = ab.Optimizer(MIXED, method=method)
    running = []
    for k in range(16):
        dataset = opt._dataset()
        proposal = opt.propose()
        if k % 5 == 0:
            rng = stream(0, "propose", dataset.trials)
            assert method.prepare(opt.problem).propose(dataset, 1, rng) == [proposal]
        running.append(proposal.architecture)
        if k > 2:  # in another order than they began, every fourth failed
            arch = running.pop(k % len(running))
            opt.tell(arch, ab.FAILED if k % 4 == 0 else convolutions(arch))


@dataclass(frozen=True)
class Squares:
    """All numbers on [0, 1], squared."""

    name: str = "squares"

    def prepare(self, space, reference):  # noqa: ARG002 - learns nothing
        return lambda rows: space.to_unit(rows) ** 2


@dataclass(frozen=True)
class Nearest:
    """What was seen at the nearest row, and how far that is."""

    block: str = "squares"

    def fit(self, encoded, z, *, repeats, rng):  # noqa: ARG002 - a test surrogate
        return FittedNearest(encoded[self.block], z)


@dataclass(frozen=True)
class FittedNearest:
    x: np.ndarray
    z: np.ndarray

    def predict(self, encoded):
        distance = np.abs(encoded["squares"][:, None] - self.x[None]).sum(axis=2)
        near = distance.argmin(axis=1)
        return Posterior(self.z[near], distance.min(axis=1) + 1e-6)


def test_any_surrogate_searches_with_an_encoding_that_it_reads():
    found = {"surrogate": Nearest(), "encoding": Squares()}
    opt = searched(LINE, lambda arch: -((arch["x"] - 0.37) ** 2), 25, **found)
    assert abs(opt.best.architecture["x"] - 0.37) < 0.05
    assert opt.propose().prediction is not None
    mean, sd = opt.predict(LINE.sample(0))
    assert mean <= 0
    assert sd > 0


def test_a_surrogate_reads_the_only_encoding_under_its_own_name_with_the_known_features():
    problem = Problem.make(LINE, features={"twice": lambda arch: 2 * arch["x"]})
    method = ab.BayesianOptimization(surrogate=Nearest(), encoding=Squares("other"))
    encoded = method.prepare(problem).encoder.encode(LINE.sample(0).rows)
    assert encoded["squares"].shape == (1, 2)
    assert "other" not in encoded


def test_any_surrogate_proposes_batches_that_differ_and_avoids_failures():
    found = ab.BayesianOptimization(surrogate=Nearest(), encoding=Squares(), initial=1)
    opt = ab.Optimizer(LINE, seed=0, method=found)
    for x in np.linspace(0.05, 0.95, 10):
        arch = LINE.architecture({"x": float(x)})
        opt.tell(arch, float(x) if x < 0.6 else ab.FAILED)
    batch = [arch["x"] for arch in opt.ask(4)]
    assert len(set(batch)) == 4
    assert max(batch) < 0.7
    assert min(np.diff(sorted(batch))) > 1e-3


def test_an_encoding_alone_gives_a_process_of_that_encoding():
    opt = searched(LINE, lambda arch: -((arch["x"] - 0.37) ** 2), 12, encoding=Squares())
    assert abs(opt.best.architecture["x"] - 0.37) < 0.05
    assert "0/0.squares" in opt.propose().hyperparameters


def test_a_surrogate_whose_block_no_encoding_gives_is_named():
    with pytest.raises(ProblemError, match="reads the block 'squares'"):
        ab.Optimizer(LINE, method=ab.BayesianOptimization(surrogate=Nearest()))


def test_a_kernel_beside_another_surrogate_is_refused():
    with pytest.raises(ProblemError, match="a kernel is for Gaussian processes"):
        ab.BayesianOptimization(surrogate=Nearest(), kernel=Matern52("numbers", (1.0,)))


def test_two_encodings_of_one_name_are_refused():
    with pytest.raises(ProblemError, match="two encodings are called 'squares'"):
        ab.Optimizer(LINE, method=ab.BayesianOptimization(encoding=[Squares(), Squares()]))


def repeats_of(values, trials, **settings):
    """How often a search of a cell trains a network again."""
    opt = ab.Optimizer(CELL, maximize="score", seed=1, method=ab.BayesianOptimization(**settings))
    again = 0
    for k in range(trials):
        proposal = opt.propose()
        again += proposal.origin == "again"
        opt.tell(proposal.architecture, values(proposal.architecture, k))
    return again


def test_the_best_are_trained_again_where_trainings_are_noisy():
    noise = stream(0, "noise").normal(size=30)

    def noisy(arch, k):
        return convolutions(arch) + noise[k]

    assert (
        0
        == repeats_of(noisy, 30, repeat=0)
        < repeats_of(noisy, 30)
        < repeats_of(noisy, 30, repeat=4)
    )


def test_what_gives_the_same_value_twice_is_not_trained_a_third_time():
    assert repeats_of(lambda arch, _: convolutions(arch), 40) <= 1


def test_a_network_in_training_is_not_trained_again_beside():
    noise = stream(0, "noise").normal(size=60)
    opt = ab.Optimizer(CELL, maximize="score", seed=1)
    for k in range(25):
        arch = opt.ask()
        opt.tell(arch, convolutions(arch) + 2 * noise[k])
    asked = [opt.ask().id for _ in range(8)]
    assert len(set(asked)) == 8


def test_the_answer_by_posterior_mean_knows_a_network_s_own_results():
    opt = ab.Optimizer(CELL, maximize="score", seed=1)
    for _ in range(12):
        arch = opt.ask()
        opt.tell(arch, convolutions(arch))
    odd = next(a for a in map(CELL.sample, range(99)) if a.id not in {
        seen.architecture.id for seen in opt.observations})  # fmt: skip
    expected, _ = opt.predict(odd)
    for _ in range(9):
        opt.tell(odd, expected + 2 + 1e-3 * stream(0, "x").normal())
    often, sd = opt.predict(odd)
    assert abs(often - (expected + 2)) < 0.3
    assert sd < 0.3


@pytest.mark.parametrize(("name", "value"), [("own", 1.5), ("own", -0.1), ("repeat", -1.0)])
def test_settings_about_noise_are_checked(name, value):
    with pytest.raises(ProblemError, match=f"{name} must"):
        ab.BayesianOptimization(**{name: value})


def test_features_of_the_user_have_a_structure_of_their_own():
    def structures(**given):
        problem = Problem.make(CELL, maximize="score", **given)
        return ab.BayesianOptimization().prepare(problem).structures

    plain, told = structures(), structures(features={"convolutions": convolutions})
    assert len(told) == len(plain) + 1
    (own,) = [s for s in told if all(".amplitude" in n or ".features." in n for n in s.names)]
    assert told.index(own) == 2  # before those of fine detail
    assert not [s for s in plain if all(".amplitude" in n or ".features." in n for n in s.names)]


def test_structures_of_fine_detail_count_less_at_first():
    assert prior_odds(4, 2, 5).tolist() == [1, 1, 0.125, 0.125]
    assert prior_odds(4, 2, 10).tolist() == prior_odds(4, 0, 0).tolist() == [1, 1, 1, 1]
