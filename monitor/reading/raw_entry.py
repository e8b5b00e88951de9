"""One field of feedparser's results, whatever it made of the element. Pure."""

from __future__ import annotations

from typing import Any


def string(mapping: Any, key: str) -> str:
    """A text field; '' for other types, as feedparser returns a mapping where an element unexpectedly has attributes."""
    # feedparser's own `get` is slow, and warns when it falls back from one date to another; some mappings have `href` for `url`.
    value = (mapping.get(key) if key == "url" else dict.get(mapping, key)) if mapping else None
    return value if isinstance(value, str) else ""


def date_strings(raw: Any) -> list[str]:
    """The dates of an entry as written, that of its publication first."""
    written = (dict.get(raw, key) for key in ("published", "updated", "created"))
    return [each for each in written if isinstance(each, str) and each.strip()]
