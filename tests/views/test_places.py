from types import SimpleNamespace

import numpy as np
import pytest

import archbo as ab
from archbo.spaces.moves import sample
from archbo.views.map import map_info
from archbo.views.places import Places, Plane, _columns

CELL = ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3"])


def test_places_of_landmarks_are_their_principal_components():
    sklearn = pytest.importorskip("sklearn.decomposition", reason="needs scikit-learn")
    space = ab.Space(cell=CELL, lr=ab.Float(0, 1)).compiled
    rows = sample(space, np.random.default_rng(0), 100)
    plane = Plane(space, rows)
    columns = _columns(space, rows)(rows)
    pca = sklearn.PCA(2).fit(columns)
    np.testing.assert_allclose(
        np.abs(plane.landmarks), np.abs(pca.transform(columns)), rtol=1e-6, atol=1e-9
    )
    assert plane.share == pytest.approx(pca.explained_variance_ratio_.sum())


def test_each_trial_is_placed_once_and_stays_where_it_is(shown):
    placed = []

    def architecture(value):
        placed.append(value)
        return space.architecture(value)

    space = shown.study.space
    places = Places(SimpleNamespace(compiled=space.compiled, architecture=architecture))
    early = map_info(shown.records[:10], shown.study, places=places)
    late = map_info(shown.records, shown.study, places=places)
    assert placed == [record.architecture for record in shown.records]
    assert late.spots[:10] == early.spots
    assert late.ground == early.ground
    afresh = map_info(shown.records, shown.study)
    np.testing.assert_allclose(
        [(spot.x, spot.y) for spot in late.spots],
        [(spot.x, spot.y) for spot in afresh.spots],
        atol=1e-9,
    )


def test_nothing_is_placed_before_there_is_a_trial():
    assert Places(CELL)([]) == []
