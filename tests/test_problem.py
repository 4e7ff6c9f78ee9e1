import numpy as np
import pytest

import archbo as ab
from archbo.arrays import stream
from archbo.errors import InfeasibleError, ProblemError
from archbo.problem import Bound, Objective, Problem
from archbo.spaces.moves import sample

SPACE = ab.Space(width=ab.Int(1, 100), kind=ab.Choice(["a", "b"]))


def width(arch: ab.Architecture) -> float:
    return float(arch["width"])


def test_objective_is_turned_to_maximise():
    assert Objective.parse("accuracy", None).inward(np.array([1.0])) == [1.0]
    assert Objective.parse(None, "loss").inward(np.array([1.0])) == [-1.0]
    assert Objective.parse(None, "loss").better(1.0, 2.0)


def test_two_objectives_are_refused():
    with pytest.raises(ProblemError, match=r"one objective is needed, got maximize='a'"):
        Objective.parse("a", "b")


def test_an_objective_that_is_no_name_is_refused():
    with pytest.raises(ProblemError, match=r"an objective is a name, got 3"):
        Problem.make(SPACE, maximize=3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "value", "met"),
    [
        ("<= 5", 5, True),
        ("<5", 5, False),
        (">= 2e1", 20, True),
        ("> -1.5", -1.5, False),
        ("<= 5", np.nan, False),
    ],
)
def test_a_bound_holds_or_not(text, value, met):
    assert Bound.parse("width", text).met(np.array([value]))[0] == met


@pytest.mark.parametrize("text", ["5", "== 5", "<= five", "<= .e", None, 5, "<= inf"])
def test_a_malformed_bound_says_how_to_write_it(text):
    with pytest.raises(
        ProblemError, match=r"constraints\.width: expected a bound, got .*\"<= 2e6\""
    ):
        Bound.parse("width", text)


def test_excess_grows_with_the_distance_to_the_bound():
    bound = Bound.parse("width", "<= 10")
    assert bound.excess(np.array([5.0, 11.0, 30.0, np.nan])).tolist() == [0, 1, 20, np.inf]


def test_feasible_rows_meet_bounds_and_predicates():
    problem = Problem.make(
        SPACE,
        features={"width": width},
        constraints=[{"width": "<= 50"}, lambda arch: arch["kind"] == "b"],
    )
    rows = sample(problem.compiled, stream(0, "test"), 200)
    good = problem.feasible(rows)
    expected = [
        arch["width"] <= 50 and arch["kind"] == "b" for arch in problem.compiled.architectures(rows)
    ]
    assert good.tolist() == expected
    assert 0 < good.sum() < 200


@pytest.mark.parametrize(("bound", "kept"), [("< 5", {1, 2, 3, 4}), ("> 98", {99, 100})])
def test_a_member_right_at_a_strict_bound_is_not_feasible(bound, kept):
    problem = Problem.make(SPACE, features={"width": width}, constraints={"width": bound})
    archs = problem.compiled.architectures(problem.examples)
    assert {arch["width"] for arch in archs} == kept


def test_a_predicate_that_few_members_meet_is_searched_for_among_mutants_of_mutants():
    cell = ab.EdgeCell(nodes=5, ops=["none", "skip_connect", "a", "b", "c", "d"])
    asked = []

    def never(arch):
        asked.append(arch.id)
        return False

    with pytest.raises(InfeasibleError, match="predicate never"):
        Problem.make(ab.Space(cell=cell, depth=ab.Int(1, 9)), constraints=[never])
    assert len(set(asked)) > 8_000  # of 2,048 random ones and 10,000 mutants


def test_a_constraint_on_an_unknown_feature_names_the_nearest():
    with pytest.raises(ProblemError, match=r"'widht' is not a feature.*Did you mean 'width'"):
        Problem.make(SPACE, features={"width": width}, constraints={"widht": "<= 5"})


def test_a_constraint_without_any_feature_says_how_to_give_one():
    with pytest.raises(ProblemError, match=r"Give features=\{\"params\""):
        Problem.make(SPACE, constraints={"params": "<= 5"})


def test_a_constraint_that_no_member_meets_is_an_error_at_once():
    with pytest.raises(InfeasibleError, match=r"width <= 0 \(the closest found: 1\)"):
        Problem.make(SPACE, features={"width": width}, constraints={"width": "<= 0"})


