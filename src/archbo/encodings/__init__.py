"""Rows and graphs as arrays."""

from archbo.encodings.encoder import Blocks, Encoder

__all__ = ["Blocks", "Encoder"]
