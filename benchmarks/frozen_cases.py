"""Every estimator and tool in many configurations, for `old_against_new.py`.

Only public names are used, so that the same cases run on any revision.
"""

from functools import partial

import numpy as np
from scipy import sparse
from sklearn import datasets
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler


def cases():
    """Yield (name, function, X): the returned value and its outputs on X are compared."""
    data = _data()
    for room in (_kmeans, _adaptive, _madaline, _svm, _networks):
        yield from room(data)


def _data():
    data = {}
    for name in ("iris", "wine", "breast_cancer", "digits"):
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        data[name] = StandardScaler().fit_transform(X), y
    digits = data["digits"]
    thin = np.where(np.abs(digits[0]) > 1, digits[0], 0)
    rng = np.random.default_rng(0)
    blobs = datasets.make_blobs(30_000, 10, centers=30, random_state=0)
    return data | {
        "diabetes": datasets.load_diabetes(return_X_y=True),
        "pixels": datasets.load_digits(return_X_y=True),
        "blobs": blobs,
        "blobs float32": (blobs[0].astype(np.float32), blobs[1]),
        "uniform": (rng.random((20_000, 16)), None),
        "wide": (rng.normal(size=(4000, 200)), rng.integers(0, 3, 4000)),
        "sparse": (sparse.csr_array(thin), digits[1]),
        "sparse float32": (sparse.csr_array(thin.astype(np.float32)), digits[1]),
        "moons": datasets.make_moons(12_000, noise=0.2, random_state=0),
    }


def _fit(model, X, y=None, **more):
    """Return a case: a fresh copy of the model, fitted."""
    return (lambda: clone(model).fit(X, y, **more)), X


def _stream(model, X, y=None, size=500, **first):
    """Return a case: a fresh copy of the model, fitted to the data in chunks."""

    def work():
        fitted, more = clone(model), first
        for start in range(0, X.shape[0], size):
            part = slice(start, start + size)
            fitted.partial_fit(X[part], None if y is None else y[part], **more)
            more = {}
        return fitted

    return work, X


def _twice(model, X, y):
    """Return a case: a warm start from a first fit."""
    return (lambda: clone(model).fit(X, y).fit(X, y)), X


def _label(options):
    return ", ".join(f"{key}={value}" for key, value in options.items())


def _weights(X):
    return np.random.default_rng(1).integers(0, 4, X.shape[0]).astype(float)


def _kmeans(data):
    from skextra import KMeansPP, inertia_path

    for name, k in (
        ("iris", 8), ("wine", 8), ("digits", 8), ("blobs", 30), ("blobs float32", 30),
        ("uniform", 50), ("wide", 20), ("sparse", 10), ("sparse float32", 10), ("iris", 1),
    ):  # fmt: skip
        yield f"KMeansPP {name} {k}", *_fit(KMeansPP(k, random_state=0), data[name][0])
    digits, blobs, pixels = data["digits"][0], data["blobs"][0], data["pixels"][0]
    for options in (
        {"refine": None}, {"algorithm": "elkan"}, {"algorithm": "lloyd"}, {"refine": 10},
        {"n_init": 3}, {"init": "random"}, {"tol": 0}, {"max_iter": 3}, {"store_history": True},
        {"store_history": True, "refine": None},
    ):  # fmt: skip
        yield (
            f"KMeansPP digits {_label(options)}",
            *_fit(KMeansPP(10, random_state=0, **options), digits),
        )
    for name in ("digits", "blobs", "sparse", "wide"):
        X = data[name][0]
        model = KMeansPP(12, random_state=0)
        yield f"KMeansPP {name} weights", *_fit(model, X, sample_weight=_weights(X))
    yield "KMeansPP given centres", *_fit(KMeansPP(10, init=digits[:10], random_state=0), digits)
    yield (
        "KMeansPP empty clusters",
        *_fit(KMeansPP(10, init=np.repeat(digits[:2], 5, axis=0), refine=None), digits),
    )
    yield "KMeansPP one feature", *_fit(KMeansPP(8, random_state=0), blobs[:1000, :1])
    yield "KMeansPP one feature, many", *_fit(KMeansPP(20, random_state=0), blobs[:, :1])
    yield "KMeansPP few samples", *_fit(KMeansPP(4, random_state=0), digits[:12])
    yield "KMeansPP repeats", *_fit(KMeansPP(9, random_state=0), np.tile(digits[:100], (20, 1)))
    yield "KMeansPP small integers", *_fit(KMeansPP(10, random_state=0), pixels.astype(np.uint8))
    far = np.vstack([blobs, np.full((1, 10), 1e5)])
    yield "KMeansPP far sample", *_fit(KMeansPP(30, random_state=0), far)
    yield "KMeansPP units 1e-30", *_fit(KMeansPP(10, random_state=0), digits * 1e-30)
    for name in ("digits", "blobs float32", "sparse"):
        yield f"KMeansPP {name} stream", *_stream(KMeansPP(10, random_state=0), data[name][0])
    yield (
        "KMeansPP influence",
        lambda: KMeansPP(10, random_state=0).fit(digits).sample_influence(digits),
        None,
    )
    yield "inertia_path digits", partial(inertia_path, digits, range(1, 9), random_state=0), None
    yield "inertia_path iris", partial(inertia_path, data["iris"][0], random_state=0), None


