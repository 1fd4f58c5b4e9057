"""CNNClassifier: a convolutional network as a scikit-learn estimator."""

from collections.abc import Sequence
from functools import partial
from os import PathLike
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from skextra._base import Estimator, all_or_nothing, random_state_of
from skextra._callbacks import CallbackSupportMixin, EpochReporter, with_callbacks
from skextra._common._classes import check_labels, check_same_classes, settle_classes, streamable
from skextra._sklearn import ClassifierMixin, available_if
from skextra._typing import ClassWeight, Int, LabelArray, MatrixLike, RandomStateLike
from skextra.cnn._network._design import Build, Design
from skextra.cnn._network._layers import Config, Counts, Padding, PerLayer, Pool, Size
from skextra.cnn._parameters import check_parameters
from skextra.cnn._predictions import Predictions
from skextra.cnn._training._augmentation import Augmentation
from skextra.cnn._training._pool import optimizer_key
from skextra.cnn._training._samples import read_samples, read_validation, split_off, weigh_classes
from skextra.cnn._training._stages import attributes_after, continued_design, new_design, train
from skextra.cnn._training._task import TrainingState, task_of


class CNNClassifier(CallbackSupportMixin, Predictions, ClassifierMixin, Estimator):
    """Convolutional neural network as a scikit-learn classifier, on Keras and TensorFlow.

    Convolutions, each with optional batch normalisation, activation, pooling and dropout, are
    followed by dense layers and an output for each class. The network is trained by
    backpropagation on the cross-entropy.

    A parameter of the layers is one value for all layers or a tuple with one for each. Height and
    width that differ are a pair: ``kernel_size=((3, 5), 3)`` sets 3 x 5 in the first of two
    convolutions. The values of `activation`, `use_bias`, `batch_norm`, `dropout`,
    `kernel_initializer` and `l2` continue with the dense layers.

    Parameters
    ----------
    filters : int or tuple of int, default=(32, 64)
        Filters of each convolution; cost is proportional to them. ``()``: only dense layers.

    kernel_size : int or tuple, default=3
        Height and width of the filters. Along an axis of size 1 it is always 1.

    strides : int or tuple, default=1
        Step of the filters; 2 halves the height and the width.

    padding : {'same', 'valid'}, int or tuple, default='same'
        Zeros around the image: as many as keep its size, none, or this number on every side.

    dilation : int or tuple, default=1
        Distance between the taps of a filter. More than 1 enlarges the receptive field at the
        same cost, and needs strides of 1.

    pool : {'max', 'average', None} or tuple, default='max'
        Pooling after each convolution.

    pool_size : int or tuple, default=2
        Height and width of the pools.

    pool_strides : int or tuple, default=None
        Step of the pools; by default `pool_size`.

    dense_units : int or tuple of int, default=(64,)
        Units of the dense layers between the convolutions and the output layer.

    activation : str or tuple of str, default='relu'
        Any activation that Keras knows by name.

    use_bias : {'auto', True, False} or tuple, default='auto'
        Whether layers have a bias. 'auto' omits it before batch normalisation, which would cancel
        it. The output layer always has one.

    batch_norm : bool or tuple of bool, default=False
        Whether to apply batch normalisation [1]_ before the activation. It allows larger learning
        rates. See the notes for its statistics.

    dropout : float or tuple of float, default=0.0
        Fraction of the outputs of a layer that training drops at random [2]_, below 1.

    kernel_initializer : str, dict or tuple, default='glorot_uniform'
        Initial weights: a name that Keras knows, such as 'he_normal' or 'zeros', or what
        ``keras.initializers.serialize`` returns. A single value applies to the output layer too.

    l2 : float or tuple of float, default=0.0
        Factor of the sum of squared weights that is added to the loss (biases are exempt). A
        single value applies to the output layer too.

    optimizer : {'adam', 'sgd'} or dict, default='adam'
        The optimizer, or what ``keras.optimizers.serialize`` returns for any other.

    learning_rate : float, default=None
        Step size. By default 0.001 for 'adam', 0.01 for 'sgd' and that of a dict. If it is too
        high, training diverges: an error in the first epoch, a warning later.

    momentum : float, default=0.9
        Fraction of the last step in the next, for 'sgd' only.

    epochs : int, default=10
        Passes over the data.

    batch_size : int, default=32
        Samples per step. Larger batches make an epoch faster and take fewer steps.

    shuffle : bool, default=True
        Whether to shuffle the samples in every epoch.

    early_stopping : bool, default=False
        Whether to stop when the validation loss has not decreased for `n_iter_no_change` epochs,
        and to keep the weights with the lowest.

    validation_fraction : float, default=0.1
        Fraction of the samples that early stopping holds out, stratified by class, unless `fit`
        is given validation samples.

    n_iter_no_change : int, default=10
        Patience of early stopping, in epochs.

    augmentation : dict, default=None
        Limits of random transformations in training: 'shift' in whole pixels, 'rotation' in
        degrees, 'zoom' as a fraction, and 'flip', one of 'horizontal', 'vertical' and 'both'.
        Borders are filled with 0. Signals are shifted, zoomed and flipped horizontally, along
        their length; the rest is an error for them.

    class_weight : dict or 'balanced', default=None
        Weights of the classes, multiplied with those of the training samples; 'balanced' uses the
        inverse of their (weighted) frequencies.

    image_shape : int or tuple of int, default=None
        Shape of a sample, needed where the rows of X are not what `input_kind` takes them for:
        (height, width, channels) or (height, width) of images; (length,) or length of signals or,
        with ``input_kind='signal'``, (length, channels).

    input_kind : {'auto', 'image', 'signal'}, default='auto'
        What the samples are. Filters and pools move over the height and the width of images, and
        along the length of signals. See the notes for 'auto'.

    build : callable, default=None
        ``build(image_shape, n_classes)`` returns a Keras model to use in place of the layers
        above, with one output per class, logits or softmax, for images as floats. For signals it
        may omit the height of 1 in image_shape. The global generators of Python and NumPy are
        seeded while it runs, so that initial weights are repeatable. A copy of the model is
        trained, unless it has layers that are not Keras's: then return a new model in every call.
        To be pickled, the function must be importable.

    callbacks : list of keras.callbacks.Callback, default=None
        Keras callbacks, which see the network with logits as outputs. Those that listen to
        batches cost time, and so do those that are not Keras's own, since the network is then
        compiled for this fit alone. For those of scikit-learn see `set_callbacks`.

    checkpoint : str or path, default=None
        Folder for the state after every epoch, one file per training, which is kept. A fit with
        the same data, parameters and `random_state`, which must be an int, resumes from there,
        with the same result as an uninterrupted one. The state of `callbacks` is not stored: they
        start over. A callback that still holds numbers of an earlier fit makes this a different
        training, which does not resume.

    warm_start : bool, default=False
        Whether `fit` starts from the weights of the previous fit.

    dtype : {'auto', 'float32', 'float64'}, default='auto'
        Type of the weights. 'auto' is float64 where all samples fit one batch, unless X is
        float32 or uint8, and otherwise float32; float64 is several times slower. Where Keras is
        set to mixed precision 'auto' is an error, but models of `build` follow that setting.

    verbose : bool, default=False
        Whether to print a line per epoch.

    random_state : int, RandomState instance or None, default=None
        Seeds the weights, the order of the samples, dropout and augmentation. With an int, fits
        on one machine are identical bit for bit.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.

    image_shape_ : tuple of int
        (height, width, channels); (1, length, channels) for signals.

    weights_ : list of ndarray
        Weights in the order of ``model_.get_weights()``, read-only. Empty if y had one class,
        which is then predicted without a network.

    history_ : dict of str to list of float
        'loss' and 'accuracy' of each epoch, and with validation samples 'val_loss' and
        'val_accuracy'. The first two are averages over the epoch, while the weights change. The
        loss is the mean cross-entropy without penalties.

    loss_curve_ : ndarray of shape (n_epochs,)
        The losses of `history_`.

    n_iter_ : int
        Number of epochs of `fit`, plus the calls of `partial_fit` since.

    model_ : keras.Model
        A new, independent model in each access. Its input has the shape `image_shape_`.

    n_features_in_ : int
        Number of features: the values in an image.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, when X has string names for all.

    See Also
    --------
    sklearn.neural_network.MLPClassifier : Dense layers, without Keras.
    FeatureMapSVM : A kernel machine: fast, and accurate on centred images.

    Notes
    -----
    **Images and signals.** With ``input_kind='auto'``, arrays of three dimensions are images of
    one channel, (n_samples, height, width), and arrays of four are images of several. Rows are
    square images where that is possible, and otherwise signals. A warning names arrays of three
    dimensions that look like signals of several channels. With 'signal', rows are signals of one
    channel, and three dimensions are (n_samples, length, channels). With 'image', rows that are
    not square need `image_shape`.

    **Pixels.** uint8 is divided by 255. Other integers are divided by ``2 ** b - 1``, where b, at
    least 8, is the number of bits of the largest magnitude in `fit`: pixels of 0 to 255 by 255,
    those of 12 bits by 4095, sound of 16 bits by 32767. If none exceeds 31 they are codes or
    counts and used unchanged, like bool and floats, which should lie near 0 to 1 or be
    standardised; a warning names those that do not. The divisor of `fit` applies to all later
    integers. A scale that differs from that of `fit` is an error or a warning where it can be
    detected.

    **Memory.** X is read where it lies, a few megabytes at a time, whatever its type and the
    parameters, so it may be a ``numpy.memmap`` that is larger than the memory.

    **Repeated fits.** The process keeps the compiled steps of the last eight architectures. Fits
    with the same layers, dropout, optimizer and augmentation reuse them, with new weights. Fits
    with and without `l2` do not share them, nor do fits in threads.

    **Sample weights** are scaled to a mean of 1. If all samples fit one batch, and without
    dropout, batch normalisation, augmentation and early stopping, a weight of 2 is equivalent to
    a repeated sample. In mini-batches it is so on average only.

    **Batch normalisation** ends with the means and variances of the whole (weighted) training
    set, layer after layer, instead of running averages. That takes a pass over the data for each
    such layer. `partial_fit` and validation within a fit use running averages.

    **Interrupts.** Ctrl-C ends a fit with the network after the last complete epoch and a
    warning, as in MLPClassifier (a grid search then continues with its next fit). In the first
    epoch it is raised.

    An epoch costs three times as much as predicting the samples, which is O(n_samples * MACs).
    Results do not depend on other threads or processes. With another number of TensorFlow's
    threads they differ by rounding.

    References
    ----------
    .. [1] S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by
       reducing internal covariate shift", ICML, 2015.
    .. [2] N. Srivastava et al., "Dropout: a simple way to prevent neural networks from
       overfitting", J. Machine Learning Research 15, 1929-1958, 2014.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skextra import CNNClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> cnn = CNNClassifier(filters=16, epochs=3, random_state=0).fit(X[:1000] / 16, y[:1000])
    >>> cnn.image_shape_
    (8, 8, 1)
    >>> bool(cnn.score(X[1000:] / 16, y[1000:]) > 0.8)
    True
    """

    def __init__(
        self,
        filters: Counts = (32, 64),
        kernel_size: Size | PerLayer[Size] = 3,
        *,
        strides: Size | PerLayer[Size] = 1,
        padding: Padding | PerLayer[Padding] = "same",
        dilation: Size | PerLayer[Size] = 1,
        pool: Pool | PerLayer[Pool] = "max",
        pool_size: Size | PerLayer[Size] = 2,
        pool_strides: Size | PerLayer[Size | None] | None = None,
        dense_units: Counts = (64,),
        activation: str | PerLayer[str] = "relu",
        use_bias: bool | Literal["auto"] | PerLayer[bool | Literal["auto"]] = "auto",
        batch_norm: bool | PerLayer[bool] = False,
        dropout: float | PerLayer[float] = 0.0,
        kernel_initializer: Config | PerLayer[Config] = "glorot_uniform",
        l2: float | PerLayer[float] = 0.0,
        optimizer: Literal["adam", "sgd"] | dict[str, Any] = "adam",
        learning_rate: float | None = None,
        momentum: float = 0.9,
        epochs: Int = 10,
        batch_size: Int = 32,
        shuffle: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: Int = 10,
        augmentation: Augmentation | None = None,
        class_weight: ClassWeight = None,
        image_shape: Int | tuple[Int, ...] | None = None,
        input_kind: Literal["auto", "image", "signal"] = "auto",
        build: Build | None = None,
        callbacks: Sequence[Any] | None = None,
        checkpoint: str | PathLike[str] | None = None,
        warm_start: bool = False,
        dtype: Literal["auto", "float32", "float64"] = "auto",
        verbose: bool = False,
        random_state: RandomStateLike = None,
    ) -> None:
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.dilation = dilation
        self.pool = pool
        self.pool_size = pool_size
        self.pool_strides = pool_strides
        self.dense_units = dense_units
        self.activation = activation
        self.use_bias = use_bias
        self.batch_norm = batch_norm
        self.dropout = dropout
        self.kernel_initializer = kernel_initializer
        self.l2 = l2
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.epochs = epochs
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.augmentation = augmentation
        self.class_weight = class_weight
        self.image_shape = image_shape
        self.input_kind = input_kind
        self.build = build
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.warm_start = warm_start
        self.dtype = dtype
        self.verbose = verbose
        self.random_state = random_state

    @all_or_nothing
    @with_callbacks
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, height, width), \
                (n_samples, height, width, channels) or (n_samples, length, channels)
            Images or signals, or rows of their values. Integers are divided as the notes say;
            floats are used unchanged.

        y : array-like of shape (n_samples,)
            Class labels of any type.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, on any scale. Samples of weight 0 are ignored, and so are
            classes that have no others.

        X_val : array-like, default=None
            Images to validate on after every epoch, in the format of X.

        y_val : array-like of shape (n_val,), default=None
            Labels of X_val.

        sample_weight_val : array-like of shape (n_val,), default=None
            Weights of X_val.

        Returns
        -------
        CNNClassifier
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            If a parameter or the data are invalid, or the network diverges in its first epoch.
            The estimator is then unchanged.

        ImportError
            If Keras or TensorFlow is missing.
        """
        check_parameters(self)
        warm = self.warm_start and bool(getattr(self, "weights_", None))
        samples = read_samples(self, X, y, sample_weight, reset=not warm)
        random_state = random_state_of(self.random_state)
        seed = random_state.randint(np.iinfo(np.int32).max)

        classes = np.unique(samples.y)
        if warm:
            check_same_classes(self.classes_, classes)
            self._design = continued_design(self, samples)
        else:
            self._begin(classes, new_design(self, samples, len(classes), seed))

        validation = read_validation(self, X_val, y_val, sample_weight_val)
        if validation is None and self.early_stopping and len(classes) > 1:
            samples, validation = split_off(self, samples, random_state)
        samples = weigh_classes(self, samples, classes)

        # What a ScoringMonitor hands to its scorer, which knows of no validation samples.
        data = {"X": X, "y": y, "metadata": {"sample_weight": sample_weight}}
        reporter = EpochReporter(self, self.epochs, partial(attributes_after, self), **data)
        if len(classes) == 1:
            state = TrainingState([], {"loss": [], "accuracy": []})
        else:
            state = train(self, task_of(self, samples, validation), reporter.epoch)

        self._publish(state, state.history, state.epoch, keep_slots=self.warm_start)
        reporter.finish((self.weights_, self.history_, None))
        return self

    @available_if(streamable)
    @all_or_nothing
    def partial_fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train for one pass over the samples, in their order, from the current weights.

        Parameters
        ----------
        X : array-like
            The next images, in the format that `fit` takes.

        y : array-like of shape (n_samples,)
            Their labels.

        classes : array-like of shape (n_classes,), default=None
            All labels of the stream. Required in the first call, optional afterwards.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, on one scale in all calls.

        Returns
        -------
        CNNClassifier
            The estimator.

        Raises
        ------
        ValueError
            If `classes` is missing in the first call or differs later, y has other labels, or a
            parameter of the layers has changed since then.
        """
        check_parameters(self)
        first = not hasattr(self, "classes_")
        known = settle_classes(None if first else self.classes_, classes)
        samples = read_samples(self, X, y, sample_weight, reset=first)
        check_labels(samples.y, known)
        samples = weigh_classes(self, samples, known)

        if first:
            seed = random_state_of(self.random_state).randint(np.iinfo(np.int32).max)
            self._begin(known, new_design(self, samples, len(known), seed))
            self.history_, self.n_iter_ = {"loss": [], "accuracy": []}, 0
        else:
            self._design = continued_design(self, samples)

        if len(known) > 1:
            state = train(self, task_of(self, samples, stream=True))
            new = state.history
            history = {name: old + new.get(name, []) for name, old in self.history_.items()}
            self._publish(state, history, self.n_iter_ + 1, keep_slots=True)
        else:
            self.n_iter_ += 1
        return self

    def _begin(self, classes: LabelArray, design: Design) -> None:
        """Set what is known before a training that starts from new weights."""
        self.classes_, self.image_shape_, self._design = classes, design.image_shape, design
        self.weights_, self._epochs_seen = [], 0
        self._slots = self._slots_of = None

    def _publish(
        self, state: TrainingState, history: dict[str, list[float]], n_iter: int, keep_slots: bool
    ) -> None:
        """Set the results of a training."""
        self.weights_, self.history_, self.n_iter_ = state.weights, history, n_iter
        self._epochs_seen += state.epoch
        keep_slots = keep_slots and bool(state.slots)
        self._slots = state.slots if keep_slots else None
        self._slots_of = optimizer_key(self) if keep_slots else None
