"""Timings by subject: what a flow, a page or a map costs. Each file is one subject."""
