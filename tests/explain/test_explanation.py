import json

import numpy as np
import pytest

import archbo as ab
from archbo.errors import ObservationError
from archbo.explain import explain
from archbo.surrogates import RandomForest

SMALL = ab.Space(
    depth=ab.Int(1, 4), act=ab.Choice(["relu", "gelu"]), lr=ab.Float(0.001, 0.1, log=True)
)


def score(arch):
    return arch["depth"] + (arch["act"] == "gelu") - abs(np.log10(arch["lr"]) + 2)


def explained(opt, archs=()):
    return explain(opt.problem, opt._dataset(), opt._search, archs)


def test_explanation_is_a_function_of_the_results(cells, cell, sampled):
    archs = sampled(cell, 2, 5)
    assert explained(cells, archs) == explained(cells, archs)


def test_document_is_plain_json(cells, cell, sampled):
    found = explained(cells, sampled(cell, 2, 5))
    read = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert read["networks"] == len({arch.id for arch in sampled(cell, 40)})
    assert read["incumbent"] == json.loads(json.dumps(found.incumbent.to_dict()))
    assert {one["decision"] for one in read["importance"]} == {
        "[0,1]",
        "[0,2]",
        "[1,2]",
        "[0,3]",
        "[1,3]",
        "[2,3]",
    }
    assert len(read["comparisons"]) == 2
    assert "graph" not in read["motifs"][0]


def test_parts_agree_with_what_is_true(told, sampled):
    found = explained(told(SMALL, score, sampled(SMALL, 40)))
    assert found.importance[0].decision == "depth"
    assert sum(one.share for one in found.importance) > 0.8
    effects = {(one.decision, one.option): one.effect for one in found.options}
    assert effects["depth", "1"] < effects["depth", "2"] < effects["depth", "4"]
    assert effects["act", "gelu"] == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize(
    "method",
    ["random", "evolution", "tpe", ab.BayesianOptimization(surrogate=RandomForest())],
    ids=str,
)
def test_method_without_gaussian_processes_is_explained_by_the_default_ones(method, told, sampled):
    archs = sampled(SMALL, 20)
    assert explained(told(SMALL, score, archs, method=method)) == explained(
        told(SMALL, score, archs)
    )


def test_failed_trainings_count_as_bad(told):
    space = ab.Space(a=ab.Choice(["works", "fails"]), b=ab.Choice(list(range(6))))

    def truth(arch):
        return ab.FAILED if arch["a"] == "fails" else float(arch["b"])

    effects = {
        (e.decision, e.option): e.effect
        for e in explained(told(space, truth, space.enumerate())).options
    }
    assert effects["a", "fails"] < 0 < effects["a", "works"]


def test_constraints_bound_what_is_averaged_over(told, sampled):
    opt = told(
        SMALL,
        score,
        [arch for arch in sampled(SMALL, 60) if arch["depth"] <= 3],
        features={"depth_": lambda arch: arch["depth"]},
        constraints={"depth_": "<= 3"},
    )
    assert {e.option for e in explained(opt).options if e.decision == "depth"} == {"1", "2", "3"}


def test_full_trainings_are_explained_where_there_are_short_ones(sampled):
    """Short trainings say that one activation is better, full ones that the other one is."""
    opt = ab.Optimizer(SMALL, maximize="score", fidelity=ab.Epochs(1, 9))
    for k, arch in enumerate(sampled(SMALL, 36)):
        gelu = arch["act"] == "gelu"
        opt.tell(arch, arch["depth"] + 0.5 - gelu, fidelity=1)
        if k % 2 == 0:
            opt.tell(arch, arch["depth"] + 2.0 * gelu)
    found = explained(opt, [SMALL.architecture({"depth": 1, "act": "relu", "lr": 0.01})])
    effects = {(e.decision, e.option): e.effect for e in found.options}
    assert effects["act", "gelu"] > 0 > effects["act", "relu"]
    assert found.networks == 36
    assert found.incumbent["depth"] == 4
    (comparison,) = found.comparisons
    assert comparison.gain < 0
    assert sum(d.gain for d in comparison.differences) == pytest.approx(comparison.gain)


def test_too_few_results_are_an_error_that_says_how_many(told, sampled):
    with pytest.raises(ObservationError, match="2 networks have a value, an explanation needs 3"):
        explained(told(SMALL, score, sampled(SMALL, 2)))


def test_equal_results_explain_nothing(told, sampled):
    found = explained(told(SMALL, lambda _: 1.0, sampled(SMALL, 12)))
    assert all(abs(one.effect) < 1e-6 for one in found.options)
    assert found.motifs == ()
