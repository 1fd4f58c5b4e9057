"""Estimators where scikit-learn's own are asked for."""

from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    ClusterMixin,
    RegressorMixin,
    TransformerMixin,
)

from skextra import (
    Adaline,
    CNNClassifier,
    FeatureMapSVM,
    KMeansPP,
    LMSRegressor,
    Madaline,
    TappedDelayLine,
)


def right_code() -> None:
    takes_any(KMeansPP(), LMSRegressor(), TappedDelayLine())
    takes_any(Adaline(), Madaline(), FeatureMapSVM(), CNNClassifier())
    takes_classifiers(Adaline(), Madaline(), FeatureMapSVM(), CNNClassifier())
    takes_others(LMSRegressor(), KMeansPP(), TappedDelayLine())
    named: dict[str, BaseEstimator] = {"adaline": Adaline(), "filter": LMSRegressor()}
    print(named)


def takes_any(*models: BaseEstimator) -> None:
    pass


def takes_classifiers(*models: ClassifierMixin) -> None:
    pass


def takes_others(
    regressor: RegressorMixin, clusters: ClusterMixin, transformer: TransformerMixin
) -> None:
    pass
