#!/usr/bin/env bash
# scikit-learn 1.9.1: dir(estimator) evaluates every property, and the HTML representation twice.
#
# A good guess: dir() lists names, and showing an estimator in a notebook reads its parameters.
# Seen: BaseEstimator.__dir__ asks hasattr for every name, so that properties are computed, and
# the HTML representation, which lists fitted attributes, computes those that end in an underscore
# once more. A property that builds or imports something costly does so each time; one that raises
# anything but AttributeError breaks dir(), completion and the representation.
#
# Output seen:
#   dir(): computed 1 times; ImportError breaks it: True
#   _repr_html_(): computed 2 times; ImportError breaks it: True
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet scikit-learn==1.9.1 numpy==2.4.6
"$dir/venv/bin/python" - <<'PY'
from sklearn.base import BaseEstimator


class Costly(BaseEstimator):
    computed, broken = 0, False

    def fit(self, X=None, y=None):
        self.coef_ = 1
        return self

    @property
    def model_(self):
        Costly.computed += 1
        if Costly.broken:
            raise ImportError("no such library")
        return 0


estimator = Costly().fit()
for name, show, times in (("dir()", dir, 1), ("_repr_html_()", lambda e: e._repr_html_(), 2)):
    Costly.computed, Costly.broken = 0, False
    show(estimator)
    seen = Costly.computed
    Costly.broken = True
    try:
        show(estimator)
        breaks = False
    except ImportError:
        breaks = True
    print(f"{name}: computed {seen} times; ImportError breaks it: {breaks}")
    assert seen == times and breaks, "the behaviour has changed"
PY
