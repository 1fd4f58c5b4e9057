"""KMeansPP, its history and the path of the inertia, as a type checker sees them."""

from typing import Any, Literal, assert_type

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from skextra import InertiaPath, KMeansHistory, KMeansPP, inertia_path

X = np.zeros((30, 2))


def right_code() -> None:
    labels = KMeansPP(3, algorithm="elkan", random_state=0).fit(X).predict(X)
    assert_type(labels, NDArray[np.int32])

    clusters = KMeansPP(init=X[:8], n_init="auto", refine=None, tol=0, verbose=True)
    clusters = clusters.fit(X, sample_weight=np.ones(30)).partial_fit(sparse.csr_array(X))
    assert_type(clusters, KMeansPP)
    assert_type(clusters.cluster_centers_, NDArray[np.floating[Any]])
    assert_type(clusters.labels_, NDArray[np.int32])
    assert_type(clusters.inertia_, float)
    assert_type(clusters.n_iter_, int)
    assert_type(clusters.n_features_in_, int)
    assert_type(clusters.fit_predict(X), NDArray[np.int32])
    assert_type(clusters.fit_transform(X), NDArray[np.floating[Any]])
    assert_type(clusters.transform([[0, 1.5]]), NDArray[np.floating[Any]])
    assert_type(clusters.score(X), float)
    assert_type(clusters.sample_influence(X), NDArray[np.float64])
    assert_type(clusters.get_params(), dict[str, Any])
    assert_type(clusters.set_params(n_clusters=2), KMeansPP)
    assert_type(clusters.set_output(transform="pandas").set_callbacks(), KMeansPP)
    assert_type(clusters.set_fit_request(sample_weight=True), KMeansPP)
    assert_type(clusters.get_feature_names_out(), NDArray[np.object_])
    KMeansPP(init=first_samples, metric="cosine", refine="rough")
    for k in np.arange(2, 5):
        KMeansPP(k, n_init=k, max_iter=k, random_state=k)
    inertia_path(X, np.arange(2, 5), metric="cosine")

    history = KMeansPP(store_history=True).fit(X).history_
    assert_type(history, KMeansHistory)
    assert_type(history.n_iter, int)
    assert_type(history.metric, Literal["euclidean", "cosine"])
    assert_type(history.inertia, NDArray[np.float64])
    assert_type(history.labels(X, 0), NDArray[np.int32])
    assert_type(history.to_frame(), pd.DataFrame)

    path = inertia_path(X, range(1, 9), random_state=np.random.RandomState(0))
    assert_type(path, InertiaPath)
    assert_type(path.elbow, int | None)
    assert_type(path.centers[0], NDArray[np.floating[Any]])
    assert_type(path.to_frame(), pd.DataFrame)


def first_samples(
    X: NDArray[np.float64], n_clusters: int, random_state: np.random.RandomState
) -> NDArray[np.float64]:
    return X[:n_clusters]


def wrong_code() -> None:
    KMeansPP("eight")  # type: ignore[arg-type]
    KMeansPP(3, "random")  # type: ignore[call-arg]
    KMeansPP(algorithm="elkann")  # type: ignore[arg-type]
    KMeansPP(init="kmeans++")  # type: ignore[arg-type]
    KMeansPP(metric="angle")  # type: ignore[arg-type]
    KMeansPP(refine="none")  # type: ignore[arg-type]
    KMeansPP(max_iterations=3)  # type: ignore[call-arg]
    KMeansPP(random_state="zero")  # type: ignore[arg-type]
    KMeansPP().fit("X.csv")  # type: ignore[arg-type]
    KMeansPP().fit(X, weights=X[0])  # type: ignore[call-arg]
    print(KMeansPP().fit(X).centers_)  # type: ignore[attr-defined]
    print(KMeansPP().fit(X).predict(X).label)  # type: ignore[attr-defined]
    print(KMeansPP().fit_transform(X).columns)  # type: ignore[attr-defined]
    KMeansPP().set_output(transform="panda")  # type: ignore[arg-type]
    inertia_path(X, "eight")  # type: ignore[arg-type]
    print(inertia_path(X).elbows)  # type: ignore[attr-defined]
