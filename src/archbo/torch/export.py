"""A network in a file that needs archbo no more."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from archbo.errors import ExportError, MissingExtraError
from archbo.torch.source import write

_BATCH = 2  # batch normalization needs more than one value a channel


class Exported(NamedTuple):
    """What was written.

    Attributes:
        path: the file.
        weights: the file with the weights beside it, if there is one.
        compared: whether the file was loaded again and gave the network's outputs.
    """

    path: Path
    weights: Path | None
    compared: bool


def export(
    network: nn.Module,
    path: str | Path,
    *,
    state: Mapping[str, Any] | None = None,
    inputs: tuple[int, ...] | Tensor | None = None,
    about: str | None = None,
) -> Exported:
    """Write a network as Python source (`.py`), as ONNX (`.onnx`) or as PyTorch's program (`.pt2`).

    The source has PyTorch's modules and a class for each of the others, the last of them `Network`,
    whose state dict has the keys of the network's. Its outputs are the network's, in training and
    in evaluation: this is checked before anything is written, if the inputs are known. ONNX files
    and programs are for inference and hold the weights.

    Args:
        network: any module whose forward depends on no values of tensors; it is not changed.
        path: where to write.
        state: the trained weights, as `network.state_dict()` gives them, alone or inside what a
            training saved. Beside `best.py` they are written as `best.pt`, and `load()` in it reads
            them. Without them the source makes an untrained network; the other formats hold the
            network's own.
        inputs: the shape of one input, or a batch of inputs; a network of `build` knows it.
        about: the source's docstring.

    Raises:
        ExportError: if a module cannot be written, naming its path; if the state is not this
            network's; if the ending of the path is unknown.
        MissingExtraError: if the format needs a package that is not installed.
    """
    path = Path(path)
    if path.suffix not in (".py", *_FORMATS):
        raise ExportError(
            f"there is no format {path.suffix!r}",
            path=str(path),
            hint=f"A name ends with {', '.join(_FORMATS)} or .py.",
        )
    network = copy.deepcopy(network).cpu()
    if state is not None:
        state = _weights(network, state)
        network.load_state_dict(state)
    if inputs is None:
        inputs = getattr(network, "inputs", None)
    about = about or _origin()
    try:
        with torch.random.fork_rng(devices=[]):
            example = None if inputs is None else _example(network, inputs)
            if path.suffix == ".py":
                return _source(network, path, state, example, about)
            if example is None:
                raise ExportError(
                    f"a {path.suffix} file is made by running the network, and the shape of its "
                    "inputs is not known",
                    path=str(path),
                    hint="Say inputs=(3, 32, 32), or --inputs 3,32,32 in the shell.",
                )
            _FORMATS[path.suffix](network.eval(), path, example, about)
            return Exported(path, None, False)
    except OSError as error:
        raise ExportError(f"cannot be written: {error.strerror}", path=str(path)) from error


def _source(
    network: nn.Module,
    path: Path,
    state: Mapping[str, Tensor] | None,
    example: Tensor | None,
    about: str,
) -> Exported:
    text, unknown = write(network, about, weights=state is not None)
    if unknown and state is None:
        raise ExportError(
            "its numbers are made by the program, and only a trained state has them",
            path=f"network.{unknown[0]}",
            hint="Save one in the training: trial.save(model.state_dict()).",
        )
    names: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    exec(compile(text, str(path), "exec"), names)
    made: nn.Module = names["Network"]()
    differing = _shapes(made.state_dict()) ^ _shapes(network.state_dict())
    if differing:
        raise ExportError("what was written has other weights", path=f"network.{min(differing)[0]}")
    if example is not None:
        _compare(network, made, example)
    path.write_text(text, encoding="utf-8")
    weights = path.with_suffix(".pt")
    if state is not None:
        torch.save(dict(state), weights)
    return Exported(path, None if state is None else weights, example is not None)


def _onnx(network: nn.Module, path: Path, example: Tensor, about: str) -> None:
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch.onnx needs it
    except ImportError as error:
        raise MissingExtraError(
            "an ONNX file needs onnx and onnxscript", hint="pip install 'archbo[onnx]'"
        ) from error
    # operators of packages that are not installed, and PyTorch's own use of what it will drop
    with _quiet("torch.onnx"), warnings.catch_warnings(action="ignore"):
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            verbose=False,
            input_names=["inputs"],
            output_names=["outputs"],
            dynamic_shapes=_ANY_BATCH,
        )
    assert program is not None  # with dynamo it is one
    model = program.model_proto
    model.doc_string = about
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _program(network: nn.Module, path: Path, example: Tensor, about: str) -> None:
    program = torch.export.export(network, (example,), dynamic_shapes=_ANY_BATCH)
    torch.export.save(program, path, extra_files={"about": about})


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Let a logger and those below it say errors alone."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


_ANY_BATCH = ({0: torch.export.Dim("batch")},)

_FORMATS: Mapping[str, Callable[[nn.Module, Path, Tensor, str], None]] = {
    ".onnx": _onnx,
    ".pt2": _program,
}


def _compare(network: nn.Module, made: nn.Module, example: Tensor) -> None:
    """Check that two networks compute the same with the same weights.

    Raises:
        ExportError: if they do not.
    """
    made.load_state_dict(network.state_dict())
    made.to(next((t.dtype for t in network.parameters()), torch.float32))
    for training in (False, True):
        outputs = []
        for each in (copy.deepcopy(network), made):
            with torch.random.fork_rng(devices=[]), torch.no_grad():
                torch.manual_seed(0)
                outputs.append(list(_tensors(each.train(training)(example))))
        if len(outputs[0]) != len(outputs[1]) or not all(map(_close, *outputs)):
            mode = "training" if training else "evaluation"
            raise ExportError(
                f"what was written computes something else in {mode}",
                path="network",
                hint="Does a forward depend on more than its inputs and the module's settings?",
            )


def _close(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True)


def _tensors(output: Any) -> Iterator[Tensor]:
    """All tensors in what a forward returns."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        for inner in output.values():
            yield from _tensors(inner)
    elif isinstance(output, list | tuple):
        for inner in output:
            yield from _tensors(inner)


