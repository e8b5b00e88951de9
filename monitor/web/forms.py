"""Forms as they are read: their fields and files (multipart/form-data), and how many bytes, fields and seconds each may take.

Only the paths of `takes_files` take files and long texts; every other form stays small.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

FORM_SECONDS = 10
UPLOAD_SECONDS = 60
FIELDS = 10
CHANNEL_FIELDS = 20
MANY_FIELDS = 600
"""Fields of the forms with a checkbox for each article or story."""
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


async def read_form(request: Request) -> tuple[dict[str, str], list[Upload]]:
    """The fields of a form, and the files of one that takes any. Other types are refused, as forged requests use them (U4)."""
    kind = request.headers.get("content-type", "")
    is_upload = takes_files(request.url.path) and kind.lower().startswith("multipart/form-data")
    if not is_upload and kind.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise _no_form()
    try:
        async with asyncio.timeout(UPLOAD_SECONDS if is_upload else FORM_SECONDS):
            body = await request.body()
        if is_upload:
            return _with_files(body, kind)
        fields = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_fields(request.url.path)
        )
        return dict(fields), []
    except (TimeoutError, ValueError):
        raise HTTPException(400, "That form was not complete.") from None


def _with_files(body: bytes, kind: str) -> tuple[dict[str, str], list[Upload]]:
    try:
        fields, files = read_multipart(body, kind)
    except ValueError:
        raise _no_form() from None
    return dict(fields), files


def _no_form() -> HTTPException:
    return HTTPException(415, "Only the monitor's own forms are taken here.")


def _fields(path: str) -> int:
    if path.startswith(("/stories/", "/verdicts", "/feeds/", "/draft/")):
        return MANY_FIELDS
    return CHANNEL_FIELDS if path.startswith("/channel") else FIELDS
