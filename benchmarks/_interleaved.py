"""Interleaved: calls that are timed in turn, so that all of them meet the same load."""

import time
from dataclasses import dataclass

import numpy as np

_MOST = 400  # repeats of a pair: more would not change the second digit of a median


@dataclass(frozen=True)
class Comparison:
    """Medians over repeats, in seconds, and the median of the peer's time / ours, with quartiles.

    The ratio is taken pair by pair: the two calls of a pair follow each other, so that what slows
    one of them for longer slows both.
    """

    ours: float
    peer: float
    ratio: float
    lower: float
    upper: float

    @classmethod
    def of(cls, seconds):
        """Return the comparison of rows of (our seconds, the peer's)."""
        ours, peer = np.transpose(seconds)
        lower, ratio, upper = np.quantile(peer / ours, [0.25, 0.5, 0.75])
        return cls(*map(float, (np.median(ours), np.median(peer), ratio, lower, upper)))

    def __str__(self):
        return (
            f"{in_ms(self.ours):>9} {in_ms(self.peer):>9} {self.ratio:>6.2f}x "
            f"{f'({self.lower:.2f}-{self.upper:.2f})':>14}"
        )


def in_ms(seconds):
    """Return a time as text, in milliseconds with three digits or all before the point."""
    return f"{1e3 * seconds:.{max(0, 2 - int(np.floor(np.log10(1e3 * seconds))))}f}"


def clock(call, timer=time.perf_counter):
    """Return the seconds that a call takes."""
    return timed(call, timer)[0]


def timed(call, timer=time.perf_counter):
    """Return (seconds, result) of a call."""
    start = timer()
    result = call()
    return timer() - start, result


def in_turn(calls, repeats, timer=time.perf_counter):
    """Return the seconds of calls that take turns: an array of shape (repeats, calls).

    Every other round runs in reverse, so that none always finds the caches as another left them.
    """
    seconds = np.empty((repeats, len(calls)))
    for i in range(repeats):
        for j in range(len(calls))[:: -1 if i % 2 else 1]:
            seconds[i, j] = clock(calls[j], timer)
    return seconds


def medians(calls, repeats, timer=time.perf_counter):
    """Return the median seconds of each of several calls that take turns."""
    return np.median(in_turn(calls, repeats, timer), axis=0)


def repeats_within(seconds, calls, fewest=3, timer=time.perf_counter):
    """Return how often calls can take turns in so many seconds, after one round that warms up."""
    for call in calls:
        call()
    round_of_all = sum(clock(call, timer) for call in calls)
    return int(np.clip(seconds / round_of_all, fewest, _MOST))


def geometric_mean(values):
    """Return the geometric mean."""
    return float(np.exp(np.mean(np.log(list(values)))))
