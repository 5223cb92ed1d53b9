"""Outskirts: a workbench for looking inside deep anomaly detectors."""

__version__ = "0.1.0"
