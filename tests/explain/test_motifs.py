import numpy as np
import pytest
from scipy.stats import spearmanr

from archbo.explain.motifs import contrasts, motifs
from archbo.spaces.compiled import stack
from archbo.spaces.moves import enumerate_rows


def test_effects_rank_as_those_of_all_members_do(cells, cell, convs, believed):
    model, landscape = believed(cells)
    found = contrasts(landscape, cell.compiled, model)
    rows = stack(list(enumerate_rows(cell.compiled)))
    truth = np.array([convs(arch) for arch in cell.compiled.architectures(rows)])
    (batch,) = cell.compiled.graphs(rows).values()
    has = [one.pattern.present(batch) for one in found]
    exact = [truth[own].mean() - truth[~own].mean() for own in has]
    assert spearmanr([one.effect for one in found], exact).statistic > 0.9


def test_what_helps_is_told_with_its_sign_and_its_certainty(cells, cell, believed):
    model, landscape = believed(cells)
    told = motifs(landscape, cell.compiled, model)
    assert told[0].effect > 0
    assert "conv" in told[0].words
    for motif in told:
        assert motif.certainty > 0.977
        assert abs(motif.effect) > 1.9 * motif.sd
        assert 3 <= motif.trained <= len(model.known) - 3
        assert 0.03 <= motif.share <= 0.97
    assert len({motif.words for motif in told}) == len(told)


def test_noise_tells_next_to_nothing(cell, told, sampled, believed):
    noise = iter(np.random.default_rng(0).normal(size=60))
    model, landscape = believed(told(cell, lambda _: next(noise), sampled(cell, 60)))
    # 2.3% of about 150 on each side are as certain by chance, those that go together told once
    assert len(motifs(landscape, cell.compiled, model)) <= 5


def test_space_without_graphs_has_no_motifs(told, sampled, believed):
    import archbo as ab

    space = ab.Space(a=ab.Float(0, 1), b=ab.Bool())
    model, landscape = believed(told(space, lambda arch: arch["a"], sampled(space, 10)))
    assert motifs(landscape, space.compiled, model) == ()


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_positive_is_better_in_either_direction(direction, cell, convs, told, sampled, believed):
    sign = 1 if direction == "maximize" else -1
    opt = told(cell, lambda a: sign * convs(a), sampled(cell, 40), direction=direction)
    model, landscape = believed(opt)
    best = motifs(landscape, cell.compiled, model)[0]
    assert best.effect > 0
    assert "conv" in best.words
