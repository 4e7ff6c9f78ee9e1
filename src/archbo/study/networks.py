"""The network of a stored trial, built again as its program builds it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from archbo.data import TrialRecord
from archbo.errors import ExportError
from archbo.spaces import Architecture, from_dict
from archbo.store import Store, StoredStudy
from archbo.study.files import StateFiles
from archbo.study.finding import find
from archbo.study.program import BUILD, builder
from archbo.training.states import BYTES, read_state

if TYPE_CHECKING:
    from torch import nn


class TrialNetwork(NamedTuple):
    """A trial and its network.

    Attributes:
        record: the trial.
        architecture: what was trained.
        network: untrained.
        state: what the training saved; None where it saved nothing, or bytes.
        builder: what built the network, in words.
    """

    record: TrialRecord
    architecture: Architecture
    network: nn.Module
    state: Any | None
    builder: str


def trial_network(
    location: str | Path,
    numbers: Sequence[int],
    *,
    program: str | Path | None = None,
    build: str | None = None,
) -> TrialNetwork:
    """Build a trial's network by its program's own function, or else by `archbo.torch.build`.

    Args:
        location: of the study.
        numbers: trials of one architecture: the first that saved a state, or the first.
        program: the study's program, if it is not where it was.
        build: the name of the program's function from an architecture to a module; None for
            `build`, if there is one.

    Raises:
        StoreError: if there is no such study.
        ProgramError: if the program is not there, has no such study or no such function.
        ProblemError: if `archbo.torch.build` cannot tell what to build.
        TrainingError: if the saved state cannot be read.
        ExportError: if the function gives no module.
    """
    with closing(Store.open(location, read_only=True)) as store:
        stored = store.study()
        files = StateFiles.of(store, stored.settings)
        records = {record.number: record for record in stored.read()}
    number = next((n for n in numbers if files.state(n) is not None), numbers[0])
    function, words, architecture = _builder(location, stored, records[number], program, build)
    network = _built(function, architecture, words)
    file = files.state(number)
    state = None if file is None or file.name == BYTES else read_state(file)
    return TrialNetwork(records[number], architecture, network, state, words)


def _builder(
    location: str | Path,
    stored: StoredStudy,
    record: TrialRecord,
    program: str | Path | None,
    build: str | None,
) -> tuple[Callable[[Architecture], Any], str, Architecture]:
    """What builds the network, what that is in words, and the architecture."""
    import archbo.torch

    if program is None and build is None and stored.settings.get("program") is None:
        space = from_dict(stored.settings["space"])  # made where there is no file of a program
        return archbo.torch.build, "archbo.torch.build", space.architecture(record.architecture)
    reason = "the study's program says how a network is built"
    found = find(location, stored, program, reason=reason, command="export")
    with closing(found.study) as study:
        architecture = study.problem.space.architecture(record.architecture)
    function = builder(found.names, build, str(found.program))
    if function is None:
        return archbo.torch.build, "archbo.torch.build", architecture
    return function, f"{build or BUILD} in {found.program.name}", architecture


def _built(
    function: Callable[[Architecture], Any], architecture: Architecture, words: str
) -> nn.Module:
    from torch import nn

    network = function(architecture)
    if not isinstance(network, nn.Module):
        raise ExportError(
            f"expected a torch.nn.Module, got {type(network).__name__}",
            path=words,
            hint="Write build(arch) so that it returns the network, or name another: --build.",
        )
    return network
