"""The colours of operations in drawings."""

from __future__ import annotations

from hashlib import blake2b
from math import cos, radians, sin

LIGHTNESS = 0.52  # white text on it is readable, it is visible on white and on black
VIVID = 0.105
HUES = (
    (("skip", "identity"), 260.0, 0.015),
    (("sep",), 290.0, VIVID),
    (("dil",), 330.0, VIVID),
    (("conv", "linear", "dense"), 250.0, VIVID),
    (("max",), 60.0, VIVID),
    (("avg", "pool"), 155.0, VIVID),
    (("attention", "attn"), 20.0, VIVID),
)


def colour(name: str) -> str:
    """The colour of an operation, the same in every drawing, dark enough for white text.

    Relatives look related: the kind of operation gives the hue, its size turns it a little.
    """
    lower = name.lower()
    for words, hue, chroma in HUES:
        if any(word in lower for word in words):
            size = next((int(c) for c in lower if c.isdigit()), 3)
            return _srgb(LIGHTNESS, chroma, hue + 14.0 * (min(size, 9) - 3))
    digest = int.from_bytes(blake2b(name.encode(), digest_size=4).digest(), "big")
    return _srgb(LIGHTNESS, VIVID, digest % 360)


def _srgb(lightness: float, chroma: float, hue: float) -> str:
    """A colour of equal lightness for every hue, as #rrggbb.

    Source: Ottosson 2020, "A perceptual color space for image processing" (Oklab).
    """
    a, b = chroma * cos(radians(hue)), chroma * sin(radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    gamma = (
        1.055 * max(c, 0.0) ** (1 / 2.4) - 0.055 if c > 0.0031308 else 12.92 * c for c in linear
    )
    return "#" + "".join(f"{round(255 * min(max(c, 0.0), 1.0)):02x}" for c in gamma)
