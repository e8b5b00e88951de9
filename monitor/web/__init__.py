"""The review page and /healthz: server-rendered, escaped, without a line of inline script or style."""

from __future__ import annotations

from monitor.web.app import create

__all__ = ["create"]
