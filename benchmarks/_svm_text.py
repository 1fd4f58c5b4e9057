"""Texts for the benchmarks of FeatureMapSVM, and its rows beside LinearSVC."""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from _svm_rows import Row
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer
from sklearn.svm import LinearSVC

from skextra import FeatureMapSVM

PACKAGES = ("sklearn", "scipy", "numpy", "pandas", "matplotlib", "numba", "sphinx", "docutils")


def documents(n, n_words, topics=20, length=120, on_topic=0.35, noise=0.03, seed=0):
    """Return TF-IDF of generated documents, and their topics.

    Words follow Zipf's law, in an order of their own for a third of the words of each topic;
    lengths are log-normal, and a few of the labels are drawn at random.
    """
    rng = np.random.default_rng(seed)
    y = rng.integers(topics, size=n)
    lengths = np.maximum(10, rng.lognormal(np.log(length), 0.7, n).astype(int))
    share = np.cumsum(1.0 / np.arange(1, n_words + 1))
    words = np.searchsorted(share, share[-1] * rng.random(lengths.sum()))
    document = np.repeat(np.arange(n), lengths)
    own = rng.random(len(words)) < on_topic
    for topic in range(topics):
        part = own & (y[document] == topic)
        words[part] = rng.permutation(n_words)[words[part]]
    counts = sparse.coo_array((np.ones(len(words)), (document, words)), shape=(n, n_words))
    X = sparse.csr_array(TfidfTransformer(sublinear_tf=True).fit_transform(counts.tocsr()))
    X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)  # for liblinear
    wrong = rng.random(n) < noise
    y[wrong] = rng.integers(topics, size=wrong.sum())
    return X, y


def docstrings(most=None):
    """Return TF-IDF of the docstrings of installed packages, and the package each is from."""
    texts, packages = _texts()
    rows = np.random.default_rng(0).permutation(len(texts))[:most]
    X = TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform([texts[i] for i in rows])
    return sparse.csr_array(X), np.array(packages)[rows]


@cache
def _texts():
    texts, packages = [], []
    for package in PACKAGES:
        spec = find_spec(package)
        for path in sorted(Path(spec.origin).parent.rglob("*.py")) if spec else ():
            if "tests" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                    text = ast.get_docstring(node) or ""
                    if len(text) > 60:
                        texts.append(text)
                        packages.append(package)
    return texts, packages


def rows(long=False):
    """Yield a Row for each set and cost; `long` adds 200,000 documents."""
    sets = {
        "documents 2,400x30,000": lambda: documents(2400, 30_000),
        "documents 20,000x50,000": lambda: documents(20_000, 50_000),
        "docstrings 2,500": lambda: docstrings(2500),
        "docstrings, all": docstrings,
    }
    if long:
        sets["documents 200,000x100,000"] = lambda: documents(200_000, 100_000)
    for name, data in sets.items():
        made = data()
        for C in (1.0, 4.0):
            models = {
                "FeatureMapSVM('identity')": FeatureMapSVM("identity", C=C, n_jobs=1),
                "LinearSVC(dual=True)": LinearSVC(C=C, dual=True),
            }
            if made[0].shape[0] > made[0].shape[1]:  # where dual='auto' is another solver
                models["LinearSVC"] = LinearSVC(C=C)
            yield Row(f"{name}, C={C:g}", made, models)
