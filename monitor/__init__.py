"""Article monitor: follow a subject by example, get one alert when the news carries it."""

__version__ = "0.1.0"
