"""CNNClassifier: a convolutional network as a scikit-learn estimator."""

from functools import partial

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from skextra._base import Estimator, all_or_nothing, random_state_of
from skextra._callbacks import CallbackSupportMixin, EpochReporter, with_callbacks
from skextra._common._classes import (
    check_labels,
    check_same_classes,
    settle_classes,
    streamable,
)
from skextra.cnn._parameters import check_parameters
from skextra.cnn._predictions import Predictions
from skextra.cnn._training._pool import optimizer_key
from skextra.cnn._training._samples import (
    read_samples,
    read_validation,
    split_off,
    weigh_classes,
)
from skextra.cnn._training._stages import (
    attributes_after,
    continued_design,
    new_design,
    task_of,
    train,
)
from skextra.cnn._training._task import TrainingState

# Seeds are whole numbers below this: what a RandomState draws on every platform.
_SEEDS = np.iinfo(np.int32).max


class CNNClassifier(CallbackSupportMixin, Predictions, ClassifierMixin, Estimator):
    """Convolutional neural network that is a scikit-learn classifier, on Keras and TensorFlow.

    Convolutions, each with an optional batch normalisation, activation, pool and dropout; then
    dense layers; then one output a class, trained by backpropagation on the cross-entropy.

    A parameter of the layers is one value for all layers or a tuple with one for each; height
    and width that differ are a pair: ``kernel_size=((3, 5), 3)`` has 3 x 5 in the first of two
    convolutions. Those of `activation`, `use_bias`, `batch_norm`, `dropout`, `kernel_initializer`
    and `l2` go on with the dense layers.

    Parameters
    ----------
    filters : int or tuple of int, default=(32, 64)
        Filters of each convolution. More see more, and cost time in proportion. ``()`` leaves
        dense layers only.

    kernel_size : int or tuple, default=3
        Height and width of the filters. Along an axis of size 1 it is always 1.

    strides : int or tuple, default=1
        Step of the filters; 2 halves the height and the width.

    padding : {'same', 'valid'}, int or tuple, default='same'
        Zeros around the image: as many as keep its size, none, or so many on every side.

    dilation : int or tuple, default=1
        Distance of the taps of a filter. More than 1 sees further for the same price, and needs
        strides of 1.

    pool : {'max', 'average', None} or tuple, default='max'
        What follows each convolution.

    pool_size : int or tuple, default=2
        Height and width of the pools.

    pool_strides : int or tuple, default=None
        Step of the pools; by default `pool_size`.

    dense_units : int or tuple of int, default=(64,)
        Units of the dense layers between the convolutions and the output layer.

    activation : str or tuple of str, default='relu'
        Any activation that Keras knows by name.

    use_bias : {'auto', True, False} or tuple, default='auto'
        Whether layers have a bias; 'auto' leaves it out before batch normalisation, which takes
        it away again. The output layer has one.

    batch_norm : bool or tuple of bool, default=False
        Whether batch normalisation [1]_ stands before the activation. It allows larger learning
        rates. See the notes for its statistics.

    dropout : float or tuple of float, default=0.0
        Share of the outputs of a layer that are left out at random in training [2]_, below 1.

    kernel_initializer : str, dict or tuple, default='glorot_uniform'
        Initial weights: a name that Keras knows, such as 'he_normal' or 'zeros', or what
        ``keras.initializers.serialize`` returns. One value holds for the output layer too.

    l2 : float or tuple of float, default=0.0
        Factor of the sum of squared weights that is added to the loss (biases are free). One
        value holds for the output layer too.

    optimizer : {'adam', 'sgd'} or dict, default='adam'
        The optimizer, or what ``keras.optimizers.serialize`` returns for any other.

    learning_rate : float, default=None
        Step size. By default 0.001 for 'adam', 0.01 for 'sgd' and that of a dict. Too high
        diverges, which is an error in the first epoch and a warning later.

    momentum : float, default=0.9
        Share of the last step in the next, for 'sgd' only.

    epochs : int, default=10
        Passes over the data.

    batch_size : int, default=32
        Samples to a step. More are faster an epoch and take fewer steps.

    shuffle : bool, default=True
        Whether the samples come in a new order every epoch.

    early_stopping : bool, default=False
        Whether to stop when the validation loss has not fallen for `n_iter_no_change` epochs,
        and to keep the weights with the lowest.

    validation_fraction : float, default=0.1
        Share of the samples that early stopping holds out, by class, unless `fit` is given
        validation samples.

    n_iter_no_change : int, default=10
        Patience of early stopping, in epochs.

    augmentation : dict, default=None
        How far images are moved at random in training: 'shift' in whole pixels, 'rotation' in
        degrees, 'zoom' as a share, 'flip' one of 'horizontal', 'vertical' and 'both'. What comes
        into view is 0. Signals are shifted, zoomed and flipped horizontally, along their length;
        anything else is an error for them.

    class_weight : dict or 'balanced', default=None
        Weights of the classes, multiplied with those of the samples that are trained on;
        'balanced' weighs them by the inverse of their (weighted) frequency.

    image_shape : tuple of int, default=None
        Shape of a sample, needed where X has rows that are not what `input_kind` takes them for:
        (height, width, channels) or (height, width) of images; for signals (length,) or, with
        ``input_kind='signal'``, (length, channels).

    input_kind : {'auto', 'image', 'signal'}, default='auto'
        What the samples are. Filters and pools move over the height and the width of images, and
        along the length of signals, over all their channels. See the notes for 'auto'.

    build : callable, default=None
        ``build(image_shape, n_classes)`` returns a Keras model of your own in place of the layers
        above, with an output a class, logits or softmax, for images as floats; for signals the
        height of 1 in image_shape may be left out. The global
        generators of Python and NumPy are seeded while it runs, so weights that Keras draws are
        repeatable. A copy of the model is trained, unless it has layers that are not Keras's:
        then return a new one each time. It must be importable to be pickled.

    callbacks : list of keras.callbacks.Callback, default=None
        Keras callbacks. They see the network with logits for outputs. Those that listen to
        batches cost time, and so do those that are not Keras's own, which might change anything:
        the network is then compiled for this fit alone. For those of scikit-learn see
        `set_callbacks`.

    checkpoint : str or path, default=None
        A folder for the state after every epoch, one file for each training, which stays there. A
        fit with the same data, parameters and `random_state`, which must be an int, goes on from
        there, with the result of an uninterrupted one. The state of `callbacks` is not in it: they
        begin anew, and those with numbers of an earlier fit in them make it another training.

    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the previous fit.

    dtype : {'auto', 'float32', 'float64'}, default='auto'
        Type of the weights. 'auto' is float64 where all samples fit one batch, unless X is
        float32 or uint8, and otherwise float32; float64 takes several times as long. Where Keras
        is set to mixed precision 'auto' is an error, but models of `build` follow that.

    verbose : bool, default=False
        Whether to print a line an epoch.

    random_state : int, RandomState instance or None, default=None
        Draws the weights, the order of the samples, dropout and augmentation. With an int fits
        on one machine are bit for bit the same.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels.

    image_shape_ : tuple of int
        (height, width, channels), for signals (1, length, channels).

    weights_ : list of ndarray
        Weights in the order of ``model_.get_weights()``, read-only. Empty if y had one class,
        which is then predicted without a network.

    history_ : dict of str to list of float
        'loss' and 'accuracy' after each epoch, and with validation samples 'val_loss' and
        'val_accuracy'. The former are averages over the epoch while the weights moved. Loss is
        the mean cross-entropy without penalties.

    loss_curve_ : ndarray of shape (n_epochs,)
        The losses of `history_`.

    n_iter_ : int
        Epochs run by `fit`, and calls of `partial_fit` since.

    model_ : keras.Model
        A new model each time, which stands by itself. Its input has the shape `image_shape_`.

    n_features_in_ : int
        Numbers in an image.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, when X has string names for all.

    See Also
    --------
    sklearn.neural_network.MLPClassifier : Dense layers, without Keras.
    FeatureMapSVM : A kernel machine: quick, and good on images that are centred.

    Notes
    -----
    **Images and signals.** With ``input_kind='auto'`` arrays of three dimensions are images of
    one channel, (n_samples, height, width), and of four images of several. Rows are square images
    where that is possible, and otherwise signals. Three dimensions that look like signals of some
    channels are told in a warning. With 'signal' rows are signals of one channel, and three
    dimensions are (n_samples, length, channels); with 'image' rows that are not square need
    `image_shape`.

    **Pixels.** uint8 is divided by 255 inside. Integers of other types are divided by the largest
    number of the bits that the largest of them in `fit` takes, eight at least: pixels of 0 to 255
    by 255, those of 12 bits by 4095, sound of 16 bits by 32767. Where none is beyond 31 they are
    codes or counts, and taken as they are, like bool and floats, which should lie near 0 to 1 or
    be standardised; a warning names those that are far from it. What `fit` divided by holds for
    all integers that follow. Another scale than that of `fit` is an error or a warning where it
    can be seen.

    **Memory.** X is read where it lies, a few megabytes at a time, whatever its type and whatever
    the parameters, so that it may be a ``numpy.memmap`` larger than the memory.

    **Repeated fits.** The compiled steps of the last eight architectures are kept in the process
    and used again by fits with the same layers, dropout, optimizer and augmentation, from new
    weights. Fits in threads do not share them.

    **Sample weights** are scaled to a mean of 1. If all samples fit one batch, and without
    dropout, batch normalisation, augmentation and early stopping, the fit is a function of the
    weighted samples: a weight of 2 is exactly a sample that is there twice. In mini-batches that
    is true on average only.

    **Batch normalisation** ends with the means and variances of the whole (weighted) training
    set, layer after layer, in place of running averages; that takes a pass over the data for each
    such layer. In `partial_fit` and for validation within a fit there are running averages.

    **Interrupted.** Ctrl-C ends a fit with the network after the last whole epoch and a warning,
    as it does in MLPClassifier (a grid search then goes on to its next fit); in the first epoch
    it is raised.

    Cost of an epoch: three times that of predicting on the samples, which is O(n_samples * MACs).
    Results do not depend on other threads or processes; with another number of TensorFlow's
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

    # Of files and copies that were not to be trained further, there are none.
    _slots = _slots_of = None

    def __init__(
        self,
        filters=(32, 64),
        kernel_size=3,
        *,
        strides=1,
        padding="same",
        dilation=1,
        pool="max",
        pool_size=2,
        pool_strides=None,
        dense_units=(64,),
        activation="relu",
        use_bias="auto",
        batch_norm=False,
        dropout=0.0,
        kernel_initializer="glorot_uniform",
        l2=0.0,
        optimizer="adam",
        learning_rate=None,
        momentum=0.9,
        epochs=10,
        batch_size=32,
        shuffle=True,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        augmentation=None,
        class_weight=None,
        image_shape=None,
        input_kind="auto",
        build=None,
        callbacks=None,
        checkpoint=None,
        warm_start=False,
        dtype="auto",
        verbose=False,
        random_state=None,
    ):
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
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, height, width), \
                (n_samples, height, width, channels) or (n_samples, length, channels)
            Images or signals, or rows of their numbers. Integers are divided inside as the notes
            say; floats are taken as they are.

        y : array-like of shape (n_samples,)
            Class labels of any kind.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, on any scale; a sample of weight 0 is as if it were not there,
            and so is a class that has no other.

        X_val : array-like, default=None
            Images to validate on after every epoch, in the form of X.

        y_val : array-like of shape (n_val,), default=None
            Their labels.

        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.

        Returns
        -------
        CNNClassifier
            The fitted estimator.

        Raises
        ------
        TypeError, ValueError
            If a parameter or the data are invalid, or the network diverges in its first epoch.
            The estimator is then left as it was.

        ImportError
            If Keras or TensorFlow is missing.
        """
        check_parameters(self)
        warm = self.warm_start and bool(getattr(self, "weights_", None))
        samples = read_samples(self, X, y, sample_weight, reset=not warm)
        random_state = random_state_of(self.random_state)
        seed = random_state.randint(_SEEDS)

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
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train on samples in the order given, once, from the current weights.

        Parameters
        ----------
        X : array-like
            The next images, in the form that `fit` takes.

        y : array-like of shape (n_samples,)
            Their labels.

        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come. Needed in the first call, optional afterwards.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples, on the same scale in every call.

        Returns
        -------
        CNNClassifier
            The estimator.

        Raises
        ------
        ValueError
            If `classes` is missing in the first call or differs later, y has other labels, or a
            parameter of the layers has changed since.
        """
        check_parameters(self)
        first = not hasattr(self, "classes_")
        known = settle_classes(None if first else self.classes_, classes)
        samples = read_samples(self, X, y, sample_weight, reset=first)
        check_labels(samples.y, known)
        samples = weigh_classes(self, samples, known)

        if first:
            seed = random_state_of(self.random_state).randint(_SEEDS)
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

    def _begin(self, classes, design):
        """Set what is known before a training that starts from new weights."""
        self.classes_, self.image_shape_, self._design = classes, design.image_shape, design
        self.weights_, self._epochs_seen = [], 0
        self._slots = self._slots_of = None

    def _publish(self, state, history, n_iter, keep_slots):
        """Set what a training has come to."""
        self.weights_, self.history_, self.n_iter_ = state.weights, history, n_iter
        self._epochs_seen += state.epoch
        keep_slots = keep_slots and bool(state.slots)
        self._slots = state.slots if keep_slots else None
        self._slots_of = optimizer_key(self) if keep_slots else None
