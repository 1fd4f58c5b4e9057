"""Augmentation: images are moved as the parameter says."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from skextra.cnn._training._augmentation import augmented


def test_augmentation_moves_as_it_says():
    rng = np.random.default_rng(0)
    images = rng.uniform(0.1, 1, (50, 8, 6, 2)).astype(np.float32)

    def moved(**amounts):
        return augmented(images, sorted(amounts.items()), np.array([1, 2], np.int32)).numpy()

    assert_allclose(moved(), images, atol=1e-6)
    assert_array_equal(moved(shift=2, zoom=0.1), moved(shift=2, zoom=0.1))
    seen = set()
    for before, after in zip(images, moved(shift=2), strict=True):
        fits = [
            (down, right)
            for down in range(-2, 3)
            for right in range(-2, 3)
            if np.allclose(after, shifted(before, down, right), atol=1e-6)
        ]
        assert len(fits) == 1
        seen.update(fits)
    assert len(seen) > 15
    for flip, axis in (("horizontal", 1), ("vertical", 0)):
        pairs = list(zip(images, moved(flip=flip), strict=True))
        mirrored = [
            np.allclose(after, np.flip(before, axis), atol=1e-6) for before, after in pairs
        ]
        kept = [np.allclose(after, before, atol=1e-6) for before, after in pairs]
        assert_array_equal(np.add(mirrored, kept), 1)
        assert 10 < sum(mirrored) < 40
    # What is turned or zoomed about the centre leaves the centre where it is.
    spot = np.zeros((20, 9, 9, 1), np.float32)
    spot[:, 4, 4] = 1
    turned = augmented(spot, [("rotation", 40), ("zoom", 0.3)], np.array([1, 2]))
    assert_allclose(turned.numpy()[:, 4, 4], 1, atol=1e-5)
    signals = augmented(images[:, :1], [("rotation", 90), ("shift", 1)], [0, 1])
    assert signals.shape == (50, 1, 6, 2)
    assert signals.numpy().any(axis=(1, 2, 3)).all()


def shifted(image, down, right):
    result = np.zeros_like(image)
    height, width = image.shape[:2]
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                result[row, column] = image[row - down, column - right]
    return result
