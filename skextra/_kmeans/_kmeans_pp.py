"""KMeansPP: k-means that searches for good centres."""

from collections.abc import Callable
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning

from skextra._base import all_or_nothing, random_state_of, warn_caller
from skextra._callbacks import CallbackSupportMixin, EpochReporter, with_callbacks
from skextra._kmeans._data import TrainingData
from skextra._kmeans._fitted_centers import FittedCenters
from skextra._kmeans._history import KMeansHistory
from skextra._kmeans._lloyd import Step
from skextra._kmeans._metric import METRICS
from skextra._kmeans._run import Plan, Run, Solution, after_chunk
from skextra._kmeans._seeding import name_or_centers
from skextra._typing import Int, MatrixLike, RandomStateLike

_INITS = ("k-means++", "random")


class KMeansPP(CallbackSupportMixin, FittedCenters):
    """K-means that starts from k-means++, searches for better centres, and shows every step.

    A replacement for :class:`sklearn.cluster.KMeans` with the same parameters, attributes and
    methods. By default it searches for good centres by split and merge on a sample of the data
    before it iterates on all of them. This takes less time than restarts and usually ends with a
    lower inertia. Data of one feature are solved exactly if ``n_samples * n_clusters`` is at
    most 300,000.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters.

    init : {'k-means++', 'random'}, array-like of shape (n_clusters, n_features) or callable, \
default='k-means++'
        The initial centres.

        - 'k-means++': samples drawn one by one, each the best of 2 + log(n_clusters) draws, with
          probability proportional to the squared distance to the nearest one so far [1]_.
        - 'random': samples drawn at random.
        - An array: these centres.
        - A callable: called as ``init(X, n_clusters, random_state=random_state)``; returns the
          centres.

    metric : {'euclidean', 'cosine'}, default='euclidean'
        What makes samples similar.

        - 'euclidean': their distance. Centres are means.
        - 'cosine': their angle, whatever their length, as is usual for texts and embeddings:
          spherical k-means [7]_. Samples are divided by their lengths, as are initial centres, and
          every centre is a mean divided by its length. A sample of zeros has no direction and is
          refused.

    n_init : int or 'auto', default='auto'
        Number of runs. The one with the lowest inertia is kept; 'auto' is 1. There is one run only
        if `init` is an array or if the data are solved exactly.

    refine : {'auto', 'rough'}, int or None, default='auto'
        The search for better centres.

        - None: no search. The initial centres, then Lloyd's iterations: what textbooks and
          scikit-learn call k-means.
        - An int: the effort of the search. 1 is enough for most data; 10 takes about twice as
          long. It has no effect where the optimum is computed (see Notes).
        - 'rough': a short search on few samples, then one iteration on all data, whatever
          `max_iter`, `tol` and `algorithm` are: for quantisers and previews. The inertia is
          usually up to a few percent higher. Labels and `inertia_` are exact as ever.
        - 'auto': 1 if `init` is a string (2 for up to 1000 samples, 3 for up to 500), None if it
          is an array or a callable. Where little would be gained, the search is short (see Notes).

    max_iter : int, default=300
        Maximum number of iterations of one run on all data; with ``refine='rough'`` there is one.

    tol : float, default=1e-4
        Iterations end when the squared displacements of all centres sum to at most `tol` times
        the mean variance of the features. The variance is weighted, unlike scikit-learn's, and
        estimated on some rows if the data are large and searched. Where the farthest hundredth of
        a few hundred samples (or a single one) makes up more than half of it, it is that of the
        others. With 0 iterations end when no sample changes its cluster.

        After a search with ``algorithm='auto'``, iterations also end when, from the third on,
        moving the centres to the means has lowered the inertia three times in a row by at most
        the share ``tol / 2`` of what it was in the third. In data without clusters, many more
        would gain next to nothing.

    algorithm : {'auto', 'lloyd', 'elkan'}, default='auto'
        The kind of iteration. All of them skip distances that cannot change a label.

        - 'lloyd': every iteration moves each centre to the mean of its samples.
        - 'elkan': the same, with a lower bound for every pair of sample and centre. The bounds
          take `n_samples * n_clusters` float32 numbers and pay with many features. They are not
          used for sparse data nor for up to 64 features.
        - 'auto': the faster of the two. After a search, centres also move beyond the means, in
          the directions of this step and of the last one (over-relaxation and Nesterov momentum),
          which reduces the number of iterations.

    store_history : bool, default=False
        Whether to keep all iterations in `history_`. Each costs another pass over the data.

    copy_x : bool, default=True
        Has no effect and exists for compatibility with KMeans: X is never changed.

    verbose : int or bool, default=0
        If above 0, the inertia is printed at every iteration.

    random_state : int, RandomState instance or None, default=None
        Determines the initial centres and the sample. Pass an int for reproducible fits,
        whatever the number of threads.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        The centres, in the dtype of X, or float64 if X is not floating-point. With
        ``metric='cosine'`` they are of length one.

    labels_ : ndarray of shape (n_samples,)
        The nearest centre of each sample, as `predict` returns it for X.

    inertia_ : float
        Sum of the (weighted) squared distances of the samples to their centres; of one minus the
        cosine with ``metric='cosine'``.

    n_iter_ : int
        Number of iterations on all data.

    history_ : KMeansHistory
        Every iteration, with ``store_history=True``.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit, if all are strings.

    See Also
    --------
    sklearn.cluster.KMeans : K-means without a search: the textbook algorithm by default.
    inertia_path : The inertia for a range of numbers of clusters.

    Notes
    -----
    Exact: with one feature, ``n_samples * n_clusters`` up to 300,000 (repeated samples count
    once) and any search requested, the optimum is computed by dynamic programming over runs of
    sorted samples [5]_, in ``n_clusters * n_samples * log(n_samples)`` steps. `random_state` then
    has no effect, the centres are sorted, and a few iterations on all data follow as usual.

    Few samples: with ``n_samples * n_features * (n_clusters + 4)`` up to 7,500, centres jump to
    random samples, samples move one by one between clusters as long as the inertia falls, and
    what is not better is undone [6]_. The fewer the samples, the more jumps, up to 330. Of 450
    sets of 12 to 40 uniform samples in two features, none ended above the lowest inertia known.

    Otherwise: greedy k-means++ on a few samples per cluster, then rounds on a sample of
    ``max(10_000, 100 * n_clusters)`` rows (fewer for fewer than ten clusters). More than 96
    features are projected on 48 main directions if these hold three quarters of the variance, for
    up to 48 clusters, or if a first round, on 40 rows per cluster if there are as many, shows
    about as many groups as clusters along them (more than 64 always if the data are sparse).
    Otherwise all rows are taken where the sample is a quarter of them. If the round shows little
    to be gained there, ``refine='auto'`` with k-means++ makes three iterations from the initial
    centres instead. A round splits the clusters whose two-means split saves most, iterates, and
    removes the centres whose removal costs least. It is undone if the inertia has not fallen, and
    the next one splits half as many. Where rounds show no groups, the search ends early. This is
    breathing k-means [2]_ with directed instead of random splits. Finally, centres move to
    samples drawn from all data by squared distance where that lowers the inertia [3]_, so that
    small groups which the sample missed are found. Iterations skip samples whose nearest centre
    cannot have changed [4]_. A rough search makes up to three rounds on up to 256 samples per
    cluster and others drawn by squared distance from the mean (from the origin for sparse data);
    if it has fewer than 32 per cluster, three iterations on 128 per cluster follow.

    Distances are computed in float32 from the mean of the data, or of most of them if others lie
    far out, with an error bound for each centre, and again in float64 where that does not decide.
    The labels are therefore exact, even far from the origin or with a few samples far away.
    Sparse data are not centred, which would fill their zeros: everything is computed in float64,
    and is as exact as squared distances from the origin.

    An iteration costs at most ``n_samples * n_clusters * n_features`` products. Besides X, a fit
    takes 8 bytes per sample (12 from 400 clusters on, some 16 more where all rows are searched),
    the sample of the search, and with many features the bounds of
    'elkan' or the projections, up to half of X. With weights of zero it copies the other rows.
    Results do not depend on the number of threads, which is that of scikit-learn: all cores
    unless threadpoolctl, joblib or OMP_NUM_THREADS limit them. Data of up to 120,000 entries are
    first sorted by their content, so that neither order nor repetition matters: a sample of
    weight two is equivalent to two samples. For larger data this is true of each iteration, but
    the random draws differ. Empty clusters are given the samples farthest from their centres, as
    in scikit-learn.

    Cosine: all of this takes place among samples of length one, where half a squared distance is
    one minus the cosine. Means are divided by their length, except for one feature, jumps and
    projections; iterations on all data always do so, and end with the centres of spherical
    k-means. A cluster whose samples cancel keeps its centre. Samples whose length is one already,
    up to rounding, are used as they are. Others are copied, in the dtype of X or in float64 if it
    is not floating-point; of a CSR matrix only the entries are. `tol` is relative to the variance
    of the normalised samples.

    References
    ----------
    .. [1] D. Arthur and S. Vassilvitskii, "k-means++: the advantages of careful seeding",
       SODA 2007.
    .. [2] B. Fritzke, "The k-means algorithm revisited: breathing k-means", 2020,
       arXiv:2006.15666.
    .. [3] S. Lattanzi and C. Sohler, "A better k-means++ algorithm via local search", ICML 2019.
    .. [4] G. Hamerly, "Making k-means even faster", SDM 2010.
    .. [5] H. Wang and M. Song, "Ckmeans.1d.dp: optimal k-means clustering in one dimension by
       dynamic programming", The R Journal 3, 2011.
    .. [6] P. Franti and J. Kivijarvi, "Randomised local search algorithm for the clustering
       problem", Pattern Analysis and Applications 3, 2000.
    .. [7] I. Dhillon and D. Modha, "Concept decompositions for large sparse text data using
       clustering", Machine Learning 42, 2001.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skextra import KMeansPP
    >>> X, _ = load_digits(return_X_y=True)
    >>> clusters = KMeansPP(10, random_state=0).fit(X)
    >>> clusters.cluster_centers_.shape
    (10, 64)
    >>> round(clusters.inertia_ / 1e4)
    117
    """

    labels_: NDArray[np.int32]
    inertia_: float
    n_iter_: int
    history_: KMeansHistory
    _exact: NDArray[np.float64]
    _counts: NDArray[np.float64]

    def __init__(
        self,
        n_clusters: Int = 8,
        *,
        init: Literal["k-means++", "random"] | MatrixLike | Callable[..., Any] = "k-means++",
        metric: Literal["euclidean", "cosine"] = "euclidean",
        n_init: Int | Literal["auto"] = "auto",
        refine: Int | Literal["auto", "rough"] | None = "auto",
        max_iter: Int = 300,
        tol: float = 1e-4,
        algorithm: Literal["auto", "lloyd", "elkan"] = "auto",
        store_history: bool = False,
        copy_x: bool = True,
        verbose: Int = 0,
        random_state: RandomStateLike = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.metric = metric
        self.n_init = n_init
        self.refine = refine
        self.max_iter = max_iter
        self.tol = tol
        self.algorithm = algorithm
        self.store_history = store_history
        self.copy_x = copy_x
        self.verbose = verbose
        self.random_state = random_state

    @all_or_nothing
    @with_callbacks
    def fit(self, X: MatrixLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Find the centres.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples. A C-contiguous array or CSR matrix of float64 or float32 is not copied,
            nor is an array of at least 2**23 (eight million) booleans or integers of one or two
            bytes. Others are copied as float64. ``metric='cosine'`` may take a copy (see Notes).

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights, zero or more. A weight of two is equivalent to repeating the sample.

        Returns
        -------
        self : KMeansPP
            The fitted estimator.

        Raises
        ------
        ValueError
            If there are fewer samples than clusters, X has NaN or infinite values, or samples of
            zeros with ``metric='cosine'``, or a parameter is out of range.
        """
        self._check_parameters()
        X, weight = self._check_samples(X, sample_weight, reset=True)
        random_state = random_state_of(self.random_state)
        n_runs, k, metric = self._n_runs(), self.n_clusters, METRICS[self.metric]
        if X.shape[0] < k:
            raise ValueError(
                f"n_samples={X.shape[0]} should be >= n_clusters={k}; lower n_clusters."
            )
        plan = Plan(
            k,
            [name_or_centers(self.init, X, k, random_state, metric) for _ in range(n_runs)],
            self.refine,
            self.max_iter,
            float(self.tol),
            self.algorithm,
            self.store_history,
            self.verbose,
            metric,
        )
        data, n_epochs = TrainingData(X, weight, metric), plan.most_iterations * n_runs
        reporter = EpochReporter(self, n_epochs, self._fitted_after, "iteration", X=X)
        run = Run(plan, data, random_state, reporter)
        solution = run.solve()
        distinct = solution.count_filled()
        if distinct < k:
            warn_caller(
                f"Only {distinct} of n_clusters={k} clusters have samples: X may have no more "
                "distinct samples. Lower n_clusters.",
                ConvergenceWarning,
            )
        self._publish(solution)
        self._offset, self._scale = run.rows.offset, run.rows.scale
        return self

    @all_or_nothing
    def partial_fit(
        self, X: MatrixLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Update the centres with the next chunk of data too large for memory.

        The first chunk is clustered as by `fit`. From then on each centre is the exact mean of all
        samples that were nearest to it when they arrived, whatever the sizes of the chunks. With
        ``metric='cosine'`` it is the direction of that mean.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The chunk. The first should be shuffled, and must have at least `n_clusters` samples.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights.

        Returns
        -------
        self : KMeansPP
            The estimator; `labels_` and `inertia_` are those of this chunk.
        """
        if not hasattr(self, "cluster_centers_"):
            return type(self).fit(self, X, sample_weight=sample_weight)
        self._check_parameters()
        X, weight = self._check_samples(X, sample_weight, reset=False)
        if self.n_clusters != len(self.cluster_centers_):
            raise ValueError(
                f"n_clusters={self.n_clusters} differs from the {len(self.cluster_centers_)} "
                "clusters so far; use a new estimator."
            )
        if self.metric != self._fitted_metric:
            raise ValueError(
                f"metric={self.metric!r} differs from {self._fitted_metric!r}, with which the "
                "samples so far were clustered; use a new estimator."
            )
        rows, _ = self._framed(X, weight)
        before = self._exact, self.cluster_centers_, self._counts
        solution = after_chunk(rows, *before, self.n_iter_ + 1, self._metric())
        self._publish(solution)
        return self

    def _check_parameters(self) -> None:
        self._check_number("n_clusters", low=1, integer=True)
        self._check_number("max_iter", low=1, integer=True)
        self._check_number("tol", low=0)
        if not isinstance(self.verbose, bool):
            self._check_number("verbose", low=0, integer=True)
        self._check_option("metric", tuple(METRICS))
        self._check_option("algorithm", ("auto", "lloyd", "elkan"))
        self._check_flag("store_history", "copy_x")
        if isinstance(self.init, str):
            self._check_option("init", _INITS)
        for name, words in (("n_init", ("auto",)), ("refine", ("auto", "rough", None))):
            if isinstance(getattr(self, name), Integral):
                self._check_number(name, low=1, integer=True)
            else:
                self._check_option(name, words)

    def _n_runs(self) -> int:
        if self.n_init == "auto":
            return 1
        if self.n_init > 1 and not isinstance(self.init, str) and not callable(self.init):
            message = f"init is an array, so n_init={self.n_init} runs would be identical"
            warn_caller(f"{message}; only one is made. Set n_init=1.", RuntimeWarning)
            return 1
        return self.n_init

    def _publish(self, solution: Solution) -> None:
        self.cluster_centers_, self._exact = solution.centers, solution.exact
        self.labels_ = solution.labels
        self.inertia_ = solution.inertia
        self.n_iter_ = solution.n_iter
        self._counts = solution.counts
        self._fitted_metric = self.metric
        vars(self).pop("history_", None)
        if solution.history is not None:
            self.history_ = solution.history

    def _fitted_after(self, step: Step) -> dict[str, object]:
        """Return what makes a copy of the estimator able to predict after an iteration."""
        rows = step.rows
        return {
            "cluster_centers_": (step.means + rows.offset).astype(rows.dtype),
            "_fitted_metric": self.metric,
            "_offset": rows.offset,
            "_scale": rows.scale,
        }
