"""The static files of the pages: cached by browsers, and compressed.

An address with the file's digest (`/static/style.css?v=1a2b3c4d`, as `address` makes it) never means another text, so it may be
kept for a year; any other is kept for some minutes and then asked about (304). How pages are compressed: see `compression`.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

FOLDER = Path(__file__).parent / "static"
_FOR_GOOD = "public, max-age=31536000, immutable"
_FOR_MINUTES = "public, max-age=600"


@cache
def digest(name: str) -> str:
    """A short digest of a file's content; '' where there is no such file."""
    path = FOLDER / name
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else ""


def address(name: str) -> str:
    """The address of a static file as it is now."""
    return f"/static/{name}?v={digest(name)}"


class _CachedFiles(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, with the time for which it may be kept."""
        response = await super().get_response(path, scope)
        if response.status_code in (200, 304):
            asked = parse_qs(scope["query_string"].decode("latin-1")).get("v", [""])[0]
            is_of_now = bool(asked) and asked == digest(path)
            response.headers["Cache-Control"] = _FOR_GOOD if is_of_now else _FOR_MINUTES
        return response


def static_files() -> ASGIApp:
    """The application under /static."""
    return GZipMiddleware(_CachedFiles(directory=FOLDER), minimum_size=500)
