from ._compression import CompressionDisplay as CompressionDisplay
from ._elbow import ElbowDisplay as ElbowDisplay
from ._kmeans_trace import KMeansTraceDisplay as KMeansTraceDisplay
from ._loss_curve import LossCurveDisplay as LossCurveDisplay
from ._svm import SVMDisplay as SVMDisplay
