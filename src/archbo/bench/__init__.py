"""Proof: methods side by side on recorded benchmarks."""
