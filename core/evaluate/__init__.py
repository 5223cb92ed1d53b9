"""How good a score is: metrics, calibration, benchmarks."""
