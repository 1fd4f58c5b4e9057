from ._loss_curve import LossCurveDisplay as LossCurveDisplay
