"""Rows of encodings are counted, taken and joined."""

import numpy as np

from archbo.kernels.blocks import count_rows, join_rows, rows


def test_rows_are_taken_by_slice_and_by_position():
    encoded = {"f": np.arange(6.0).reshape(3, 2), "g": np.arange(3)[:, None]}
    assert count_rows(encoded) == 3
    assert count_rows({}) == 0
    np.testing.assert_array_equal(rows(encoded, slice(1, 3))["g"], [[1], [2]])
    np.testing.assert_array_equal(rows(encoded, np.array([2, 0]))["f"], [[4, 5], [0, 1]])


def test_joined_multisets_are_padded_to_the_wider():
    a = {"labels": np.array([[1, 2, 3]], dtype=np.uint64)}
    b = {"labels": np.array([[4], [5]], dtype=np.uint64)}
    expected = np.array([[1, 2, 3], [4, 0, 0], [5, 0, 0]], dtype=np.uint64)
    for joined in (join_rows(a, b)["labels"], join_rows(b, a)["labels"][[2, 0, 1]]):
        np.testing.assert_array_equal(joined, expected)
        assert joined.dtype == np.uint64
