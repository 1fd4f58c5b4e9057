"""What the tests of CNNClassifier share."""

from numpy.testing import assert_array_equal

# A network that takes next to no time.
SMALL = {"filters": 8, "dense_units": (), "epochs": 2, "random_state": 0}


def same(one, two):
    """Assert that two classifiers have the same weights, bit for bit."""
    assert len(one.weights_) == len(two.weights_) > 0
    for a, b in zip(one.weights_, two.weights_, strict=True):
        assert_array_equal(a, b)
