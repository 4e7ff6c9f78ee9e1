"""How many different strings rules derive, each counted once however it is derived.

A language is that of a term within a depth: the term with its rules replaced by what they derive;
it says, too, whether the term is a network or a parameter.
A set of languages stands for their intersection. All terms with one outermost name and given
languages of its arguments are a box; an intersection of languages is a union of boxes.
"""

from __future__ import annotations

from math import prod

from archbo.spaces.grammars.rules import Rules
from archbo.spaces.grammars.terms import Term

_Language = tuple[Term, int, bool]
_Languages = frozenset[_Language]
_Box = tuple[_Languages, ...]


class Languages:
    """Counts what rules derive; remembers what it has counted."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._counts: dict[_Languages, int] = {}

    def size(self, term: Term, depth: int, *, network: bool) -> int:
        """How many strings a term derives within a depth."""
        return self._common(frozenset({(term, depth, network)}))

    def overlap(self, a: Term, b: Term, depth: int, *, network: bool) -> bool:
        """Whether some string is derived from both terms within a depth."""
        return self._common(frozenset({(a, depth, network), (b, depth, network)})) > 0

    def _common(self, languages: _Languages) -> int:
        """How many strings are in all the languages."""
        shallowest: dict[tuple[Term, bool], int] = {}
        for term, depth, network in languages:  # the deeper language of a term holds the shallower
            key = term, network
            shallowest[key] = min(depth, shallowest.get(key, depth))
        languages = frozenset((term, depth, n) for (term, n), depth in shallowest.items())
        if languages not in self._counts:
            first, *others = (self._boxes(language) for language in languages)
            for boxes in others:
                first = {
                    name: [_both(a, b) for a in first[name] for b in boxes[name]]
                    for name in first.keys() & boxes.keys()
                }
            self._counts[languages] = sum(map(self._united, first.values()))
        return self._counts[languages]

    def _boxes(self, language: _Language) -> dict[tuple[str, int], list[_Box]]:
        """The boxes of a language by outermost name and number of arguments."""
        term, depth, network = language
        if not self.rules.is_rule(term):
            joint = self.rules.is_joint(term)
            inner = depth if joint or not network else self.rules.max_depth
            box = tuple(frozenset({(arg, inner, joint)}) for arg in term.args)
            return {(term.name, len(term.args)): [box]}
        found: dict[tuple[str, int], list[_Box]] = {}
        for body in self.rules.offered(term.name, depth):
            for name, boxes in self._boxes((body, depth - 1, network)).items():
                found.setdefault(name, []).extend(boxes)
        return found

    def _united(self, boxes: list[_Box]) -> int:
        """How many strings are in any of the boxes, by inclusion and exclusion."""
        boxes = [box for box in dict.fromkeys(boxes) if self._box_size(box)]
        if not boxes:
            return 0
        first, *others = boxes
        repeated = self._united([_both(first, box) for box in others])
        return self._box_size(first) + self._united(others) - repeated

    def _box_size(self, box: _Box) -> int:
        return prod(map(self._common, box))


def _both(a: _Box, b: _Box) -> _Box:
    """The box of what is in two boxes."""
    return tuple(p | q for p, q in zip(a, b, strict=True))
