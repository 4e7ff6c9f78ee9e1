"""What a check finds out, as plain facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import betaincinv

from archbo.arrays import Array
from archbo.checks.landscapes import LandscapeInfo
from archbo.checks.sizes import SizeInfo
from archbo.spaces import Architecture


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many random ones, and what that says of all.

    Attributes:
        count: how many of them.
        total: how many were looked at.
    """

    count: int
    total: int

    @property
    def value(self) -> float:
        """The share among those looked at."""
        return self.count / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Of the share among all, with at least 95% confidence. Source: Clopper and Pearson 1934.

        >>> low, high = Share(0, 20).interval
        >>> low, round(high, 4)
        (0.0, 0.1684)
        """
        k, n = self.count, self.total
        low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, 0.025))
        high = 1.0 if k == n else float(betaincinv(k + 1, n - k, 0.975))
        return low, high


@dataclass(frozen=True, slots=True)
class Distribution:
    """Of a number over random architectures: smallest, quartiles, largest."""

    least: float
    lower: float
    median: float
    upper: float
    most: float

    @classmethod
    def of(cls, values: Array | Sequence[float]) -> Distribution | None:
        """Of the finite ones; None if there are none."""
        found = np.asarray(values, dtype=float)
        found = found[np.isfinite(found)]
        return cls(*map(float, np.quantile(found, [0, 0.25, 0.5, 0.75, 1]))) if len(found) else None

    @property
    def constant(self) -> bool:
        """Whether all values were the same."""
        return self.least == self.most


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong for one architecture."""

    architecture: Architecture
    error: str


@dataclass(frozen=True, slots=True)
class FeatureInfo:
    """One of the user's features.

    Attributes:
        name: its name.
        distribution: over random architectures; None where it never gave a finite number.
        milliseconds: of one call, the median.
        failed: for how many architectures it failed, or gave no finite number.
        failures: the first of them.
    """

    name: str
    distribution: Distribution | None
    milliseconds: float
    failed: Share
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class ConstraintInfo:
    """One constraint by itself.

    Attributes:
        name: the bound, or the predicate's name.
        met: how many random architectures meet it.
        failures: where a predicate raised an error; such an architecture does not meet it.
    """

    name: str
    met: Share
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class MembersInfo:
    """Random members of the space.

    Attributes:
        looked_at: how many.
        features: of the user.
        constraints: each by itself.
        feasible: how many meet all constraints; None without constraints.
        infeasible: why no architecture at all can be proposed; else empty.
        seconds_each: what the features and constraints of one network take.
    """

    looked_at: int
    features: tuple[FeatureInfo, ...]
    constraints: tuple[ConstraintInfo, ...]
    feasible: Share | None
    infeasible: str
    seconds_each: float


@dataclass(frozen=True, slots=True)
class NetworksInfo:
    """Networks of random architectures that meet the constraints.

    Attributes:
        built, forward, backward: how many were built, ran forward, ran backward; None where the
            shape of an example is not known, so that none was run.
        failures: the first that did not, with the reason.
        params, flops: of those that did; FLOPs of the forward pass of one example.
        seconds_each: to build one and run it on two examples, the median.
    """

    built: Share
    forward: Share | None
    backward: Share | None
    failures: tuple[Failure, ...]
    params: Distribution | None
    flops: Distribution | None
    seconds_each: float


@dataclass(frozen=True, slots=True)
class ProposalTime:
    """Seconds that a proposal takes after so many trials."""

    trials: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ProposalsInfo:
    """What the search itself takes.

    Attributes:
        ready: seconds to get ready, once a run; None if that was not tried.
        times: of a proposal, after ever more trials with made-up results.
        note: why there are not more of them; else empty.
    """

    ready: float | None
    times: tuple[ProposalTime, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class EpochInfo:
    """Seconds that an epoch of training takes: median, smallest and largest.

    Attributes:
        trials: how many stored trials it is of; 0 for a probe.
    """

    seconds: float
    least: float
    most: float
    trials: int


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to act on: an error will not work, a warning may be meant."""

    kind: Literal["error", "warning"]
    text: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """All that was found out before any training; None for what there was nothing to look at."""

    size: SizeInfo
    members: MembersInfo
    networks: NetworksInfo | None
    proposals: ProposalsInfo
    epoch: EpochInfo | None
    landscape: LandscapeInfo | None
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether a search can run: there is no finding that is an error."""
        return all(finding.kind != "error" for finding in self.findings)
