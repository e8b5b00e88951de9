"""Forms whose page is older than our last start: nothing is done, and what was typed is offered to be sent again.

The guard has seen already that one of our own pages sent the form (`guard.is_ours`); its token alone is that of an earlier process.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from monitor.web.forms import takes_files
from monitor.web.guard import Tokens
from monitor.web.show import page

LOST = "lost"
"""The field that names the secrets which were typed and are not sent again, divided by spaces."""
_SECRETS = ("url", "secrets", "headers", "password", "bot_token")
"""Fields of channels that no page shows, this one neither."""


def sent_again(path: str, form: Mapping[str, str], token: str, *, has_files: bool) -> Response:
    """A page that keeps what was typed, with a button that sends it. Secrets and files are not kept, which it says."""
    typed = {name: value for name, value in form.items() if name not in (Tokens.FIELD, LOST)}
    of_channel = [name for name in _SECRETS if path.startswith("/channel") and typed.pop(name, "").strip()]
    lost = [*form.get(LOST, "").split(), *of_channel]
    return page(
        "stale.html",
        status=403,
        action=path,
        token=token,
        typed=typed | ({LOST: " ".join(lost)} if lost else {}),
        is_upload=takes_files(path),
        has_files=has_files,
        has_secrets=bool(lost),
    )
