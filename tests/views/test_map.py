import numpy as np
import pytest

import archbo as ab
from archbo.data import State
from archbo.views import map as module
from archbo.views.infos import history_info, study_info
from archbo.views.map import map_chart, map_figure, map_info
from archbo.views.places import Places

CELL = ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3"])


def study_of(space):
    settings = {"space": space.to_dict(), "objective": "accuracy", "direction": "maximize"}
    return study_info(settings)


def test_every_distinct_architecture_has_one_place_and_the_path_is_of_the_incumbents(shown):
    info = map_info(shown.records, shown.study)
    ids = list(dict.fromkeys(r.architecture_id for r in shown.records))
    assert [spot.architecture_id for spot in info.spots] == ids
    led = [step.architecture_id for step in history_info(shown.records, shown.study).steps]
    path = [info.spots[k].architecture_id for k in info.path]
    assert path == [a for i, a in enumerate(led) if i == 0 or a != led[i - 1]]
    assert [spot.trial for spot in info.spots if spot.running] == [23]
    assert 0 < info.share < 1


def test_a_place_does_not_change_while_a_search_goes_on(shown):
    early = map_info(shown.records[:10], shown.study)
    late = map_info(shown.records, shown.study)
    assert early.ground == late.ground
    before, after = (
        np.array([(spot.x, spot.y) for spot in info.spots[:10]]) for info in (early, late)
    )
    np.testing.assert_allclose(before, after, atol=1e-9)


def test_neighbours_on_the_map_are_alike(make):
    """Where values follow from the architecture, those nearby tell them, which chance would not."""
    study = study_of(CELL)
    records = [made_of(CELL, make, i) for i in range(200)]
    spots = map_info(records, study).spots
    at = np.array([(spot.x, spot.y) for spot in spots])
    values = np.array([spot.value for spot in spots])
    apart = ((at[:, None] - at[None]) ** 2).sum(axis=2) + 1e9 * np.eye(len(at))
    nearest = values[np.argsort(apart, axis=1)[:, :8]].mean(axis=1)
    assert np.corrcoef(nearest, values)[0, 1] > 0.4  # by chance 0 ± 0.07


def made_of(space, make, seed):
    value = space.sample(np.random.default_rng(seed)).value
    return make(seed, float(sum(op == "conv_3x3" for _, _, op in value)), space=space)


@pytest.mark.parametrize(
    "space",
    [
        ab.Choice(["only"]),
        ab.Choice(["relu", "gelu"]),
        ab.Float(0, 1),
        ab.Chain(ab.Choice(["a", "b"]), length=(1, 4)),
        ab.Chain(ab.Space(cell=ab.EdgeCell(nodes=3, ops=["none", "conv"])), length=2),
        ab.NodeCell(max_nodes=5, max_edges=6, ops=["conv", "pool"]),
    ],
    ids=lambda part: repr(part)[:30],
)
def test_every_kind_of_space_has_a_map(make, space):
    study = study_of(space)
    records = [make(i, float(i), space=space) for i in range(4)]
    info = map_info(records, study, places=Places(space, landmarks=30))
    assert len(info.ground) == 30
    assert np.isfinite([(spot.x, spot.y) for spot in info.spots]).all()
    assert "accuracy" in map_figure(info, study)


def test_colours_go_by_rank_with_the_best_last(make):
    space = ab.Float(0, 1)
    records = [make(i, -float(i), space=space) for i in range(12)]
    for direction, best in (("maximize", 0), ("minimize", 11)):
        settings = {"space": space.to_dict(), "objective": "loss", "direction": direction}
        study = study_info(settings)
        tones = module._tones(map_info(records, study), study)
        assert tones[best] == module.TONES - 1
        assert sorted(tones.values()) == sorted([*range(module.TONES)] * 2)


def test_of_very_many_architectures_the_incumbents_and_the_running_stay(make):
    space = ab.Float(0, 1)
    records = [make(i, float(i == 37), space=space) for i in range(100)]
    records.append(make(100, None, space=space, state=State.RUNNING, seconds=None))
    study = study_of(space)
    drawn = map_chart(map_info(records, study), study, most=10).html
    assert {'href="#trial-37"', 'href="#trial-100"'} <= set(drawn.replace(">", " ").split())
    assert drawn.count("<a ") < 20


def test_map_without_trials_says_so(shown):
    assert "No trial has begun" in map_figure(map_info([], shown.study), shown.study)
