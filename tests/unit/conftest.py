"""Hypothesis tries the same examples each time, and a busy machine fails no test."""

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, database=None, deadline=None)
settings.load_profile("fixed")
