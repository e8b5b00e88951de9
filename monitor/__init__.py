"""Article monitor: follow a subject by example, be told once when the news carries it."""

__version__ = "0.1.0"
