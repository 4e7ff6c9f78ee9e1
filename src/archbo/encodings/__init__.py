"""Rows and graphs as arrays."""

from archbo.encodings.encoder import Encoder

__all__ = ["Encoder"]
