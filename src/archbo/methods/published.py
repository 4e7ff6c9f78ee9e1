"""Published methods, made of the parts that are here."""

from __future__ import annotations

from functools import reduce
from math import inf
from operator import mul

from archbo.acquisition import ThompsonSampling
from archbo.encodings import Paths, weisfeiler_lehman_to
from archbo.kernels import Encoded, Hamming, HistogramLinear, Kernel, Matern52, structure
from archbo.methods.bayesian import BayesianOptimization
from archbo.methods.hyperband import Hyperband
from archbo.methods.multifidelity import MultiFidelity
from archbo.methods.rungs import Asha
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
        short=None,
    )


def bo_full() -> BayesianOptimization:
    """Bayesian optimization that trains everything in full, whatever the fidelity."""
    return BayesianOptimization(short=None)


def mobster() -> BayesianOptimization:
    """MOBSTER: ASHA decides what goes on, a Gaussian process over epochs as well what begins.

    As published: the rungs are asynchronous, what is in training counts as expected, the
    acquisition is that of full trainings. Different: the model, see `archbo.kernels.curves`, and
    the kernels, which know that architectures are graphs.

    Source: Klein et al. 2020 (https://arxiv.org/abs/2003.10865).
    """
    return BayesianOptimization(short=MultiFidelity(schedule=Asha(), random=0.0))


def bohb() -> BayesianOptimization:
    """BOHB: Hyperband decides what goes on, a model what begins; a third begins at random.

    Different from what was published: the model is a Gaussian process over architecture and epoch
    instead of kernel densities of the highest rung that has enough results.

    Source: Falkner et al. 2018 (https://arxiv.org/abs/1807.01774).
    """
    return BayesianOptimization(short=MultiFidelity(schedule=Hyperband(), random=1 / 3))


def freeze_thaw() -> BayesianOptimization:
    """Freeze-thaw: what promises most goes on, of all that is paused and what could begin.

    Different from what was published: the model and its kernels, and that what is promised is
    improvement per cost under the best rule of when to stop, instead of information about the best.
    None of the guards of the default.

    Source: Swersky et al. 2014 (https://arxiv.org/abs/1406.3896).
    """
    short = MultiFidelity(start=5, least=1, share=0.0, late=inf, plain=0.0, doubt=0.0, random=0.0)
    return BayesianOptimization(short=short)


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
