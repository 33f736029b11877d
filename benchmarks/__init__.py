"""Timings of the main job. Run with `make bench`; figures are medians unless they say otherwise."""
