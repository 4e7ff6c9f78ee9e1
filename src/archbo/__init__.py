"""Bayesian optimization of neural network architectures."""
