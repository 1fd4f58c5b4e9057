"""Pictures of fitted estimators, by scikit-learn's Display conventions.

Displays hold computed data only and import matplotlib when they plot; it comes with
``pip install "skextra[plot]"``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
