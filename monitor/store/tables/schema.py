"""The whole schema, for what makes or compares all tables. Who works with some of them imports these alone."""

from __future__ import annotations

from monitor.store.tables import alerts, articles, base, deliveries, feeds, indexes, matches, nodes, stories, topics

MODULES = (alerts, articles, deliveries, feeds, indexes, matches, nodes, stories, topics)
"""Importing them is what puts their tables into the metadata."""
metadata = base.metadata
