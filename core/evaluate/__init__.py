"""How good a score is: metrics, calibration, bootstraps; numpy alone."""
