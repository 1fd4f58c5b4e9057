"""Write the tables of docs/checks.rst: which checks of scikit-learn each estimator passes.

``make checks`` runs this script with the report of a run of tests/test_contract.py. The script
checks the peers itself; those that are not installed are omitted.
"""

import os
import re
import sys
import warnings
from collections import Counter, defaultdict
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

RESULTS = Path(__file__).parent / "checks_results"
PLACE = re.compile(r"test_(\w+)\[(.*)\]$")
CASE = re.compile(r"test_sklearn_checks\[(\w+)(\(.*\))-(check_\w+)(?:\(.*\))?\]$", re.DOTALL)
# Headers of narrow columns.
SHORT = {
    "LMSRegressor": "LMS",
    "TappedDelayLine": "Delay line",
    "FeatureMapSVM": "SVM",
    "CNNClassifier": "CNN",
}


def read_report(path):
    """Return {estimator: {check: Counter of outcomes}}, {estimator: set of configurations}."""
    outcomes, configurations = defaultdict(lambda: defaultdict(Counter)), defaultdict(set)
    for case in ElementTree.parse(path).iter("testcase"):
        found = CASE.match(case.get("name"))
        if found:
            estimator, configuration, check = found.groups()
            kinds = [child.tag for child in case if child.tag in ("skipped", "failure", "error")]
            outcomes[estimator][check][kinds[0] if kinds else "passed"] += 1
            configurations[estimator].add(configuration)
    return outcomes, configurations


def spelt(check):
    """Return the name of a check in words, which can be wrapped."""
    return check.removeprefix("check_").replace("_", " ")


def read_places(path, estimators):
    """Return {name of a test in words: set of the estimators for which it passed}."""
    passed, failed = defaultdict(set), set()
    for case in ElementTree.parse(path).iter("testcase"):
        found = PLACE.match(case.get("name"))
        if found is None or "test_contract" in case.get("classname"):
            continue
        what = spelt(found[1])
        for estimator in set(found[2].split("-")) & set(estimators):
            passed[what].add(estimator)
            if any(child.tag in ("failure", "error", "skipped") for child in case):
                failed.add((what, estimator))
    for what, estimator in failed:
        passed[what].discard(estimator)
    return passed


def cell(counter):
    """Return the table entry for one check of one estimator."""
    if not counter:
        return "–"
    bad = ", ".join(f"{n} {kind}" for kind, n in counter.items() if kind != "passed")
    return f"{counter['passed']}" + (f" ({bad})" if bad else "")


def table(rows, header, widths=None):
    """Return a table in reStructuredText."""
    lines = [".. list-table::", "   :header-rows: 1"]
    if widths is not None:
        lines.append(f"   :widths: {widths}")
    for row in [header, *rows]:
        lines += ["", *(f"   {'* -' if i == 0 else '  -'} {each}" for i, each in enumerate(row))]
    return "\n".join(lines) + "\n"


def network(meta):
    """Return a small network, in the form that scikeras requires."""
    import keras

    return keras.Sequential(
        [
            keras.Input((meta["n_features_in_"],)),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(meta["n_classes_"], activation="softmax"),
        ]
    )


def compiled(X, y):
    """Return the same network, in the form that Keras's wrapper requires."""
    import keras

    model = network({"n_features_in_": X.shape[1], "n_classes_": y.shape[1]})
    model.compile(keras.optimizers.Adam(0.03), "categorical_crossentropy")
    return model


