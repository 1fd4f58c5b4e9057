"""Training a Madaline: epochs, starts, and the pocket that keeps the best."""

from dataclasses import dataclass

import numpy as np

from skextra._base import frozen
from skextra._kernels._madaline_rules import mri_epoch, mrii_epoch

# Numbers multiplied in an epoch, times starts: what 'auto' affords, between so many starts.
_AFFORDABLE = 2_000_000
_FEWEST, _MOST = 3, 100
# How much longer later starts may go without progress: they are for problems that are hard.
_LATER = 3


def automatic_starts(n, n_units, fan):
    """Return how many starts n patterns may have with so many units of `fan` weights."""
    return int(np.clip(_AFFORDABLE // (n * n_units * fan), _FEWEST, _MOST))


@dataclass
class Rule:
    """MRII or MRI with its parameters."""

    name: str
    learning_rate: float
    dead_zone: float
    usage_gain: float
    max_candidates: int
    pair_trials: bool
    acceptance: str

    def epoch(self, X, order, targets, network, usage):
        """Present the patterns once, in that order; return how often something was adapted.

        The network is changed in place.
        """
        real = X.dtype.type
        if self.name == "mri":
            rate = real(self.learning_rate)
            return mri_epoch(X, order, targets, network.hidden, rate, network.need)
        return mrii_epoch(
            X,
            order,
            targets,
            network.hidden,
            network.output,
            usage,
            real(self.learning_rate),
            real(self.dead_zone),
            float(self.usage_gain),
            min(self.max_candidates, len(network.hidden)),
            bool(self.pair_trials),
            self.acceptance == "hinge",
        )


@dataclass
class Outcome:
    """What training came to; `curve` is the share of wrong patterns after each epoch."""

    network: object
    wrong: int
    curve: np.ndarray
    n_starts: int


class Pocket:
    """The best network so far: the last of the first start that had so few errors."""

    def __init__(self):
        self.network, self.wrong, self._start = None, np.inf, 0

    def offer(self, network, wrong, start):
        """Keep a copy of the network if it gets fewer patterns wrong, or as few a little later."""
        if wrong < self.wrong or (wrong == self.wrong and start == self._start):
            self.network, self.wrong, self._start = network.copy(), wrong, start


def train(X, targets, by_signs, order, starts, allowed, max_iter, patience, random_state, report):
    """Train from one start after another until at most `allowed` patterns are wrong.

    `starts` yields (network, rule). Every epoch presents the patterns in a new random order,
    because in a fixed one the rules can go round in circles. The first start ends when there is
    nothing left to adapt, after `max_iter` epochs, or after `patience` epochs without fewer
    errors: without errors it goes on for a while, which widens the margins. Later starts end when
    they make no error, and have thrice the patience; ``report(network)`` hears of every epoch and
    may end it all.
    """
    X, targets = frozen(X), frozen(targets)
    pocket, first_patience = Pocket(), patience
    curve, n_starts, asked = [], 0, False
    for network, rule in starts:
        n_starts += 1
        usage = np.zeros(len(network.hidden))
        wrong = network.count_wrong(X, targets, by_signs)
        pocket.offer(network, wrong, n_starts)
        fewest, idle = wrong, 0
        for _ in range(max_iter if wrong or n_starts == 1 else 0):
            adapted = rule.epoch(X, random_state.permutation(order), targets, network, usage)
            wrong = network.count_wrong(X, targets, by_signs)
            curve.append(wrong / len(X))
            pocket.offer(network, wrong, n_starts)
            fewest, idle = (wrong, 0) if wrong < fewest else (fewest, idle + 1)
            asked = report(pocket.network)
            done = wrong == 0 and (n_starts > 1 or adapted == 0)
            if done or idle >= patience or asked:
                break
        if pocket.wrong <= allowed or asked:
            break
        patience = first_patience * _LATER
    return Outcome(pocket.network, pocket.wrong, np.array(curve), n_starts)
