"""The whole check, on studies in memory."""

import re
import time

import pytest

import archbo as ab

SPACE = ab.Space(
    cell=ab.EdgeCell(nodes=3, ops=["none", "skip_connect", "conv"]), width=ab.Int(1, 40)
)


def convs(arch):
    return sum(op == "conv" for *_, op in arch["cell"])


def study(**settings):
    settings = {"maximize": "accuracy", "method": "random"} | settings
    return ab.Study(None, SPACE, **settings)


def texts(result, kind):
    return [finding.text for finding in result.findings if finding.kind == kind]


def test_good_search_has_no_findings():
    with study(features={"convs": convs}, constraints={"convs": "<= 2"}) as good:
        result = good.check()
    assert result.ok
    assert result.findings == ()
    assert result.size.members == 27 * 40
    assert result.size.distinct == (9 * 40, 9 * 40)
    assert result.networks is result.epoch is result.landscape is None
    assert [time.trials for time in result.proposals.times] == [10, 50, 150]


def test_same_seed_gives_the_same_facts():
    with study(features={"convs": convs}) as one, study(features={"convs": convs}) as two:
        first, second = one.check(), two.check()
    assert first.members.features[0].distribution == second.members.features[0].distribution
    assert first.size == second.size


def test_results_tell_of_epochs_and_correlation():
    def train(arch, trial):
        for epoch in range(1, trial.epochs + 1):
            trial.report(epoch, convs(arch) + arch["width"] / 40)
        return convs(arch) + arch["width"] / 40

    with study(epochs=2) as trained:
        trained.run(train, trials=30)
        result = trained.check()
    assert result.epoch.trials == 30
    assert result.landscape.results == 30
    assert 0 < result.landscape.low <= result.landscape.length <= result.landscape.high


def test_feature_that_fails_is_an_error_and_one_that_says_nothing_a_warning():
    def fragile(arch):
        return 1 / (arch["width"] - 20)

    with study(features={"fragile": fragile, "same": lambda arch: 3}) as bad:
        result = bad.check()
    assert not result.ok
    (error,) = texts(result, "error")
    assert error.startswith("features.fragile: fails for ")
    assert "ZeroDivisionError" in error
    assert "features.same: is 3 for every architecture looked at" in texts(result, "warning")


def test_costly_feature_is_a_warning():
    def slow(arch):
        time.sleep(0.03)
        return arch["width"]

    with study(features={"slow": slow}) as bad:
        result = bad.check(seconds=1)
    warnings = texts(result, "warning")
    assert any(re.match(r"features\.slow: takes \d+ ms", text) for text in warnings)
    assert any("no proposal was timed" in text for text in warnings)


def test_networks_none_of_which_runs_are_an_error_and_some_a_warning():
    torch = pytest.importorskip("torch")

    def build(arch):
        return torch.nn.Linear(3 if arch["width"] > 20 else 4, 2)

    with study() as some:
        partly = some.check(build=build, inputs=(3,))
        wholly = some.check(build=build, inputs=(5,))
        unknown = some.check(build=build)
    assert partly.ok
    assert "networks would fail in training" in texts(partly, "warning")[0]
    assert not wholly.ok
    assert unknown.ok
    assert "the shape of an example is not known" in texts(unknown, "warning")[0]


def test_probe_that_fails_is_an_error():
    def train(arch, trial):
        raise OSError("the data are not there")

    with study() as bad:
        result = bad.check(probe=train)
        assert bad.trials == []
    assert "the data are not there" in texts(result, "error")[0]


def test_time_must_be_positive():
    with study() as good, pytest.raises(ab.ArchboError, match="seconds must be a positive number"):
        good.check(seconds=0)