def _adaptive(data):
    from skextra import Adaline, LMSRegressor, TappedDelayLine, lms_stability

    diabetes, digits, rare = data["diabetes"], data["digits"], data["sparse"]
    for variant in ("lms", "nlms", "rls", "wiener"):
        model = LMSRegressor(variant=variant)
        yield f"LMSRegressor diabetes {variant}", *_fit(model, *diabetes)
        weights = _weights(diabetes[0])
        yield f"LMSRegressor weights {variant}", *_fit(model, *diabetes, sample_weight=weights)
        if variant != "wiener":
            yield f"LMSRegressor stream {variant}", *_stream(model, *diabetes, size=40)
            yield (
                f"LMSRegressor adapt {variant}",
                partial(_adapt, LMSRegressor(variant=variant), *diabetes),
                None,
            )
    two = diabetes[0], np.column_stack([diabetes[1], -2 * diabetes[1]])
    yield "LMSRegressor two targets", *_fit(LMSRegressor(), *two)
    yield "LMSRegressor rls forgetting", *_fit(LMSRegressor(variant="rls", forgetting=0.99), *two)
    yield "LMSRegressor warm start", *_twice(LMSRegressor(warm_start=True, max_iter=9), *diabetes)
    for options in ({"average": True}, {"shuffle": True}, {"fit_intercept": False}):
        model = LMSRegressor(max_iter=200, random_state=0, **options)
        yield f"LMSRegressor digits {next(iter(options))}", *_fit(model, *digits)
    yield "LMSRegressor digits rate", *_fit(LMSRegressor(learning_rate=1e-4, tol=None), *digits)
    yield "LMSRegressor sparse", *_fit(LMSRegressor(max_iter=50), *rare)
    yield "LMSRegressor sparse nlms", *_fit(LMSRegressor(variant="nlms", max_iter=50), *rare)
    yield (
        "LMSRegressor blobs float32",
        *_fit(LMSRegressor(max_iter=20, tol=None), *data["blobs float32"]),
    )
    tiny = digits[0] * 1e-160, digits[1]
    yield "LMSRegressor nlms 1e-160", *_fit(LMSRegressor(variant="nlms", max_iter=50), *tiny)
    for name in ("iris", "wine", "breast_cancer", "digits"):
        yield f"Adaline {name}", *_fit(Adaline(random_state=0), *data[name])
        model = Adaline(variant="nlms", class_weight="balanced", average=False, random_state=0)
        yield f"Adaline {name} nlms, balanced", *_fit(model, *data[name])
    yield "Adaline sparse", *_fit(Adaline(variant="nlms", random_state=0), *rare)
    yield "Adaline stream", *_stream(Adaline(), *digits, classes=range(10))
    yield "Adaline warm start", *_twice(Adaline(warm_start=True, random_state=0), *data["wine"])
    yield "TappedDelayLine", lambda: TappedDelayLine(5).fit_transform(diabetes[0]), None
    for variant in ("lms", "nlms"):
        yield (
            f"lms_stability {variant}",
            partial(lms_stability, diabetes[0], variant=variant),
            None,
        )


def _adapt(model, X, y):
    return clone(model).adapt(X, y, return_path=True)


def _madaline(data):
    from skextra import Madaline

    for name in ("iris", "wine", "breast_cancer"):
        model = Madaline(random_state=0, max_iter=50)
        yield f"Madaline {name}", *_fit(model, *data[name])
    X, y = data["wine"]
    for options in (
        {"rule": "mri"}, {"rule": "mri", "output_logic": "and"}, {"output_logic": "or"},
        {"hidden_layer_size": 5, "pair_trials": False}, {"acceptance": "hamming"}, {"n_init": 1},
    ):  # fmt: skip
        model = Madaline(random_state=0, max_iter=20).set_params(**options)
        targets = y > 0 if "output_logic" in options else y
        yield f"Madaline wine {_label(options)}", *_fit(model, X, targets)
    yield "Madaline stream", *_stream(Madaline(random_state=0), X, y, 60, classes=range(3))
    yield (
        "Madaline activations",
        lambda: Madaline(random_state=0, max_iter=9).fit(X, y).hidden_activations(X),
        None,
    )


