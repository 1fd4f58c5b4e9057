"""k-means in Python, as a user would call it: each library in a process of its own.

A process with several of them would also have several thread pools, which slow each other, and
could not tell whose memory it is.
"""

import importlib.util
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np

_FEW = 2000  # rows of the fit that warms up
_START = 120  # seconds within which a process has to be ready, warmed up
_READY = "ready"


@dataclass(frozen=True)
class Peer:
    """How a library is called: ``train(X, k, seed)`` returns a model with centres.

    `label` is None where training gives labels, otherwise ``label(model, X)``. With more than
    `most_rows` rows it is not run: it would take minutes.
    """

    name: str
    module: str
    train: Callable[[np.ndarray, int, int], Any]
    centers: str = "cluster_centers_"
    label: Callable[[Any, np.ndarray], np.ndarray] | None = None
    most_rows: float = np.inf


def ours(X, k, seed):
    from skextra import KMeansPP

    return KMeansPP(k, random_state=seed).fit(X)


def rough(X, k, seed):
    from skextra import KMeansPP

    return KMeansPP(k, refine="rough", random_state=seed).fit(X)


def scikit_learn(X, k, seed):
    from sklearn.cluster import KMeans

    return KMeans(k, random_state=seed).fit(X)


def elkan(X, k, seed):
    from sklearn.cluster import KMeans

    return KMeans(k, algorithm="elkan", random_state=seed).fit(X)


def mini_batch(X, k, seed):
    from sklearn.cluster import MiniBatchKMeans

    return MiniBatchKMeans(k, random_state=seed).fit(X)


def intel(X, k, seed):
    from sklearnex.cluster import KMeans

    return KMeans(k, random_state=seed).fit(X)


def single(X):
    """Return what libraries take that accept float32 only."""
    return np.ascontiguousarray(X, dtype=np.float32)


def with_faiss(X, k, seed):
    import faiss

    model = faiss.Kmeans(X.shape[1], k, seed=seed)
    model.train(single(X))
    return model


def superkmeans(X, k, seed):
    from superkmeans import SuperKMeans

    n_threads = int(os.environ["OMP_NUM_THREADS"])
    model = SuperKMeans(k, X.shape[1], n_threads=n_threads, seed=seed)
    model.centers = model.train(single(X))
    return model


def fastkmeans(X, k, seed):
    from fastkmeans import FastKMeans

    model = FastKMeans(X.shape[1], k, gpu=False, seed=seed)
    model.train(single(X))
    return model


def breathing(X, k, seed):
    from bkmeans import BKMeans

    return BKMeans(n_clusters=k, random_state=seed).fit(X)


def mlxtend(X, k, seed):
    from mlxtend.cluster import Kmeans

    return Kmeans(k, random_seed=seed).fit(X)


PEERS = (
    Peer("KMeansPP", "skextra", ours),
    Peer("KMeansPP, refine='rough'", "skextra", rough),
    Peer("KMeans", "sklearn", scikit_learn),
    Peer("KMeans, algorithm='elkan'", "sklearn", elkan),
    Peer("MiniBatchKMeans", "sklearn", mini_batch),
    Peer("scikit-learn-intelex", "sklearnex", intel),
    Peer("faiss", "faiss", with_faiss, "centroids", lambda m, X: m.assign(single(X))[1]),
    Peer(
        "superkmeans",
        "superkmeans",
        superkmeans,
        "centers",
        lambda m, X: m.assign(single(X), m.centers),
    ),
    Peer("fastkmeans", "fastkmeans", fastkmeans, "centroids", lambda m, X: m.predict(single(X))),
    Peer("bkmeans", "bkmeans", breathing, most_rows=10_000),
    Peer(
        "mlxtend",
        "mlxtend",
        mlxtend,
        "centroids_",
        lambda m, X: m.predict(X),
        most_rows=10_000,
    ),
)


def installed():
    """Return the peers whose library is installed."""
    return [peer for peer in PEERS if importlib.util.find_spec(peer.module)]


@dataclass(frozen=True)
class Answer:
    """One fit in another process: seconds of the training, seconds with labels, MB, centres."""

    trained: float
    labelled: float
    memory: float
    centers: np.ndarray


class Process:
    """A process in which one peer fits one data set, saved in a file, whenever it is asked to."""

    def __init__(self, peer, path, k, threads):
        limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
        os.environ.update(dict.fromkeys(limits, str(threads)))
        context = get_context("spawn")
        self._connection, other = context.Pipe()
        place = PEERS.index(peer)
        self._process = context.Process(target=_serve, args=(other, place, path, k, threads))
        self._process.start()
        other.close()
        self._is_ready, self._failure = False, None

    def fit(self, seed, limit):
        """Return the answer, or as text why there is none within so many seconds."""
        if not self._is_ready:
            first = self._answer_within(_START) or "does not start"
            self._is_ready = True
            self._failure = None if first == _READY else first
        if self._failure is None:
            self._connection.send(seed)
            answer = self._answer_within(limit) or f"more than {limit:g} s"
            if not isinstance(answer, str):
                return answer
            self._failure = answer
            self.close()
        return self._failure

    def _answer_within(self, seconds):
        try:
            return self._connection.recv() if self._connection.poll(seconds) else None
        except EOFError:
            return "its process has ended"

    def close(self):
        self._process.kill()
        self._process.join()
        self._connection.close()


def _serve(connection, place, path, k, threads):
    warnings.simplefilter("ignore")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # C++ prints warnings into the table
    peer, X = PEERS[place], np.load(path)
    answer = _answer(peer, np.resize(X[:_FEW], (max(_FEW, 2 * k), X.shape[1])), k, 0)
    _pin(threads)
    connection.send(answer if isinstance(answer, str) else _READY)
    while True:
        connection.send(_answer(peer, X, k, connection.recv()))


def _pin(count):
    """Bind all threads of this process to so many cores: not every library can be limited.

    That comes after the imports and the warm-up, in which processes share all cores.
    """
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))[:count]
        for thread in os.listdir("/proc/self/task"):
            os.sched_setaffinity(int(thread), cores)


def _answer(peer, X, k, seed):
    before = _status("VmRSS")
    start = time.perf_counter()
    try:
        model = peer.train(X, k, seed)
        trained = time.perf_counter() - start
        if peer.label:
            peer.label(model, X)
    except Exception as error:  # a library may raise anything
        return f"{type(error).__name__}: {error}"
    labelled = time.perf_counter() - start
    memory = _status("VmHWM") - before
    return Answer(trained, labelled, memory, np.array(getattr(model, peer.centers)))


def _status(field):
    """Return resident memory of this process in MB: that of now (VmRSS), or the peak (VmHWM)."""
    try:
        with open("/proc/self/status") as lines:
            return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith(field))
    except OSError:
        return np.nan
