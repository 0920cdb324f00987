"""Pixels on their way to a trunk: preprocessing, resize, augmentation."""