def _example(network: nn.Module, inputs: tuple[int, ...] | Tensor) -> Tensor:
    """A batch of random inputs, the same each time, of the network's type; or the one given.

    Raises:
        ExportError: if the network cannot run on it.
    """
    if isinstance(inputs, Tensor):
        batch = inputs
    else:
        dtype = next((t.dtype for t in network.parameters()), torch.float32)
        batch = torch.randn(_BATCH, *inputs, generator=torch.Generator().manual_seed(0)).to(dtype)
    try:
        with torch.no_grad():
            copy.deepcopy(network).eval()(batch)
    except Exception as error:  # whatever the user's code makes of a wrong shape
        raise ExportError(
            f"the network cannot run on a batch of shape {tuple(batch.shape)}: {error}",
            path="inputs",
        ) from error
    return batch


def _weights(network: nn.Module, state: Mapping[str, Any]) -> Mapping[str, Tensor]:
    """The network's state dict, or one inside what was saved.

    Raises:
        ExportError: if there is none.
    """
    own = _shapes(network.state_dict())
    found = list(_mappings(state))
    closest = max(found, key=lambda mapping: len(_shapes(mapping) & own))
    if _shapes(closest) == own:
        return closest
    name, shape = min(_shapes(closest) ^ own)
    where = "in the network" if (name, shape) in own else "in the state"
    raise ExportError(
        f"the saved state is not this network's: {name} {shape} is only {where}",
        path="state",
        hint="Does the function that builds make the network that was trained?",
    )


def _mappings(state: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(state, Mapping):
        yield state
        for inner in state.values():
            yield from _mappings(inner)


def _shapes(state: Mapping[str, Any]) -> set[tuple[str, tuple[int, ...]]]:
    return {(str(k), tuple(t.shape)) for k, t in state.items() if isinstance(t, Tensor)}


def _origin() -> str:
    return f"A network, written by archbo {version('archbo')} with PyTorch {torch.__version__}."
