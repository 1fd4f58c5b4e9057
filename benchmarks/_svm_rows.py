"""A row of bench_svm.py: data, our estimator and its peers, and how they compare."""

import multiprocessing
import statistics
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from _interleaved import timed
from sklearn.base import clone
from sklearn.kernel_approximation import Nystroem
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

_SLOW = 5.0  # seconds of a fit beyond which there is one repeat


@dataclass(frozen=True)
class Row:
    """What is fitted to what.

    Attributes
    ----------
    name : str
        What the data are.
    data : tuple
        (X, y) for five folds, or (X, y, X_test, y_test).
    models : dict
        Names and estimators, ours first.
    balanced : bool
        Whether the accuracy is the mean of those of the classes.
    """

    name: str
    data: tuple[Any, ...]
    models: dict[str, Any]
    balanced: bool = False

    def parts(self):
        """Yield (X, y, X_test, y_test): five folds, or the same parts three times."""
        if len(self.data) == 4:
            yield from [self.data] * 3
            return
        X, y = self.data
        for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y):
            yield X[train], y[train], X[test], y[test]

    def print(self):
        """Fit all models in turn on each part, and print a line for each.

        Ratios are medians of the peer's time divided by ours, part by part. Differences of
        accuracy are means over the parts, with their standard error where parts are folds.
        """
        score = balanced_accuracy_score if self.balanced else accuracy_score
        fits, predictions, scores = ({name: [] for name in self.models} for _ in range(3))
        for number, (X, y, X_test, y_test) in enumerate(self.parts()):
            for name, model in self.models.items():
                if number and len(self.data) == 4 and fits[name][0] > _SLOW:
                    continue
                model = clone(model)
                if name == next(iter(self.models)):
                    model.set_params(random_state=number)
                seconds, _ = timed(lambda model=model, X=X, y=y: model.fit(X, y))
                fits[name].append(seconds)
                seconds, labels = timed(lambda model=model, X=X_test: model.predict(X))
                predictions[name].append(seconds)
                scores[name].append(100 * score(y_test, labels))
        print(f"\n{self.name}")
        ours = next(iter(self.models))
        for name, model in self.models.items():
            ratios = [_ratio(times[name], times[ours]) for times in (fits, predictions)]
            lost = np.subtract(scores[ours][: len(scores[name])], scores[name])
            error = np.std(lost) / max(len(lost) - 1, 1) ** 0.5
            grown = f"{memory(model, *self.data[:2]):>7.0f}" if sys.platform == "linux" else ""
            print(
                f"{name:<28} {statistics.median(fits[name]):>8.3f} {ratios[0]:>6.2f}x "
                f"{statistics.median(predictions[name]):>8.4f} {ratios[1]:>6.2f}x "
                f"{np.mean(scores[name]):>8.2f} {f'{lost.mean():+.2f} ({error:.2f})':>14} {grown}",
                flush=True,
            )


HEADER = (
    f"{'':<28} {'fit, s':>8} {'ratio':>7} {'predict':>8} {'ratio':>7} {'accuracy':>8} "
    f"{'ours less it':>14} {'MiB':>7}"
)


def _ratio(peer, ours):
    count = min(len(peer), len(ours))
    return float(np.median(np.divide(peer[:count], ours[:count])))


def nystroem(X, n_components, **options):
    """Return Nystroem with gamma='scale' and a LinearSVC."""
    gamma = 1 / (X.shape[1] * X.var(dtype=float))
    kernel_map = Nystroem(gamma=gamma, n_components=n_components, random_state=0)
    return make_pipeline(kernel_map, LinearSVC(**options))


def _resident(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field))


def _child(model, X, y, queue):
    with open("/proc/self/clear_refs", "w") as clear:
        clear.write("5")  # reset the peak
    before = _resident("VmRSS")
    model.fit(X, y)
    queue.put(_resident("VmHWM") - before)


def memory(model, X, y):
    """Return the growth in MiB of a process that fits the model; needs Linux."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    child = context.Process(target=_child, args=(clone(model), X, y, queue))
    child.start()
    grown = queue.get()
    child.join()
    return grown / 1024
