import pytest

import archbo as ab
from archbo.arrays import stream
from archbo.explain.effects import option_effects
from archbo.explain.levels import levels
from archbo.explain.removal import removable

SPACE = ab.Space(
    op=ab.Choice(["good", "fair", "awful"]),
    width=ab.Choice([1, 2, 3, 4]),
    act=ab.Choice(["relu", "gelu"]),
)


def worth(arch):
    """All but the operation is noise."""
    base = {"good": 10.0, "fair": 9.7, "awful": 0.0}[arch["op"]]
    return base + 0.3 * float(stream(0, "noise", arch.id).standard_normal())


def removed(opt, believed):
    model, landscape = believed(opt)
    decisions = levels(opt.problem.compiled, landscape.rows)
    effects = option_effects(landscape, decisions, model)
    rng = stream(0, "removal")
    return removable(opt.problem, landscape, decisions, effects, model, rng)


def test_option_that_never_pays_is_told_and_others_are_not(told, believed):
    (only,) = removed(told(SPACE, worth, SPACE.enumerate()), believed)
    assert (only.decision, only.option, only.trained) == ("op", "awful", 8)
    assert 0 < only.probability <= 0.01
    assert only.effect < 0


def test_nothing_is_told_of_what_was_hardly_tried(told, believed):
    archs = list(SPACE.enumerate())
    few = [a for a in archs if a["op"] != "awful"] + [a for a in archs if a["op"] == "awful"][:2]
    assert removed(told(SPACE, worth, few * 2), believed) == ()
    assert removed(told(SPACE, worth, archs[::2]), believed) == ()


def test_option_that_may_still_win_stays(told, believed):
    """It was tried where nothing is good, so that it says little of where all is."""

    def truth(arch):
        return worth(arch) - 5.0 * (arch["act"] == "gelu")

    archs = [a for a in SPACE.enumerate() if not (a["op"] == "fair" and a["act"] == "relu")]
    assert all(one.option != "fair" for one in removed(told(SPACE, truth, archs), believed))


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_direction_does_not_matter(direction, told, believed):
    sign = 1 if direction == "maximize" else -1
    opt = told(SPACE, lambda a: sign * worth(a), SPACE.enumerate(), direction=direction)
    assert [one.option for one in removed(opt, believed)] == ["awful"]