def peers():
    """Yield (name, function that makes the estimator) for estimators of other libraries."""
    from sklearn.cluster import KMeans
    from sklearn.linear_model import SGDClassifier, SGDRegressor
    from sklearn.svm import SVC

    yield "sklearn.cluster.KMeans", KMeans
    yield "sklearn.linear_model.SGDRegressor", SGDRegressor
    yield "sklearn.linear_model.SGDClassifier", SGDClassifier
    yield "sklearn.svm.SVC", SVC

    def bkmeans():
        from bkmeans import BKMeans

        return BKMeans()

    def mlxtend_kmeans():
        from mlxtend.cluster import Kmeans

        return Kmeans(k=3)

    def mlxtend_adaline():
        from mlxtend.classifier import Adaline

        return Adaline()

    def scikeras():
        from scikeras.wrappers import KerasClassifier

        return KerasClassifier(
            model=network,
            loss="sparse_categorical_crossentropy",
            optimizer__learning_rate=0.03,
            epochs=20,
            batch_size=8,
            random_state=0,
            verbose=0,
        )

    def wrapper():
        import keras

        fit_kwargs = {"epochs": 20, "batch_size": 8, "verbose": 0}
        return keras.wrappers.SKLearnClassifier(compiled, fit_kwargs=fit_kwargs)

    yield "bkmeans.BKMeans", bkmeans
    yield "mlxtend.cluster.Kmeans", mlxtend_kmeans
    yield "mlxtend.classifier.Adaline", mlxtend_adaline
    yield "keras.wrappers.SKLearnClassifier", wrapper
    # Last, as its random_state makes TensorFlow deterministic for the rest of the process.
    yield "scikeras.wrappers.KerasClassifier", scikeras


def check_peers():
    """Yield (name, passed, failed, names of the first failures) for every peer."""
    from sklearn.utils.estimator_checks import check_estimator

    for name, make in peers():
        try:
            estimator = make()
        except ImportError:
            continue
        try:
            results = check_estimator(estimator, on_fail=None, on_skip=None)
        except AttributeError:
            yield name, "–", "cannot be run", "it has none of scikit-learn's tags"
            continue
        count = Counter(result["status"] for result in results)
        failed = dict.fromkeys(r["check_name"] for r in results if r["status"] == "failed")
        named = ", ".join(f"``{check}``" for check in list(failed)[:3])
        yield name, count["passed"], count["failed"], named + (", ..." if len(failed) > 3 else "")


def main(report):
    """Write both tables."""
    import sklearn

    RESULTS.mkdir(exist_ok=True)
    outcomes, configurations = read_report(report)
    total = Counter()
    summary = []
    for estimator, checks in outcomes.items():
        count = sum(checks.values(), Counter())
        total += count
        bad = count["failure"] + count["error"]
        summary.append(
            [f":class:`~skextra.{estimator}`", len(configurations[estimator]), len(checks),
             count["passed"], bad, count["skipped"]]
        )  # fmt: skip
    header = ["estimator", "configurations", "different checks", "passed", "failed", "skipped"]
    names = sorted({check for checks in outcomes.values() for check in checks})
    matrix = [
        [spelt(name), *(cell(checks.get(name)) for checks in outcomes.values())] for name in names
    ]
    text = (
        f"With scikit-learn {sklearn.__version__}: {total['passed']:,} checks passed, "
        f"{total['failure'] + total['error']} failed, {total['skipped']} were skipped.\n\n"
    )
    (RESULTS / "summary.rst").write_text(text + table(summary, header), encoding="utf-8")
    widths = f"40 {' '.join(['10'] * len(outcomes))}"
    matrix = table(matrix, ["check", *(SHORT.get(name, name) for name in outcomes)], widths)
    (RESULTS / "matrix.rst").write_text(matrix, encoding="utf-8")
    rows = [
        [what, *("yes" if name in names else "–" for name in outcomes)]
        for what, names in read_places(report, outcomes).items()
    ]
    places = table(rows, ["what", *(SHORT.get(name, name) for name in outcomes)], widths)
    (RESULTS / "places.rst").write_text(places, encoding="utf-8")
    os.environ["SCIPY_ARRAY_API"] = "1"
    silence = redirect_stdout(StringIO())  # of progress bars
    with warnings.catch_warnings(), silence:
        warnings.simplefilter("ignore")
        others = [[f"``{name}``", *rest] for name, *rest in check_peers()]
    header = ["estimator", "passed", "failed", "failed are"]
    (RESULTS / "peers.rst").write_text(table(others, header, "30 10 12 48"), encoding="utf-8")
    print(text.strip())


if __name__ == "__main__":
    main(sys.argv[1])
