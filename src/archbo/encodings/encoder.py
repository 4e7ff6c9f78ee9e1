"""All views of a batch of architectures as named blocks of columns.

Encoded of n rows:
    options, options.active      [n a]  options chosen inside cells and chains
    context, context.active      [n b]  options chosen elsewhere: the graph view does not show them
    sizes, sizes.active          [n c]  numbers on [0, 1] that the graph view shows
    numbers, numbers.active      [n e]  all other numbers on [0, 1]
    wl0, wl1, wl2                [n v]  multisets of colours after so many rounds of refinement
    features                     [n f]  standardised features of the graphs, and the user's
    and a block for each further encoding, by its name
A block without columns is left out; a space without any choice has one block, `constant`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from archbo.arrays import Array
from archbo.encodings.base import Encode, Encoding
from archbo.encodings.decisions import (
    alike,
    categorical_columns,
    numeric_columns,
    one_hot,
    shown_by_graphs,
)
from archbo.encodings.features import Standardiser
from archbo.encodings.graphs import counts, salted
from archbo.errors import ProblemError
from archbo.graphs.views import ROUNDS, GraphView
from archbo.kernels.blocks import Encoded, join_rows
from archbo.spaces import CompiledSpace, Rows

_CHUNK = 1024  # rows encoded at once: bounds the memory

_CORRELATED = 0.999  # a feature that says what an earlier one says is left out


class Encoder:
    """Encodes rows of one space; scales and choices of columns come from a reference sample.

    Args:
        space: the compiled space.
        reference: random rows of it.
        user_features: the user's features of rows [n u]; None if there are none.
        encodings: further ones.

    Attributes:
        groups: which of the options, and of the context, are of one group; see `alike`.

    Raises:
        ProblemError: if two blocks have the same name.
    """

    def __init__(
        self,
        space: CompiledSpace,
        reference: Rows,
        user_features: Callable[[Rows], Array] | None = None,
        encodings: Sequence[Encoding] = (),
    ) -> None:
        self.space = space
        self._user_features = user_features
        shown = shown_by_graphs(space)
        categorical, numeric = categorical_columns(space), numeric_columns(space)
        self._columns = {
            "options": categorical[shown[categorical]],
            "context": categorical[~shown[categorical]],
            "sizes": numeric[shown[numeric]],
            "numbers": numeric[~shown[numeric]],
        }
        self.groups = {name: alike(space, self._columns[name]) for name in ("options", "context")}
        self._shapes = True
        raw = self._raw_features(reference, space.views(reference))
        self._standardise = Standardiser.fit(raw)
        self._distinct = _distinct_columns(self._standardise(raw))
        # graphs that all have the same shape need not be measured again
        users = 0 if user_features is None else user_features(reference.take([0])).shape[1]
        self._shapes = bool((self._standardise.kept >= users).any())
        self._encodes: dict[str, Encode] = {}
        own = self.encode(reference.take(slice(0, 1)))
        for encoding in encodings:
            if encoding.name in own or encoding.name in self._encodes:
                raise ProblemError(f"two encodings are called {encoding.name!r}", path="encoding")
            self._encodes[encoding.name] = encoding.prepare(space, reference)
        self.reference: Encoded = self.encode(reference)
        nothing = reference.take(slice(0, 0))
        self._known: tuple[Rows, Encoded] = nothing, self.encode(nothing)

    def encode(self, rows: Rows) -> Encoded:
        """The blocks of these rows."""
        unit = self.space.to_unit(rows)
        blocks: dict[str, Array] = {}
        for name, columns in self._columns.items():
            if len(columns):
                source = rows.values if name in ("options", "context") else unit
                blocks[name] = source[:, columns]
                blocks[f"{name}.active"] = rows.active[:, columns]
        views = self.space.views(rows)
        if views:
            colours = [salted(seen.colours, path) for path, seen in views.items()]
            levels = np.concatenate(colours, axis=2)  # [n r v]
            blocks |= {f"wl{k}": levels[:, k] for k in range(ROUNDS + 1)}
        features = self._standardise(self._raw_features(rows, views))[:, self._distinct]
        if features.shape[1]:
            blocks["features"] = features
        if not blocks:
            blocks["constant"] = np.zeros((len(rows), 1))
        return blocks | {name: encode(rows) for name, encode in self._encodes.items()}

    def known(self, rows: Rows) -> Encoded:
        """The blocks of rows that come again and again, with more behind them each time."""
        old, encoded = self._known
        n = len(old)
        if n > len(rows) or not np.array_equal(old.values, rows.values[:n]):
            n, encoded = 0, self.encode(rows.take(slice(0, 0)))
        for start in range(n, len(rows), _CHUNK):
            part = rows.take(slice(start, min(start + _CHUNK, len(rows))))
            encoded = join_rows(encoded, self.encode(part))
        self._known = rows, encoded
        return encoded

    def _raw_features(self, rows: Rows, views: Mapping[str, GraphView]) -> Array:
        columns = [c for seen in views.values() for c in seen.shape.T] if self._shapes else []
        if self._user_features is not None:
            columns = [*self._user_features(rows).T, *columns]
        return np.stack(columns, axis=1) if columns else np.zeros((len(rows), 0))

    def design_points(self, rows: Rows) -> Array:
        """One Euclidean space for all views, for designs that spread over it, [n k].

        One-hot decisions, counts of operations and features, weighted so that the views count
        about equally.
        """
        blocks = self.encode(rows)
        hot = one_hot(self.space, rows)
        decisions = max(1, len(categorical_columns(self.space)) + len(numeric_columns(self.space)))
        points = [hot / np.sqrt(2 * decisions)]
        if "wl0" in blocks:
            points.append(0.7 * counts(blocks["wl0"])[0])
        if "features" in blocks:
            points.append(0.5 * blocks["features"])
        return np.concatenate(points, axis=1)


def _distinct_columns(features: Array) -> Array:
    """The columns that no earlier column determines linearly, pair by pair."""
    if features.shape[1] < 2:
        return np.arange(features.shape[1])
    correlation = np.abs(np.corrcoef(features.T))
    kept: list[int] = []
    for k in range(len(correlation)):
        if not kept or correlation[k, kept].max() < _CORRELATED:
            kept.append(k)
    return np.array(kept, dtype=np.int64)
