import numpy as np
import pytest
from scipy.special import log_softmax

import archbo as ab
from archbo.arrays import stream
from archbo.methods.policy import Policy
from archbo.spaces.moves import sample

CONDITIONAL = ab.Space(
    head=ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(16, 256, log=True))}),
    layers=ab.Chain(ab.Choice(["conv", "pool", "skip"]), length=(1, 3)),
    rate=ab.Float(0, 1),
)
FREE = ab.NodeCell(max_nodes=5, max_edges=5, ops=["conv", "pool"])


def policy_of(space, bins=4, seed=0):
    """A policy after a few random steps."""
    policy = Policy(space.compiled, stream(seed, "policy"), bins=bins)
    rng = stream(seed, "steps")
    for choice in policy.choices(sample(space.compiled, rng, 20)):
        policy.step(choice, advantage=float(rng.normal()), rate=0.5, entropy=0.1)
    return policy


def decisions(policy, choice):
    """The log-probabilities of the options of each decision that is taken, and its choice."""
    odds = policy.odds(choice)
    return [
        (log_softmax(odds[policy.owner == d]), option)
        for d, option in enumerate(choice)
        if option >= 0
    ]


def log_probability(policy, choice):
    return sum(log[option] for log, option in decisions(policy, choice))


def entropy(policy, choice):
    return -sum(np.exp(log) @ log for log, _ in decisions(policy, choice))


@pytest.mark.parametrize("space", [CONDITIONAL, FREE], ids=["conditional", "free cell"])
@pytest.mark.parametrize(
    ("advantage", "weight", "objective"),
    [(1.0, 0.0, log_probability), (0.0, 1.0, entropy)],
    ids=["log-probability", "entropy"],
)
def test_a_step_is_along_the_gradient_by_finite_differences(space, advantage, weight, objective):
    policy = policy_of(space)
    choice = policy.choices(sample(space.compiled, stream(1, "test"), 1))[0]
    # an option adds to later decisions only: so many parameters it has
    chosen = [int(k) for k in (policy.starts + choice)[choice >= 0]]
    for option in chosen:
        policy.context.setdefault(
            option, np.zeros(len(policy.owner) - policy.ends[policy.owner[option]])
        )
    before = [policy.bias.copy(), *(policy.context[option].copy() for option in chosen)]

    def put(parameters):
        policy.bias = parameters[0].copy()
        policy.context |= {k: p.copy() for k, p in zip(chosen, parameters[1:], strict=True)}

    policy.step(choice, advantage=advantage, rate=1.0, entropy=weight)
    after = [policy.bias.copy(), *(policy.context[option].copy() for option in chosen)]
    h = 1e-6
    for part, (old, new) in enumerate(zip(before, after, strict=True)):
        expected = np.zeros(len(old))
        for k in range(len(old)):
            ends = []
            for sign in (1, -1):
                moved = [p.copy() for p in before]
                moved[part][k] += sign * h
                put(moved)
                ends.append(objective(policy, choice))
            expected[k] = (ends[0] - ends[1]) / (2 * h)
        np.testing.assert_allclose(new - old, expected, atol=1e-8)


def test_draws_are_as_frequent_as_the_policy_says():
    space = ab.Space(a=ab.Choice({"x": None, "y": ab.Bool()}), b=ab.Choice([0, 1, 2]))
    policy = policy_of(space, seed=2)
    rows = policy.sample(stream(0, "draws"), 20_000)
    choices, counts = np.unique(policy.choices(rows), axis=0, return_counts=True)
    assert len(choices) == 9
    probabilities = np.exp([log_probability(policy, choice) for choice in choices])
    assert probabilities.sum() == pytest.approx(1.0)
    error = np.sqrt(probabilities * (1 - probabilities) / 20_000)
    assert (np.abs(counts / 20_000 - probabilities) < 4 * error).all()


def test_an_untrained_policy_draws_uniformly_and_a_flatter_one_is_closer_to_it():
    space = ab.Chain(ab.Choice([0, 1, 2, 3]), length=3)
    fresh = Policy(space.compiled, stream(0, "policy"), bins=4)
    assert fresh.odds(np.array([0, 1, 2])).tolist() == [0.0] * 12
    trained = policy_of(space)
    for _ in range(40):
        trained.step(np.array([3, 3, 3]), advantage=1.0, rate=0.5, entropy=0.0)
    share = [
        (trained.sample(stream(0, "draws"), 500, flatter=f).values == 3).mean() for f in (1, 4)
    ]
    assert share[0] > share[1] > 0.25
    trained.restart()
    assert trained.odds(np.array([0, 1, 2])).tolist() == [0.0] * 12


def test_numbers_are_drawn_from_all_of_the_part_that_was_chosen():
    space = ab.Space(rate=ab.Float(1, 16, log=True), size=ab.Int(0, 99), few=ab.Int(3, 5))
    policy = Policy(space.compiled, stream(0, "policy"), bins=4)
    rows = policy.sample(stream(0, "draws"), 4000)
    rate, size, few = rows.values.T
    parts = np.floor(np.log2(rate)).astype(int)
    assert np.bincount(parts).min() > 850
    assert (policy.choices(rows)[:, 0] == parts).all()
    assert (policy.choices(rows)[:, 1] == size // 25).all()
    assert len(np.unique(size)) == 100
    assert (policy.choices(rows)[:, 2] == few - 3).all()


def test_free_cells_are_drawn_with_about_as_many_edges_as_random_ones():
    space = ab.NodeCell(max_nodes=12, max_edges=14, ops=["conv", "pool"])
    policy = Policy(space.compiled, stream(0, "policy"), bins=8)
    rows = policy.sample(stream(0, "draws"), 400)
    assert len(rows) > 20
    assert space.compiled.valid(rows).all()


def test_options_with_priors_start_as_likely_as_these_say():
    space = ab.Space(act=ab.Choice(["a", "b"], prior=[0.9, 0.1]), depth=ab.Int(1, 4))
    policy = Policy(space.compiled, stream(0, "policy"), bins=8)
    act = policy.sample(stream(0, "draws"), 2000).values[:, 0]
    assert abs((act == 0).mean() - 0.9) < 0.05


def test_a_decision_of_many_options_takes_no_more_room_than_it_needs():
    space = ab.Space(size=ab.Choice(list(range(20_000))), act=ab.Choice(["a", "b"]))
    policy = policy_of(space)
    assert sum(map(len, policy.context.values())) <= 2 * 20