def _svm(data):
    from skextra import FeatureMapSVM

    for name in ("iris", "wine", "breast_cancer", "digits"):
        yield f"FeatureMapSVM {name}", *_fit(FeatureMapSVM(random_state=0), *data[name])
    iris, cancer, rare, moons = (data[k] for k in ("iris", "breast_cancer", "sparse", "moons"))
    for feature_map in ("poly", "identity"):
        for loss in ("hinge", "squared_hinge"):
            model = FeatureMapSVM(feature_map, loss=loss, random_state=0)
            yield f"FeatureMapSVM {feature_map} {loss} cancer", *_fit(model, *cancer)
            yield f"FeatureMapSVM {feature_map} {loss} iris", *_fit(model, *iris)
    for options in (
        {"loss": "hinge"}, {"multi_class": "ovo"}, {"class_weight": "balanced"},
        {"landmarks": "uniform"}, {"landmarks": "kmeans"}, {"store_support": False},
        {"gamma": 0.5, "C": 1.0}, {"n_components": 20},
    ):  # fmt: skip
        model = FeatureMapSVM(random_state=0, **options)
        yield f"FeatureMapSVM wine {_label(options)}", *_fit(model, *data["wine"])
    weights = _weights(cancer[0])
    yield (
        "FeatureMapSVM weights",
        *_fit(FeatureMapSVM(random_state=0), *cancer, sample_weight=weights),
    )
    yield "FeatureMapSVM sparse", *_fit(FeatureMapSVM(n_components=100, random_state=0), *rare)
    yield "FeatureMapSVM sparse identity", *_fit(FeatureMapSVM("identity", random_state=0), *rare)
    yield "FeatureMapSVM moons", *_fit(FeatureMapSVM(random_state=0), *moons)
    yield "FeatureMapSVM moons 60", *_fit(FeatureMapSVM(n_components=60, random_state=0), *moons)
    yield (
        "FeatureMapSVM moons hinge",
        *_fit(FeatureMapSVM(loss="hinge", n_components=60, random_state=0), *moons),
    )
    single = moons[0].astype(np.float32), moons[1]
    yield "FeatureMapSVM moons float32", *_fit(FeatureMapSVM(random_state=0), *single)
    yield (
        "FeatureMapSVM wide identity",
        *_fit(FeatureMapSVM("identity", random_state=0), *data["wide"]),
    )
    yield (
        "FeatureMapSVM stream",
        *_stream(
            FeatureMapSVM(n_components=40, random_state=0), *data["digits"], classes=range(10)
        ),
    )


def _networks(data):
    from skextra import CNNClassifier, cnn

    X, y = data["pixels"]
    X = X / 16
    quick = CNNClassifier(epochs=2, random_state=0)
    for options in (
        {}, {"batch_norm": True, "dropout": 0.2}, {"optimizer": "sgd", "l2": 1e-3},
        {"pool": "average", "filters": (8,)}, {"strides": 2, "pool": None, "activation": "tanh"},
        {"early_stopping": True, "n_iter_no_change": 1}, {"class_weight": "balanced"},
        {"augmentation": {"shift": 1}}, {"shuffle": False},
    ):  # fmt: skip
        yield f"CNNClassifier {_label(options)}", *_fit(clone(quick).set_params(**options), X, y)
    yield "CNNClassifier stream", *_stream(quick, X, y, classes=range(10))
    yield "CNNClassifier warm start", *_twice(clone(quick).set_params(warm_start=True), X, y)
    yield "CNNClassifier weights", *_fit(quick, X, y, sample_weight=_weights(X))
    yield "CNNClassifier uint8", *_fit(quick, (X * 255).astype(np.uint8), y)

    def of_a_network(tool):
        network = clone(quick).set_params(batch_norm=True, epochs=1).fit(X[:500], y[:500])
        return tool(network)

    for name, tool in {
        "layer_table": cnn.layer_table,
        "feature_maps": lambda network: cnn.feature_maps(network, X[:5]),
        "weight_histograms": cnn.weight_histograms,
        "gradient_histograms": lambda network: cnn.gradient_histograms(network, X[:200], y[:200]),
        "misclassified": lambda network: cnn.misclassified(network, X[500:900], y[500:900]),
        "fold_batch_norm": lambda network: cnn.fold_batch_norm(network, X[:50]),
        "quantize_int8": lambda network: cnn.quantize_int8(network, X[:50]),
        "cluster_weights": lambda network: cnn.cluster_weights(network, X=X[:50], random_state=0),
    }.items():
        yield name, partial(of_a_network, tool), None
