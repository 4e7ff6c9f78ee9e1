"""Published methods, made of the parts that are here."""

from __future__ import annotations

from functools import reduce
from operator import mul

from archbo.acquisition import ThompsonSampling
from archbo.encodings import Paths, weisfeiler_lehman_to
from archbo.kernels import Encoded, Hamming, HistogramLinear, Kernel, Matern52, structure
from archbo.methods.bayesian import BayesianOptimization
from archbo.methods.structures import default_structures
from archbo.surrogates import DeepEnsemble

_DEPTH = 3  # rounds of refinement that NAS-BOWL chooses from, from 0


def bananas() -> BayesianOptimization:
    """BANANAS: an ensemble of five networks on truncated path encodings, Thompson sampling.

    As published: the networks' size and loss, the length of the encoding, independent Thompson
    sampling, ten trainings before the first fit. Different: those ten are spread over the space
    instead of drawn, a part of the candidates is random instead of all being mutants of the best,
    and networks come one by one unless a list is asked for, each fitted to all before it.

    Source: White et al. 2021 (https://arxiv.org/abs/1910.11858).

    Raises:
        MissingExtraError: if PyTorch is not installed.
    """
    encoding = Paths(truncate=40)
    return BayesianOptimization(
        initial=10,
        candidates=100,
        surrogate=DeepEnsemble.bananas(block=encoding.name),
        encoding=encoding,
        acquisition=ThompsonSampling(independent=True),
    )


def nas_bowl() -> BayesianOptimization:
    """NAS-BOWL: a Gaussian process with the Weisfeiler-Lehman subtree kernel, expected improvement.

    As published: the kernel, expected improvement, 200 candidates of which half are mutants of the
    best and half random. Different: the depths of the kernel are averaged by their evidence instead
    of the likeliest being chosen, the objective is transformed by half-ranks instead of logarithms,
    and the ten trainings before the first fit are spread over the space. What the graphs do not
    show, such as a learning rate, multiplies the kernel.

    Source: Ru et al. 2021 (https://arxiv.org/abs/2006.07556).
    """
    return BayesianOptimization(
        initial=10,
        candidates=200,
        climbers=0,
        temper=1.0,
        encoding=weisfeiler_lehman_to(_DEPTH),
        kernel=subtree_structures,
    )


def subtree_structures(reference: Encoded) -> list[Kernel]:
    """A subtree kernel for each depth of refinement, times the context.

    A space without graphs has its default structures.

    Args:
        reference: the encoding of random members, which scales the context.
    """
    beside: list[Kernel] = []
    if "context" in reference:
        beside.append(Hamming.of("context", reference))
    if "numbers" in reference:
        beside.append(Matern52.of("numbers", reference))
    levels = [f"wl{k}" for k in range(_DEPTH + 1) if f"wl{k}" in reference]
    found: list[Kernel] = [
        structure(reduce(mul, beside, HistogramLinear(tuple(levels[: k + 1]))))
        for k in range(len(levels))
    ]
    return found or default_structures(reference)
