"""Cache: compiled networks, kept for the fits and the predictions to come."""

import weakref
from collections import OrderedDict

from skextra.cnn._keras import LOCK

# Compiled networks for any weights. Making one takes 0.15 s (benchmarks/network_constants.py), so
# there may be more than of those to be trained, which are kept here as well.
_MOST_NETWORKS = 16


class NetworkCache:
    """Networks by the key of their design, and by the weights of fitted estimators."""

    def __init__(self):
        self._by_key = OrderedDict()
        self._by_weights = {}

    def keep(self, key, network):
        """Keep the network of a design, in place of the least recently used."""
        if key is None:
            return
        with LOCK:
            self._by_key.setdefault(key, network)
            self._by_key.move_to_end(key)
            while len(self._by_key) > _MOST_NETWORKS:
                self._by_key.popitem(last=False)

    def attach(self, weights, network):
        """Keep a network and weights as the tensors that it computes with, while these live.

        The weights become read-only, so that the tensors stay equal to them.
        """
        for weight in weights:
            weight.flags.writeable = False
        number = id(weights[-1])
        marks = [weakref.ref(weight) for weight in weights]
        marks[-1] = weakref.ref(weights[-1], lambda _: self._by_weights.pop(number, None))
        entry = marks, network, network.tensors(weights)
        self._by_weights[number] = entry
        return entry

    def find(self, weights, key, make):
        """Return the network of weights, made by `make` if there is none, and them as tensors."""
        entry = self._by_weights.get(id(weights[-1]))
        if entry is None or not _are(entry[0], weights):
            with LOCK:
                network = self._by_key.get(key) if key is not None else None
                if network is None:
                    network = make()
                    self.keep(key, network)
                network.check(weights)
                entry = self.attach(weights, network)
        return entry[1:]


def _are(marks, weights):
    pairs = zip(marks, weights, strict=False)
    return len(marks) == len(weights) and all(mark() is weight for mark, weight in pairs)


NETWORKS = NetworkCache()
