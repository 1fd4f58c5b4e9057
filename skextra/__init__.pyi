__version__: str

from . import cnn as cnn
from . import plotting as plotting
from ._adaptive._adaline import Adaline as Adaline
from ._adaptive._delay_line import TappedDelayLine as TappedDelayLine
from ._adaptive._lms import LMSRegressor as LMSRegressor
from ._adaptive._stability import LMSStability as LMSStability
from ._adaptive._stability import lms_stability as lms_stability
from ._adaptive._trace import AdaptiveTrace as AdaptiveTrace
from ._kmeans._history import KMeansHistory as KMeansHistory
from ._kmeans._kmeans_pp import KMeansPP as KMeansPP
from ._kmeans._path import InertiaPath as InertiaPath
from ._kmeans._path import inertia_path as inertia_path
from ._madaline._madaline import Madaline as Madaline
from ._show_versions import show_versions as show_versions
from ._svm._feature_map_svm import FeatureMapSVM as FeatureMapSVM
from .cnn._classifier import CNNClassifier as CNNClassifier
