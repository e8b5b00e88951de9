"""The exception hierarchy. An error's class and sentence say what happened and to what, and whether a retry can help."""

from __future__ import annotations

from datetime import datetime, timedelta


class MonitorError(Exception):
    """Base of all errors that are expected and can be explained to an operator."""

    def __reduce__(self) -> tuple[object, ...]:
        """Keep all attributes: `Exception` would call the class with its message alone and fail on keyword-only arguments."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(cls: type[MonitorError], args: tuple[object, ...], state: dict[str, object]) -> MonitorError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


class ConfigError(MonitorError):
    """The settings, seeds or command line are faulty. `faults` lists all faults, each with its place and how to mend it."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class StoreError(MonitorError):
    """The store cannot be used in its present state."""


class StoreBusyError(StoreError):
    """Another process has locked the store; a retry can help."""


class StoreUnreachableError(StoreError):
    """The database server does not answer, or not yet; a retry can help."""


class StoreFullError(StoreError):
    """The store's disk is full; a retry succeeds once there is space again."""


class AlreadyRunningError(MonitorError):
    """Another daemon is running on the same store."""


class BusyError(MonitorError):
    """Too much work of this kind is queued on this machine; retry later."""


class FetchError(MonitorError):
    """A URL could not be read.

    `code` is a short stable label for logs and counters: the HTTP status as text, or one of `timeout`, `too large`, `dns`,
    `connect`, `tls`, `refused` (by our address policy), `redirect`, `protocol`, `encoding`, `resting`. `host` is the one that
    answered, after all redirects; '' where none did.
    """

    def __init__(
        self,
        message: str,
        *,
        url: str,
        code: str,
        status: int | None = None,
        retry_after_for: timedelta | None = None,
        max_age_for: timedelta | None = None,
        host: str = "",
        is_gone: bool = False,
    ) -> None:
        super().__init__(message)
        self.url = url
        self.code = code
        self.status = status
        self.retry_after_for = retry_after_for
        self.max_age_for = max_age_for
        self.host = host
        self.is_gone = is_gone


class HostRestsError(FetchError):
    """The host asked to be left alone until a time that has not come: it was not asked."""

    def __init__(self, host: str, until_at: datetime, *, url: str) -> None:
        says = f"{host} wants to be left alone until {until_at:%Y-%m-%d %H:%M} UTC, so it was not asked"
        super().__init__(says, url=url, code="resting", host=host)
        self.until_at = until_at


class RefusedAddressError(FetchError):
    """The address policy forbids this address: private, malformed, or an unsupported scheme or port."""


class ParseError(MonitorError):
    """A document cannot be read as a feed.

    `code` is one of `not a feed`, `too costly`, `broken`.
    """

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code
