"""What of a check's facts to act on."""

from __future__ import annotations

from collections.abc import Iterator

from archbo.checks.results import (
    Failure,
    Finding,
    MembersInfo,
    NetworksInfo,
    ProposalsInfo,
)

_COSTLY = 20.0  # milliseconds of a feature: a proposal looks at some hundred new networks
_RARE = 0.01  # where fewer members are feasible, a search looks for most of its candidates in vain


def findings(
    members: MembersInfo, networks: NetworksInfo | None, proposals: ProposalsInfo
) -> Iterator[Finding]:
    """Errors, which a search would run into, and warnings."""
    if members.infeasible:
        yield Finding("error", members.infeasible)
    yield from _features(members)
    yield from _constraints(members)
    if networks is not None:
        yield from _networks(networks)
    if proposals.note and not proposals.times and not members.infeasible:
        yield Finding("warning", f"no proposal was timed: {proposals.note}")


def _features(members: MembersInfo) -> Iterator[Finding]:
    for feature in members.features:
        path = f"features.{feature.name}"
        if feature.failed.count:
            some = f"{feature.failed.count} of {feature.failed.total} architectures"
            yield Finding("error", f"{path}: fails for {some}; {_first(feature.failures)}")
        elif feature.distribution is not None and feature.distribution.constant:
            value = feature.distribution.median
            yield Finding("warning", f"{path}: is {value:g} for every architecture looked at")
        if feature.milliseconds > _COSTLY:
            yield Finding(
                "warning",
                f"{path}: takes {feature.milliseconds:,.0f} ms for one architecture, and a "
                "proposal asks for hundreds. Compute it from the cell, without building it.",
            )


def _constraints(members: MembersInfo) -> Iterator[Finding]:
    for constraint in members.constraints:
        if constraint.failures:
            first = _first(constraint.failures)
            yield Finding("error", f"constraints: {constraint.name} fails; {first}")
    feasible = members.feasible
    if feasible is None or members.infeasible or feasible.value >= _RARE:
        return
    text = f"{feasible.count} of {feasible.total} random architectures meet the constraints"
    if feasible.count == 0:
        text += ", and whether any other does would take long to find out"
    yield Finding("warning", f"constraints: {text}")


def _networks(networks: NetworksInfo) -> Iterator[Finding]:
    if networks.forward is None:
        yield Finding(
            "warning",
            "build: no network was run, as the shape of an example is not known. "
            "Say --inputs 3,32,32, or inputs=(3, 32, 32).",
        )
    good = networks.backward or networks.built
    bad = good.total - good.count
    if bad:
        text = f"build: {bad} of {good.total} networks would fail in training"
        yield Finding(
            "error" if good.count == 0 else "warning", f"{text}; {_first(networks.failures)}"
        )


def _first(failures: tuple[Failure, ...]) -> str:
    return f"the first, {failures[0].architecture!r}: {failures[0].error}"
