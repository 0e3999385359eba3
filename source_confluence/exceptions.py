"""Name every error of the connector, so that one page shows what can go wrong.

Exception
├── ConfigError                 a setting cannot work
├── BadFileError                a file of the command line cannot be used
├── CheckFailedError            the credentials do not work (in `identity`)
├── ResponseError               a response with status 200 is not what was asked for
│   ├── TooLargeError           its body is larger than fits in memory
│   ├── NotJsonError            its body is not JSON, or not all of it
│   │   └── UndecodableError    its body is whole, but one of its rows cannot be decoded
│   └── NotAListError           its body is JSON, but not a list of results
├── BrokenPagingError           the list does not lead on, or leads back
├── FilterIgnoredError          a response to `id=…` holds rows that were not asked for
├── TooManyDifferencesError     two sketches differ in more than they can name
└── FinalFailureError           a request failed for good, in words for the user (in `failures`)
BaseException
└── StoppedError                the process was told to stop
"""


class ConfigError(ValueError):
    """A setting that cannot work; its text says what happened, the likely cause, what to do."""


class BadFileError(ValueError):
    """A file that cannot be used; its text says what happened, the likely cause, what to do."""


class ResponseError(ValueError):
    """A response with status 200 is not what was asked for; its text says what exactly."""


class TooLargeError(ResponseError):
    """The body is larger than fits in memory."""


class NotJsonError(ResponseError):
    """The body is not JSON, or not all of it."""


class UndecodableError(NotJsonError):
    """The body is whole, but something in one of its rows cannot be decoded."""


class NotAListError(ResponseError):
    """The body is JSON, but not a list of results."""


class BrokenPagingError(ValueError):
    """The response does not lead on, or leads back to where the read has been."""


class FilterIgnoredError(ValueError):
    """A response to `id=…` holds rows that were not asked for."""


class TooManyDifferencesError(ValueError):
    """Two sketches differ in more elements than they can name."""


class StoppedError(BaseException):
    """The process was told to stop; like KeyboardInterrupt, no other `except` may catch it.

    Args:
        signal_name: `SIGTERM`.
    """

    def __init__(self, signal_name: str) -> None:
        super().__init__(signal_name)
        self.signal_name = signal_name
