"""Forms that carry files (multipart/form-data), and how many bytes each form may have.

Only the paths of `takes_files` take files and long texts; every other form stays small.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

MAX_FORM_BYTES = 8192
MAX_UPLOAD_BYTES = 2_000_000
_UPLOADS = re.compile(r"/feeds/(?:import|add)|/topics/make|/(?:topic|draft)/[^/]+/add")
_MAX_PARTS = 60
_BOUNDARY = re.compile(r"multipart/form-data;(?:[^;]*;)*?\s*boundary=\"?([0-9A-Za-z'()+_,./:=? -]{1,70})\"?", re.I)
_DISPOSITION = re.compile(rb"content-disposition:\s*form-data\s*;(.*)", re.I)
_PARAMETER = re.compile(rb"\b(name|filename)=\"([^\"]*)\"", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that was sent with a form."""

    field: str
    name: str
    """As the browser calls it, without folders; to be shown, never to be opened."""
    body: bytes


class BodyLimits:
    """Middleware: 413 for a body that is longer than its path takes."""

    def __init__(self, app: ASGIApp) -> None:
        self._small = RequestBodyLimitMiddleware(app, max_body_size=MAX_FORM_BYTES)
        self._large = RequestBodyLimitMiddleware(app, max_body_size=MAX_UPLOAD_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_upload = scope["type"] == "http" and takes_files(scope["path"])
        await (self._large if is_upload else self._small)(scope, receive, send)


def takes_files(path: str) -> bool:
    """Whether the form of this path may carry files and long texts."""
    return bool(_UPLOADS.fullmatch(path))


def read_multipart(body: bytes, content_type: str) -> tuple[list[tuple[str, str]], list[Upload]]:
    """The fields and files of a form, in order; a file input without a file gives none. Raises ValueError for any other body."""
    boundary = _BOUNDARY.match(content_type)
    if not boundary:
        raise ValueError("there is no boundary")
    first, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())
    if first.strip() or not parts or not parts[-1].startswith(b"--") or len(parts) > _MAX_PARTS:
        raise ValueError("the parts are not as they should be")
    fields: list[tuple[str, str]] = []
    files: list[Upload] = []
    for part in parts[:-1]:
        head, is_split, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        named = _names(head)
        if not is_split or b"name" not in named:
            raise ValueError("a part has no name")
        field = named[b"name"].decode("utf-8", "replace")
        if b"filename" not in named:
            fields.append((field, content.decode("utf-8", "replace")))
        elif named[b"filename"] or content:
            files.append(Upload(field=field, name=_file_name(named[b"filename"]), body=content))
    return fields, files


def _names(head: bytes) -> dict[bytes, bytes]:
    found = next((found for line in head.split(b"\r\n") if (found := _DISPOSITION.match(line))), None)
    return {name.lower(): value for name, value in _PARAMETER.findall(found[1])} if found else {}


def _file_name(written: bytes) -> str:
    return re.split(r"[/\\]", written.decode("utf-8", "replace"))[-1][:200]
