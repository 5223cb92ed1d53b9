"""Studies: protocols that compare arms over many trainings. Each file is one study."""
