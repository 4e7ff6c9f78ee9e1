import pytest

from archbo.acquisition import (
    LogExpectedImprovement,
    LogKnowledgeGradient,
    LogMaxValueEntropy,
    LogNoisyExpectedImprovement,
    LogProbabilityOfImprovement,
    ThompsonSampling,
    UpperConfidenceBound,
)
from archbo.acquisition.base import Averaging
from archbo.testing.acquisition import LAWS

ACQUISITIONS = [
    LogExpectedImprovement(),
    LogNoisyExpectedImprovement(),
    LogProbabilityOfImprovement(),
    UpperConfidenceBound(),
    ThompsonSampling(),
    ThompsonSampling(independent=True),
    LogMaxValueEntropy(),
    LogKnowledgeGradient(),
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("acquisition", ACQUISITIONS, ids=repr)
def test_every_acquisition_keeps_the_laws(acquisition, law):
    law(acquisition)


def test_a_law_catches_what_breaks_it():
    class Worst:
        averaging = Averaging.VALUES
        pool_wide = False

        def __call__(self, outlook):
            return -outlook.posterior.mean

    broken = []
    for law in LAWS:
        try:
            law(Worst())
        except AssertionError:
            broken.append(law.__name__)
    assert broken == ["prefers_what_is_surely_better"]
