"""FeatureMapSVM: the maximum-margin classifier on an explicit feature map."""

from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from skextra._base import Estimator, all_or_nothing
from skextra._callbacks import CallbackSupportMixin, with_callbacks
from skextra._common._blas_limit import single_blas_thread
from skextra._common._classes import check_labels, decided, settle_classes
from skextra._common._new_rows import check_labelled
from skextra._sklearn import ClassifierMixin, Tags, TransformerMixin, available_if
from skextra._svm import _parameters
from skextra._svm._fitted_map import SOMETIMES_FITTED, names_of_input, new_samples, restored_map
from skextra._svm._parameters import FeatureMap, KernelFunction, KernelName, has_stream
from skextra._svm._problems import class_values
from skextra._svm._stream import check_unchanged, learn_chunk
from skextra._svm._training import task_of, train
from skextra._typing import (
    ClassWeight,
    FloatArray,
    FloatMatrix,
    Int,
    LabelArray,
    MatrixLike,
    RandomStateLike,
)


class FeatureMapSVM(CallbackSupportMixin, ClassifierMixin, TransformerMixin, Estimator):
    """Maximum-margin classifier on an explicit feature map: the mapping trick, and a fast RBF SVM.

    The samples are mapped to features, and the plane with the widest margin between the classes
    is found there. With a few features of one's own the solution is exact to the last digits.
    With the Gaussian kernel at a limited number of landmarks, the default, this replaces
    ``SVC(kernel="rbf")``: it fits in seconds where that takes minutes, and the time of a
    prediction does not depend on the number of support vectors.

    Parameters
    ----------
    feature_map : str, transformer or callable, default='rbf'
        The map.

        - 'rbf': the Gaussian kernel, or the one of `kernel`, between a sample and each landmark,
          whitened (Nystroem's method). With as many landmarks as distinct samples it is the exact
          kernel.
        - 'precomputed': X is the kernel: in `fit` between all samples, afterwards between new
          samples and all of the fit. Landmarks are chosen among these.
        - 'fourier': random Fourier features of that kernel. The same accuracy needs many more.
        - 'poly': monomials, scaled so that products are ``(gamma x.z + coef0) ** degree``.
        - 'identity': the features themselves, for a linear SVM.
        - 'chi2': features of the additive chi-squared kernel, for counts and histograms.
        - 'spline': B-splines of every feature; an additive model.
        - a transformer: cloned, fitted on X, and given the sample weights if it takes them.
        - a function of an array (n, d) that returns an array (n, p). To pickle the estimator, it
          must be importable; a lambda is not.

    kernel : str, callable or None, default=None
        The kernel of 'rbf', if not the Gaussian: 'laplacian', 'chi2', 'linear', 'poly', 'sigmoid'
        or 'cosine' of :func:`~sklearn.metrics.pairwise.pairwise_kernels`, with `gamma`, `degree`
        and `coef0`; or a function of two arrays of samples, (n, d) and (m, d), that returns their
        kernel, (n, m). It is called with at most 1000 rows at a time, and with all landmarks. If
        it is not positive semidefinite there, a warning says so.

    C : float, default=4.0
        Cost of violating the margin. A larger one fits the training samples more closely.
        ``np.inf`` is the hard margin, which raises an error if the classes are not separable.
        With the squared hinge, 4 is about equivalent to 1 in :class:`~sklearn.svm.SVC`, and 1
        where many labels are noise.

    loss : {'squared_hinge', 'hinge'}, default='squared_hinge'
        ``max(0, 1 - y f) ** 2`` or ``max(0, 1 - y f)``. The hinge has fewer support vectors and
        needs all mapped samples in memory; with ``C=np.inf`` both are the same.

    gamma : {'scale', 'auto'} or float, default='scale'
        Inverse squared width of the Gaussian, and factor of 'poly' and of named kernels. 'scale'
        is ``1 / (n_features * X.var())``, 'auto' is ``1 / n_features``. A larger one follows the
        samples more closely.

    n_components : int or 'auto', default='auto'
        Number of landmarks or, for 'fourier', of random features. More of them approximate the
        kernel better and take time in proportion. 'auto' is as many as the decisions need by the
        verdict of a pilot fit, up to a fifth of the number of samples or 300, and up to 1000; for
        'fourier' it is 1000. With the Gaussian, ``landmarks='margin'``, the squared hinge and up
        to 2500 samples it is the exact kernel, of which the support vectors are the landmarks,
        unless C times the weight of any sample, that of its class included, is above 100, or the
        kernel does not fit into `memory_limit`. There the number of samples gives the exact
        kernel.

    landmarks : {'margin', 'uniform', 'kmeans'} or array-like of shape (m, n_features), \
            default='margin'
        The landmarks: samples near the decision boundary as estimated by a small pilot fit, random
        samples, centres of :class:`KMeansPP`, or the given ones, with which `n_components` is not
        used. With ``n_components='auto'`` those of the pilot, which are random, are kept where
        they are enough. With 'precomputed', 'margin' and 'uniform' are possible.

    degree : int, default=3
        Degree of 'poly' and of 'spline'.

    coef0 : float, default=1.0
        Constant of 'poly', 0 or more. With 0 only the monomials of the full degree remain.

    multi_class : {'ovr', 'ovo'}, default='ovr'
        With more than two classes: one problem for each class, or for each pair.

    class_weight : dict, 'balanced' or None, default=None
        Weights of the classes, which multiply the sample weights. 'balanced' makes them inversely
        proportional to the sum of the sample weights of a class.

    tol : float, default=0.01
        Duality gap, as a fraction of the objective, at which an iterative solver stops; dual
        coordinate descent (see Notes) stops at a third of it. The method is exact for up to 2500
        samples with the exact kernel, or with the 300 landmarks of 'auto', and for 4000 with
        other maps, for few features, for the hinge and for the hard margin; there `tol` only
        decides whether to warn.

    max_iter : int, default=1000
        Maximum number of solver steps; the interior point method takes at most 200.

    memory_limit : float, default=2048
        Memory for mapped samples, in MiB. What does not fit is computed again when needed, which
        takes longer: about a third at 40% of ``n_samples * n_components * 4`` bytes. The kernel
        matrices of the landmarks themselves are not counted.

    store_support : bool, default=True
        Whether to keep `support_vectors_` and `dual_coef_`. Without them a model of many samples
        is much smaller when pickled, but cannot continue with `partial_fit`.

    n_jobs : int or None, default=None
        Number of threads. None is as many as scikit-learn's own loops use, -1 is one per core. The
        result does not depend on it.

    random_state : int, RandomState instance or None, default=None
        Draws the landmarks and seeds what is random in `feature_map`. Pass an int for reproducible
        fits.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.

    coef_ : ndarray of shape (n_problems, n_features_out)
        Normals w of the planes in the space of the map; one for two classes. Those of the exact
        kernel are computed when they are first asked for, or shown in a notebook.

    intercept_ : ndarray of shape (n_problems,)
        Intercepts b, which are not penalised.

    margin_ : ndarray of shape (n_problems,)
        Widths of the margins, ``2 / ||w||``, in the space of the map.

    support_ : ndarray of shape (n_support,)
        Indices of the samples that are support vectors of any problem. In small data the first of
        several equal samples of one class stands for all.

    support_vectors_ : {ndarray, CSR array} of shape (n_support, n_features)
        These samples, as they were passed. With 'precomputed' there are none: the array is empty,
        as that of :class:`~sklearn.svm.SVC`.

    dual_coef_ : ndarray of shape (n_problems, n_support)
        Their dual variables times their side: ``w = dual_coef_ @ transform(support_vectors_)``
        to the precision of the solution. If the method is exact this is about eight digits, or
        that of the dtype if it has fewer. A fit that has not converged may be far off.

    duality_gap_ : ndarray of shape (n_problems,)
        Upper bounds on the excess of each objective over its minimum, as fractions of the
        objective.

    landmarks_ : {ndarray, CSR array} of shape (n_features_out, n_features) or (n_features_out,)
        The landmarks, without those that are linearly dependent on others in feature space, to
        numerical precision. With 'precomputed', their indices among the samples. If they are the
        support vectors of the exact kernel, the dependent ones are kept, and their features are
        zero.

    gamma_ : float
        The value of gamma, if the map uses one.

    feature_map_ : transformer or None
        The fitted transformer, for maps that are or use one.

    n_iter_ : int
        Number of steps, summed over problems that are solved one by one.

    n_features_in_ : int
        Number of features seen during fit; with 'precomputed', of samples.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, when X has string names for all.

    See Also
    --------
    sklearn.svm.SVC : The exact kernel machine; slow for many samples.
    sklearn.svm.LinearSVC : A linear SVM that also penalises the intercept.
    sklearn.kernel_approximation.Nystroem : The map of 'rbf' with uniform landmarks.

    Notes
    -----
    Each problem minimises ``||w||^2 / 2 + C sum(weight * loss(y (w.phi(x) + b)))``. Small
    problems with the squared hinge are solved by Newton's method on the active samples [1]_, in
    the space of the map or of the exact kernel, hinge and hard margin by an interior point method
    whose last step identifies the samples that lie exactly on a margin. Large problems are solved
    for all classes at once by Newton's method with conjugate gradients in the whitened space of
    the landmarks, preconditioned as in [2]_, with kernels in float32. The cost is O(n_samples *
    n_components * (n_features + 10 n_problems)); the memory is that of the mapped samples, or
    `memory_limit`. Sparse mapped samples of more than 200 features, such as texts under
    'identity', are solved by dual coordinate descent [3]_ on their entries, unless they are few,
    with the intercept by the method of multipliers.

    Standardise the features first unless they share one unit, as pixels do. For probabilities use
    :class:`~sklearn.calibration.CalibratedClassifierCV`. The defaults were chosen by
    cross-validation on iris, wine, breast cancer, digits, 6000 training images of MNIST and three
    synthetic sets; see the user guide.

    References
    ----------
    .. [1] O. Chapelle, "Training a support vector machine in the primal", Neural Computation
       19(5), 1155-1178, 2007.
    .. [2] A. Rudi, L. Carratino and L. Rosasco, "FALKON: an optimal large scale kernel method",
       Advances in Neural Information Processing Systems 30, 2017.
    .. [3] C.-J. Hsieh, K.-W. Chang, C.-J. Lin, S. S. Keerthi and S. Sundararajan, "A dual
       coordinate descent method for large-scale linear SVM", International Conference on Machine
       Learning, 2008.

    Examples
    --------
    Two classes that interleave on a line are separable in the plane of x and x^3 - 2x:

    >>> import numpy as np
    >>> from skextra import FeatureMapSVM
    >>> x = np.array([-2, -1.8, 0.3, 0.6, 1, -1, -0.7, -0.6, -0.3, 2])[:, None]
    >>> y = [-1] * 5 + [1] * 5
    >>> svm = FeatureMapSVM(lambda X: np.hstack([X, X**3 - 2 * X]), C=np.inf).fit(x, y)
    >>> svm.margin_.round(4), svm.support_vectors_.ravel()
    (array([1.2936]), array([ 0.3, -0.3]))

    In place of ``SVC()``:

    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> svm = FeatureMapSVM(random_state=0).fit(X[:1000], y[:1000])
    >>> svm.score(X[1000:], y[1000:]) > 0.96
    True
    """

    classes_: LabelArray
    intercept_: FloatArray
    margin_: FloatArray
    support_: NDArray[np.intp]
    support_vectors_: FloatMatrix
    dual_coef_: FloatArray
    duality_gap_: NDArray[np.float64]
    landmarks_: FloatMatrix
    gamma_: float
    feature_map_: Any
    n_iter_: int
    # What the map and the decisions need beyond these; `_fitted_with` are parameters of the fit.
    _fitted_with: dict[str, Any]
    _n_features_out: int
    _precision: Literal["float32", "float64"]
    _kernel_weights: NDArray[np.float64]
    _landmark_factor: NDArray[np.float64]
    _has_independent: bool
    _scale: NDArray[np.float64] | None
    # What a stream continues from.
    _support_codes: NDArray[np.intp]
    _support_weight: NDArray[np.float64]
    _n_seen: int
    _stream: dict[str, Any]

    def __init__(
        self,
        feature_map: FeatureMap = "rbf",
        *,
        kernel: KernelName | KernelFunction | None = None,
        C: float = 4.0,
        loss: Literal["squared_hinge", "hinge"] = "squared_hinge",
        gamma: Literal["scale", "auto"] | float = "scale",
        n_components: Literal["auto"] | Int = "auto",
        landmarks: Literal["margin", "uniform", "kmeans"] | MatrixLike = "margin",
        degree: Int = 3,
        coef0: float = 1.0,
        multi_class: Literal["ovr", "ovo"] = "ovr",
        class_weight: ClassWeight = None,
        tol: float = 0.01,
        max_iter: Int = 1000,
        memory_limit: float = 2048,
        store_support: bool = True,
        n_jobs: Int | None = None,
        random_state: RandomStateLike = None,
    ) -> None:
        self.feature_map = feature_map
        self.kernel = kernel
        self.C = C
        self.loss = loss
        self.gamma = gamma
        self.n_components = n_components
        self.landmarks = landmarks
        self.degree = degree
        self.coef0 = coef0
        self.multi_class = multi_class
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter
        self.memory_limit = memory_limit
        self.store_support = store_support
        self.n_jobs = n_jobs
        self.random_state = random_state

    @all_or_nothing
    @with_callbacks
    def fit(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Find the planes of the widest margins.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples, float64 or float32 (anything else becomes float64). With
            'precomputed', the kernel between them, (n_samples, n_samples).

        y : array-like of shape (n_samples,)
            Class labels of any kind; two classes or more.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights, 0 or more, which multiply C. A weight of 2 is equivalent to a repeated sample,
            a weight of 0 to omitting it, and its class if that has no other sample.

        Returns
        -------
        FeatureMapSVM
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid, there is only one class, the map fails, or
            ``C=np.inf`` and the classes are not separable under the map; the message then names
            the samples that prevent it. The estimator is left unchanged.
        """
        _parameters.check(self)
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        data = {"X": X, "y": y, "metadata": metadata}
        takes_sparse = not _parameters.is_precomputed(self.feature_map)
        X, y, weight = check_labelled(self, X, y, sample_weight, True, takes_sparse)
        _parameters.check_samples(self, X)
        task = task_of(self, X, y, weight)
        with single_blas_thread():
            fitted, _ = train(self, task, data)
        return self._publish(fitted)

    @available_if(has_stream)
    @all_or_nothing
    def partial_fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Update the model with a chunk of a stream.

        Samples that violate the margin or are near it are kept, and the model is fitted to these
        and the new ones. The first chunk determines `gamma_` and fits any transformer; landmarks
        are drawn again each time the stream has doubled. After `fit` the stream continues from the
        support vectors.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The next samples.

        y : array-like of shape (n_samples,)
            Their class labels.

        classes : array-like of shape (n_classes,), default=None
            All classes of the stream. Needed in the first call, optional afterwards.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        Returns
        -------
        FeatureMapSVM
            The estimator.

        Raises
        ------
        ValueError
            As in `fit`; if `classes` is missing in the first call or differs later; if
            `feature_map`, `kernel`, `gamma`, `degree`, `coef0` or `multi_class` has changed; or if
            an earlier `fit` has not kept its support vectors.
        """
        _parameters.check(self)
        first = not hasattr(self, "classes_")
        if not first:
            check_unchanged(self)
        X, y, weight = check_labelled(self, X, y, sample_weight, reset=first)
        classes = settle_classes(None if first else self.classes_, classes)
        check_labels(y, classes)
        with single_blas_thread():
            return self._publish(learn_chunk(self, X, y, weight, classes))

    @cached_property
    def coef_(self) -> FloatArray:
        """Normals w of the planes in the space of the map, of shape (n_problems, n_features_out).

        A fit in the space of the exact kernel needs no factorisation of the kernel of its
        landmarks, but these do. They are computed when they are first asked for, which showing
        the estimator as HTML does too, and kept.
        """
        if "_kernel_weights" not in vars(self):
            raise AttributeError(f"This {type(self).__name__} has no coef_ before it is fitted.")
        return np.ascontiguousarray(restored_map(self).coef().T, dtype=self.intercept_.dtype)

    def decision_function(self, X: MatrixLike) -> FloatArray:
        """Return the signed distances from the planes, in units of half a margin.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one value, positive for ``classes_[1]``. Else the largest value
            decides; with ``multi_class='ovo'`` it is the number of pairs won, plus a confidence
            of less than half.
        """
        X = new_samples(self, X)
        decisions = restored_map(self).decisions(X) + self.intercept_
        multi_class = self._fitted_with["multi_class"]
        values = class_values(decisions, len(self.classes_), multi_class)
        return np.ascontiguousarray(values, dtype=X.dtype)

    def predict(self, X: MatrixLike) -> LabelArray:
        """Return the class of each sample, as `decision_function` decides.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            Classes.
        """
        return decided(self.decision_function(X), self.classes_)

    def transform(self, X: MatrixLike) -> FloatMatrix:
        """Map samples to the space of the planes.

        The decision values of the problems are ``transform(X) @ coef_.T + intercept_``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        {ndarray, CSR array} of shape (n_samples, n_features_out)
            The mapped samples.
        """
        X = new_samples(self, X)
        return restored_map(self).transform(X).astype(X.dtype, copy=False)

    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> NDArray[np.object_]:
        """Return the names of the features that `transform` returns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the input features; those seen during fit by default.

        Returns
        -------
        ndarray of str of shape (n_features_out,)
            The names that the map gives, or else its kind and a number.
        """
        check_is_fitted(self)
        return restored_map(self).names(names_of_input(self, input_features))

    def _publish(self, fitted: dict[str, Any]) -> Self:
        for name in SOMETIMES_FITTED:
            vars(self).pop(name, None)
        vars(self).update(fitted)
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        _parameters.tag_input(self, tags.input_tags)
        return tags
