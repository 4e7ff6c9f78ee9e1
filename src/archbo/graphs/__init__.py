"""Labelled directed acyclic graphs: batches, canonical forms, refinement, drawings."""
