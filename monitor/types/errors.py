"""One tree of errors. Each knows what happened (its class, one sentence), to whom, and whether trying again can help."""

from __future__ import annotations

from datetime import timedelta


class MonitorError(Exception):
    """Something went wrong that we understand and can explain."""

    def __reduce__(self) -> tuple[object, ...]:
        """Pickles whole: `Exception` would call the class with its message only and trip over keyword-only arguments."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(cls: type[MonitorError], args: tuple[object, ...], state: dict[str, object]) -> MonitorError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


class ConfigError(MonitorError):
    """The settings, seeds or command line hold faults; all of them, each with its place and mend."""

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class StoreError(MonitorError):
    """The store cannot be used as it is."""


class StoreBusyError(StoreError):
    """Another process holds the store; trying again later can help."""


class StoreFullError(StoreError):
    """The disk that holds the store is full; frees itself when space returns."""


class AlreadyRunningError(MonitorError):
    """Another daemon works on the same store."""


class BusyError(MonitorError):
    """This machine has too much of the kind to do; trying again later helps."""


class FetchError(MonitorError):
    """A URL could not be read.

    `code` is a short stable word for logs and counters: the HTTP status as text, or one of `timeout`, `too large`, `dns`,
    `connect`, `tls`, `refused` (our own policy), `redirect`, `protocol`, `encoding`.
    """

    def __init__(
        self,
        message: str,
        *,
        url: str,
        code: str,
        status: int | None = None,
        retry_after_for: timedelta | None = None,
        is_gone: bool = False,
    ) -> None:
        super().__init__(message)
        self.url = url
        self.code = code
        self.status = status
        self.retry_after_for = retry_after_for
        self.is_gone = is_gone


class RefusedAddressError(FetchError):
    """Our own policy forbids this address: private, malformed, or a scheme or port we do not speak."""


class ParseError(MonitorError):
    """A document is not a feed we can read.

    `code` is one of `not a feed`, `too costly`, `broken`.
    """

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code
