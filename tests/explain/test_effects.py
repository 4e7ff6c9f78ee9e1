from dataclasses import dataclass

import numpy as np
import pytest

import archbo as ab
from archbo.explain.effects import option_effects
from archbo.explain.levels import levels
from archbo.surrogates.outcomes import Outcomes

SPACE = ab.Space(
    a=ab.Choice(["bad", "good", "best"]), b=ab.Choice(["x", "y"]), c=ab.Choice([0, 1, 2])
)


@dataclass(frozen=True)
class Linear:
    """With it the typical is the mean, so that effects are differences of means."""

    def __call__(self, y):
        values, which = np.unique(y, return_inverse=True)
        scores = (values - y.mean()) / y.std()
        return Outcomes(scores[which], values, scores)


WORTH = {"bad": 0.0, "good": 1.0, "best": 2.0}


def worth(arch):
    return WORTH[arch["a"]] + 0.5 * (arch["b"] == "y")


def effects_of(opt, space, believed):
    model, landscape = believed(opt)
    found = option_effects(landscape, levels(space.compiled, landscape.rows), model)
    return {(one.decision, one.option): one for one in found}


def test_effects_of_a_known_space_are_the_true_differences(told, believed):
    found = effects_of(told(SPACE, worth, SPACE.enumerate()), SPACE, believed)
    for option, value in WORTH.items():
        one = found["a", option]
        assert one.effect == pytest.approx(value - 1.0, abs=0.25)
        assert one.share == pytest.approx(1 / 3, abs=0.05)
        assert one.trained == 6
    assert found["b", "y"].effect == pytest.approx(0.25, abs=0.1)
    assert found["a", "best"].certainty > 0.999
    assert abs(found["c", "1"].effect) < 0.1


def test_effect_of_what_was_never_tried_is_uncertain(told, believed):
    seen = [arch for arch in SPACE.enumerate() if arch["a"] != "best"]
    found = effects_of(told(SPACE, worth, seen), SPACE, believed)
    assert found["a", "best"].trained == 0
    assert found["a", "best"].sd > 2 * found["b", "y"].sd


def test_option_of_a_conditional_decision_is_compared_where_the_decision_is_taken(told, believed):
    space = ab.Space(head=ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(1, 4))}))

    def truth(arch):
        return 10.0 if arch["head"] == "linear" else float(arch["head"]["width"])

    found = effects_of(told(space, truth, space.enumerate()), space, believed)
    narrow, wide = found["head.mlp.width", "1"], found["head.mlp.width", "4"]
    assert narrow.effect < 0 < wide.effect
    assert narrow.share == pytest.approx(1 / 4, abs=0.05)
    assert found["head", "linear"].effect > 0


def test_standard_deviations_hold_the_truth(told, believed):
    """Effects of options of random sums with random pairs, from 40 noisy trainings each."""
    space = ab.Space(**{name: ab.Choice(list(range(4))) for name in "abcd"})
    off = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        single, pair = rng.normal(size=(4, 4)), rng.normal(size=(4, 4))
        table = np.zeros((4, 4, 4, 4))
        for d in range(4):
            table += single[d].reshape([4 if d == e else 1 for e in range(4)])
        table += pair[:, :, None, None]
        archs = [space.sample(rng) for _ in range(40)]

        def noisy(arch, table=table, rng=rng):
            return float(table[tuple(int(x) for x in arch.numbers)] + 0.3 * rng.normal())

        method = ab.BayesianOptimization(outcome=Linear())
        found = effects_of(told(space, noisy, archs, seed=seed, method=method), space, believed)
        for (name, option), one in found.items():
            exact = np.moveaxis(table, "abcd".index(name), 0)[int(option)].mean() - table.mean()
            off.append(abs(one.effect - exact) / one.sd)
    # 96 effects; calibrated ones 68% and 95%
    assert np.mean(np.array(off) < 1) > 0.5
    assert np.mean(np.array(off) < 2) > 0.8
