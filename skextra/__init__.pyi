from . import plotting as plotting
from ._adaptive._adaline import Adaline as Adaline
from ._adaptive._delay_line import TappedDelayLine as TappedDelayLine
from ._adaptive._lms import LMSRegressor as LMSRegressor
from ._adaptive._stability import LMSStability as LMSStability
from ._adaptive._stability import lms_stability as lms_stability
from ._adaptive._trace import AdaptiveTrace as AdaptiveTrace
