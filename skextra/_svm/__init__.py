"""FeatureMapSVM: the maximum-margin classifier on an explicit feature map."""
