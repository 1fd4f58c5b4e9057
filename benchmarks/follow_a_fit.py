"""How far a reader travels who follows one fit: modules, functions, switches between modules.

Uses sys.setprofile on a second fit to count the modules and functions of skextra that it passes
through, and the calls from one module of skextra into another.

Usage: OMP_NUM_THREADS=1 python benchmarks/follow_a_fit.py [WORD] [--list]
WORD selects the estimators whose name contains it; --list prints the functions in the order of
their first call, indented by depth.
"""

import argparse
import sys
import warnings
from pathlib import Path

from sklearn.datasets import load_digits, make_blobs

import skextra

PACKAGE = str(Path(skextra.__file__).parent)


def fits():
    """Yield (name, estimator, X, y) of one typical fit of each estimator."""
    blobs = make_blobs(30_000, 10, centers=30, random_state=0)
    digits = load_digits(return_X_y=True)
    few = digits[0][:300], digits[1][:300]
    yield "KMeansPP", skextra.KMeansPP(30, random_state=0), *blobs
    yield "FeatureMapSVM", skextra.FeatureMapSVM(random_state=0), *digits
    yield "LMSRegressor", skextra.LMSRegressor(random_state=0), *digits
    yield "Adaline", skextra.Adaline(random_state=0), digits[0], digits[1] > 4
    yield "Madaline", skextra.Madaline(random_state=0, max_iter=20), *few
    yield "CNNClassifier", skextra.CNNClassifier(epochs=2, random_state=0), *digits


class Follower:
    """Records the frames of skextra that are entered."""

    def __init__(self):
        self.modules, self.functions, self.switches = set(), {}, 0

    def __call__(self, frame, event, _argument):
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(PACKAGE):
            return
        if code.co_name == "<genexpr>":  # part of the line that contains it
            return
        depth, nearest, caller = 0, None, frame.f_back
        while caller is not None:
            if caller.f_code.co_filename.startswith(PACKAGE):
                depth += 1
                nearest = nearest or caller.f_code.co_filename
            caller = caller.f_back
        self.modules.add(code.co_filename)
        self.functions.setdefault(code, depth)
        self.switches += nearest is not None and nearest != code.co_filename


def main():
    """Print a row for each estimator."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("word", nargs="?", default="")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"{'':16}{'modules':>9}{'functions':>11}{'switches':>10}")
    for name, model, X, y in fits():
        if options.word not in name:
            continue
        model.fit(X, y)
        follower = Follower()
        sys.setprofile(follower)
        model.fit(X, y)
        sys.setprofile(None)
        counts = len(follower.modules), len(follower.functions), follower.switches
        print("{:16}{:9}{:11}{:10}".format(name, *counts))
        for code, depth in follower.functions.items() if options.list else ():
            place = Path(code.co_filename).relative_to(PACKAGE)
            print(f"  {'  ' * depth}{code.co_qualname} ({place})")


if __name__ == "__main__":
    main()
