"""The laws of every method that has a name."""

import pytest

from archbo.methods import BayesianOptimization, GridSearch, TreeParzen, find_method
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
