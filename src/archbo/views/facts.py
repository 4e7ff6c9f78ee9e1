"""A study as one JSON document, for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields, is_dataclass
from math import isfinite
from typing import Any

from archbo.checks import CheckResult
from archbo.checks.classes import Bounds
from archbo.checks.results import Share
from archbo.data import TrialRecord
from archbo.spaces import Architecture
from archbo.views.confirmed import confirmation_facts, confirmed
from archbo.views.curves import curves_info
from archbo.views.infos import (
    Member,
    StudyInfo,
    calibration_info,
    counts_info,
    failures,
    history_info,
    members,
)
from archbo.views.levels import levels_facts


def study_facts(records: Sequence[TrialRecord], study: StudyInfo, *, top: int) -> dict[str, Any]:
    """What `archbo show` shows, as JSON: the incumbent, the best, the history, the failures."""
    best = [_member(member) for member in members(records, study, limit=max(top, 1))]
    counts = counts_info(records)
    calibration = calibration_info(records)
    return {
        "study": study.name,
        "objective": study.objective,
        "direction": "maximize" if study.maximize else "minimize",
        "incumbent": best[0] if best else None,
        "top": best[:top],
        "history": [
            {"trial": step.number, "value": step.value, "id": step.architecture_id}
            for step in history_info(records, study).steps
        ],
        "confirmed": confirmation_facts(confirmed(records, study)),
        "fidelity": levels_facts(records, curves_info(records, study), study),
        "failures": [{"error": f.error, "trials": list(f.trials)} for f in failures(records)],
        "trials": dict(counts.states),
        "origins": dict(counts.origins),
        "architectures": counts.architectures,
        "seconds": counts.seconds,
        "calibration": {
            "trials": len(calibration.points),
            "within_one_sd": calibration.within_one,
            "within_two_sd": calibration.within_two,
            "rank_correlation": calibration.rank_correlation,
        },
    }


def trial_facts(record: TrialRecord) -> dict[str, Any]:
    """Everything about one trial, as JSON; `before` is what a deleted one was."""
    facts = asdict(record) | {"before": record.before and trial_facts(record.before)}
    if record.prediction is not None:
        facts["prediction"] = record.prediction._asdict()
    return facts


def finite(value: Any) -> Any:
    """Facts with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def check_facts(result: CheckResult) -> dict[str, Any]:
    """What `archbo check` found, as JSON; what is infinite or not known is null."""
    facts: dict[str, Any] = _plain(result)
    return {"ok": result.ok} | facts


def _plain(value: Any) -> Any:
    """Data classes and named tuples as dictionaries, with the intervals of shares."""
    if isinstance(value, Architecture):
        return {"id": value.id, "architecture": value.to_dict()}
    if isinstance(value, Bounds):
        return value._asdict()
    if is_dataclass(value):
        found = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return found | ({"interval": list(value.interval)} if isinstance(value, Share) else {})
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _member(member: Member) -> dict[str, Any]:
    return {
        "value": member.value,
        "trials": list(member.trials),
        "origin": member.origin,
        "id": member.architecture.id,
        "architecture": member.architecture.to_dict(),
        "features": dict(member.features),
        "seconds": member.seconds,
    }
