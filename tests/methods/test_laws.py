"""The laws of every method that has a name."""

from dataclasses import replace

import pytest

from archbo.encodings import Flat
from archbo.methods import BayesianOptimization, GridSearch, TreeParzen, find_method
from archbo.testing.fidelity import FidelityLaws
from archbo.testing.methods import MethodLaws


class TestBayesianOptimization(MethodLaws):
    @pytest.fixture
    def method(self):
        return BayesianOptimization(initial=4, candidates=60, iterations=4)


class TestRandomSearch(MethodLaws):
    @pytest.fixture
    def method(self):
        return find_method("random")


class TestGridSearch(MethodLaws):
    @pytest.fixture
    def method(self):
        return GridSearch(resolution=4)


class TestLocalSearch(MethodLaws):
    @pytest.fixture
    def method(self):
        return find_method("local-search")


class TestRegularizedEvolution(MethodLaws):
    @pytest.fixture
    def method(self):
        return find_method("evolution")


class TestReinforce(MethodLaws):
    @pytest.fixture
    def method(self):
        return find_method("reinforce")


class TestTreeParzen(MethodLaws):
    @pytest.fixture
    def method(self):
        return TreeParzen(initial=4)


class TestSuccessiveHalving(MethodLaws):
    @pytest.fixture
    def method(self):
        return find_method("successive-halving")


class TestHyperband(MethodLaws):
    @pytest.fixture
    def method(self):
        return find_method("hyperband")


class TestAsha(MethodLaws):
    @pytest.fixture
    def method(self):
        return find_method("asha")


class TestShortAsha(FidelityLaws):
    @pytest.fixture(scope="class")
    @classmethod
    def method(cls):
        return find_method("asha")


class TestShortAshaStopping(FidelityLaws):
    @pytest.fixture(scope="class")
    @classmethod
    def method(cls):
        return find_method("asha-stopping")


class TestShortHyperband(FidelityLaws):
    @pytest.fixture(scope="class")
    @classmethod
    def method(cls):
        return find_method("hyperband")


class TestShortSuccessiveHalving(FidelityLaws):
    @pytest.fixture(scope="class")
    @classmethod
    def method(cls):
        return find_method("successive-halving")


class TestShortBayesianOptimization(FidelityLaws):
    @pytest.fixture(scope="class")
    @classmethod
    def method(cls):
        return small(BayesianOptimization())


class TestShortMobster(FidelityLaws):
    @pytest.fixture(scope="class")
    @classmethod
    def method(cls):
        return small(find_method("mobster"))


class TestShortBohb(FidelityLaws):
    @pytest.fixture(scope="class")
    @classmethod
    def method(cls):
        return small(find_method("bohb"))


class TestShortFreezeThaw(FidelityLaws):
    @pytest.fixture(scope="class")
    @classmethod
    def method(cls):
        return small(find_method("freeze-thaw"))


def small(method):
    """The same, but quicker: one kernel of one block."""
    short = replace(method.short, start=4)
    settings = {"candidates": 24, "climbs": 1, "climbers": 2, "iterations": 4}
    return replace(method, encoding=Flat(), short=short, **settings)
