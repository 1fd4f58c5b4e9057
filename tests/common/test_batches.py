"""Batches of rows are scikit-learn's."""

import pytest
from sklearn.utils import gen_batches

from skextra._common._batches import batches


@pytest.mark.parametrize("n, size", [(1, 3), (3, 3), (7, 3), (5, 100)])
def test_batches_are_those_of_gen_batches(n, size):
    assert list(batches(n, size)) == list(gen_batches(n, size))


def test_no_rows_have_no_batches():
    assert list(batches(0, 3)) == []
