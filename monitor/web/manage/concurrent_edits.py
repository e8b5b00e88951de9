"""Forms that two windows, or two people, have open at once: each says what its fields showed, so that the later one to save undoes
nothing that it did not touch. Pure."""

from __future__ import annotations

from collections.abc import Mapping

WAS = "was_"
"""Before the name of a field: the hidden field with what it showed."""


def merged(form: Mapping[str, str], now: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The form with the fields that were not touched as they are `now`, and a fault for each that was changed here and, since the
    page was loaded, elsewhere to something else. A form that does not say what it showed counts as loaded just now."""
    found, faults = dict(form), {}
    for name, present in now.items():
        typed, shown, present_line = (
            _line(each) for each in (form.get(name, ""), form.get(WAS + name, present), present)
        )
        if typed == shown:
            found[name] = present
        elif shown != present_line != typed:
            faults[name] = f"This was changed meanwhile, to “{present_line or 'nothing'}”. Save again to replace that."
    return found, faults


def _line(text: str) -> str:
    """Without what a browser or we make of white space."""
    return " ".join(text.split())
