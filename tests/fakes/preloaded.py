"""Imported by the fork server of the tests' workers: what each of their hundreds of processes would load anew, loaded once."""

from __future__ import annotations

from monitor.text import language

language.preload()