def test_a_rare_feasible_region_is_found_by_walking_towards_it():
    space = ab.Chain(ab.Choice(list(range(10))), length=20)
    total = {"total": lambda arch: float(sum(arch.value))}
    problem = Problem.make(space, features=total, constraints={"total": "<= 8"})
    assert problem.feasible(problem.examples).all()


def test_a_predicate_that_fails_says_for_which_architecture():
    with pytest.raises(ProblemError, match=r"constraints: failed for Architecture.*KeyError"):
        Problem.make(SPACE, constraints=[lambda arch: arch["depth"] > 1])


def test_a_feature_that_fails_is_named():
    with pytest.raises(ProblemError, match=r"features\.deep: failed for .*KeyError: 'depth'"):
        Problem.make(SPACE, features={"deep": lambda a: a["depth"]}, constraints={"deep": "< 1"})


def test_a_feature_that_is_no_function_is_refused():
    with pytest.raises(ProblemError, match=r"features\.params: a feature is a function"):
        Problem.make(SPACE, features={"params": 3})  # type: ignore[dict-item]


def test_features_are_called_once_for_each_member():
    calls = []
    cell = ab.EdgeCell(nodes=3, ops=["none", "skip_connect", "conv"])
    problem = Problem.make(cell, features={"f": lambda arch: calls.append(str(arch.value)) or 1.0})
    rows = sample(problem.compiled, stream(0, "test"), 200)
    assert problem.features.values(problem.compiled, rows).shape == (200, 1)
    problem.features.values(problem.compiled, rows)
    assert len(calls) == len(set(calls)) == len(set(map(tuple, rows.values.tolist())))


def test_what_is_no_space_is_refused():
    with pytest.raises(ProblemError, match=r"expected a space, got \{"):
        Problem.make({"lr": 1})  # type: ignore[arg-type]


def test_description_is_json_with_functions_by_their_names():
    problem = Problem.make(SPACE, minimize="loss", features={"width": width},
                           constraints=[{"width": "<= 9"}], seed=3)  # fmt: skip
    described = problem.describe()
    assert described["direction"] == "minimize"
    assert described["constraints"] == ["width <= 9"]
    assert described["features"] == ["width"]
    assert described["seed"] == 3


def test_what_a_pool_knows_is_a_feature():
    graphs = [(["conv"] * k, [(v, v + 1) for v in range(k - 1)]) for k in range(1, 41)]
    pool = ab.Pool(graphs, {"params": range(1, 41)})
    problem = Problem.make(
        pool, features={"mine": lambda arch: arch.value}, constraints={"params": "<= 7"}
    )
    assert problem.features.names == ("params", "mine")
    assert problem.features.of(pool.architecture(3)) == {"params": 4.0, "mine": 3.0}
    rows = pool.compiled.encode(list(pool.enumerate()))
    np.testing.assert_array_equal(np.flatnonzero(problem.feasible(rows)), np.arange(7))
    assert problem.describe()["features"] == ["mine"]


def test_a_feature_that_a_pool_knows_needs_another_name():
    pool = ab.Pool([(["conv"], [])], {"params": [1]})
    with pytest.raises(ProblemError, match=r"features\.params: the space has a feature of this"):
        Problem.make(pool, features={"params": lambda arch: 1.0})


def test_a_constraint_on_what_a_pool_does_not_know_names_what_it_does():
    pool = ab.Pool([(["conv"], [])], {"params": [1]})
    with pytest.raises(ProblemError, match=r"'param' is not a feature.*Did you mean 'params'"):
        Problem.make(pool, constraints={"param": "<= 3"})


@pytest.mark.parametrize("seed", [np.int64(3), np.uint8(3)])
def test_a_seed_may_be_an_integer_of_numpy(seed):
    assert Problem.make(SPACE, seed=seed).describe() == Problem.make(SPACE, seed=3).describe()
    assert type(Problem.make(SPACE, seed=seed).describe()["seed"]) is int


@pytest.mark.parametrize("seed", [True, 1.0, "3", None])
def test_a_seed_of_another_type_is_refused(seed):
    with pytest.raises(ProblemError, match=f"seed must be a whole number, got {seed!r}"):
        Problem.make(SPACE, seed=seed)
