"""Training a Madaline: epochs, starts, and the pocket that keeps the best network."""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skextra._callbacks import EpochReporter
from skextra._kernels._madaline_forward import Room, count_wrong, count_wrong_by_logic
from skextra._kernels._madaline_rules import RuleSettings, mri_epoch, mrii_epoch
from skextra._madaline._network import Network, Shape
from skextra._typing import FloatArray

# Multiplications of an epoch, times starts, that `n_init='auto'` affords, and the fewest and the
# most starts. More starts solve more hard problems and cost as many fits. At least three let the
# later kind of start try; parities of few bits, whose epochs cost little, may need tens
# (examples/adaptive/plot_madaline_starts.py counts how often starts succeed).
_AFFORDABLE = 2_000_000
_FEWEST, _MOST = 3, 100
# Factor on the epochs that later starts may go without progress: they are for hard problems.
_LATER_PATIENCE = 3
# Output weights of the first start and of later ones are drawn up to these, and the dead zone of
# later ones is divided by that. Near zero the patterns decide what the outputs become, which
# generalises best. Large weights and a small dead zone suit Boolean functions, in which few units
# must all be right: the parities of benchmarks/bench_madaline.py.
_FIRST_SPREAD, _LATER_SPREAD = 0.01, 1.0
_LATER_DEAD_ZONE = 5


def automatic_starts(n: int, shape: Shape) -> int:
    """Return how many starts n patterns may have."""
    fan = shape.n_features + shape.n_outputs
    return int(np.clip(_AFFORDABLE // (n * shape.n_units * fan), _FEWEST, _MOST))


def first_draw(random_state: np.random.RandomState, shape: Shape, dtype: DTypeLike) -> Network:
    """Return the network that a first start begins with."""
    return Network.draw(random_state, shape, _FIRST_SPREAD, dtype)


@dataclass(frozen=True)
class Rule:
    """The parameters of MRII, of which MRI uses the learning rate alone."""

    learning_rate: float
    dead_zone: float
    usage_gain: float
    max_candidates: int
    pair_trials: bool
    acceptance: Literal["hinge", "hamming"]

    def of_later_starts(self) -> "Rule":
        """Return the rule of the starts after the first."""
        return replace(self, dead_zone=self.dead_zone / _LATER_DEAD_ZONE, pair_trials=False)

    def settings(self, network: Network) -> RuleSettings:
        """Return what the compiled loops take, in the dtype of the network."""
        real = network.hidden.dtype.type
        return RuleSettings(
            real(self.learning_rate),
            real(self.dead_zone),
            float(self.usage_gain),
            bool(self.pair_trials),
            self.acceptance == "hinge",
        )

    def room(self, network: Network) -> Room:
        """Return the room that the compiled loops need beside the network."""
        n_hidden, dtype = len(network.hidden), network.hidden.dtype
        candidates = np.empty(min(self.max_candidates, n_hidden), np.int64)
        outputs = np.empty(network.n_outputs, dtype)
        return Room(np.empty(n_hidden, dtype), outputs, candidates, np.empty(n_hidden))


def present(
    X: FloatArray,
    order: NDArray[np.intp],
    targets: FloatArray,
    network: Network,
    usage: NDArray[np.float64],
    settings: RuleSettings,
    room: Room,
) -> int:
    """Present the patterns once, in that order; return how many made something adapt.

    The network is changed in place, by MRI if its outputs are a fixed logic.
    """
    if network.need:
        return mri_epoch(X, order, targets, tuple(network), settings.rate, tuple(room))
    return mrii_epoch(X, order, targets, tuple(network), usage, tuple(settings), tuple(room))


class Patterns(NamedTuple):
    """Patterns with targets of +1 and -1.

    A decision is the signs of all outputs if `by_signs`, else the largest output. `order` depends
    on the content of the patterns alone; every epoch shuffles it.
    """

    X: FloatArray
    targets: FloatArray
    by_signs: bool
    order: NDArray[np.intp]


class Limits(NamedTuple):
    """When training ends; with up to `allowed` wrong patterns there is no other start."""

    n_starts: int
    max_iter: int
    patience: int
    allowed: int


class Training:
    """The starts of one fit, and the pocket: the best network so far.

    That is the last one, of the first start that had so few errors.
    """

    network: Network
    wrong: float  # patterns
    curve: list[float]  # the share of them after each epoch
    n_starts: int

    def __init__(
        self,
        patterns: Patterns,
        limits: Limits,
        random_state: np.random.RandomState,
        reporter: EpochReporter[Network],
    ) -> None:
        self._patterns, self._limits = patterns, limits
        self._random_state, self._reporter = random_state, reporter
        self.network, self.wrong, self._best_start = None, np.inf, 0
        self.curve, self.n_starts = [], 0

    def run(self, shape: Shape, rule: Rule, given: Network | None) -> None:
        """Train from one start after another until few enough patterns are wrong.

        The first start has the network `given`, unless that is None.
        """
        dtype, patience = self._patterns.X.dtype, self._limits.patience
        while self.n_starts < self._limits.n_starts:
            if self.n_starts == 0:
                # Drawn even if it is not used, so that later starts are the same.
                drawn = first_draw(self._random_state, shape, dtype)
                network = drawn if given is None else given
            else:
                network = Network.draw(self._random_state, shape, _LATER_SPREAD, dtype)
            self.n_starts += 1
            self._start(network, rule, patience)
            if self.wrong <= self._limits.allowed or self._reporter.was_stopped:
                break
            if self.n_starts == 1:
                rule, patience = rule.of_later_starts(), patience * _LATER_PATIENCE

    def _start(self, network: Network, rule: Rule, patience: int) -> None:
        """Train one network, epoch after epoch.

        Every epoch presents the patterns in a new random order, because in a fixed one the rules
        can go round in circles. The first start ends when there is nothing left to adapt, after
        `max_iter` epochs, or after `patience` epochs without fewer errors: without errors it goes
        on for a while, which widens the margins. Later starts end when they make no error.
        """
        X, targets, by_signs, order = self._patterns
        usage, settings = np.zeros(len(network.hidden)), rule.settings(network)
        room, count = rule.room(network), count_wrong_by_logic if network.need else count_wrong
        wrong = fewest = count(X, tuple(network), targets, by_signs, tuple(room))
        self._offer(network, wrong)
        idle, is_first = 0, self.n_starts == 1
        for _ in range(self._limits.max_iter if wrong or is_first else 0):
            shuffled = self._random_state.permutation(order)
            adapted = present(X, shuffled, targets, network, usage, settings, room)
            wrong = count(X, tuple(network), targets, by_signs, tuple(room))
            self.curve.append(wrong / len(X))
            self._offer(network, wrong)
            fewest, idle = (wrong, 0) if wrong < fewest else (fewest, idle + 1)
            asked = self._reporter.epoch(self.network)
            done = wrong == 0 and (adapted == 0 or not is_first)
            if done or idle >= patience or asked:
                break

    def _offer(self, network: Network, wrong: int) -> None:
        """Keep a copy of the network if fewer patterns are wrong, or as few a little later."""
        if wrong < self.wrong or (wrong == self.wrong and self.n_starts == self._best_start):
            hidden, output, *rest = network
            self.network = Network(hidden.copy(), output.copy(), *rest)
            self.wrong, self._best_start = wrong, self.n_starts
