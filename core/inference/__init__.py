"""Detectors over many images: parts and codes in batches, and validation on synthetic faults."""
