"""Answer the commands of the protocol: `spec`, `check`, `discover` and `read`."""

import logging
from collections.abc import Collection, Iterator, Mapping, MutableMapping
from functools import reduce
from operator import add, or_
from typing import TYPE_CHECKING, Any

from airbyte_cdk.models import (
    AirbyteConnectionStatus,
    AirbyteErrorTraceMessage,
    AirbyteMessage,
    AirbyteStateMessage,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
    ConnectorSpecification,
    FailureType,
    Status,
)
from airbyte_cdk.sources import AbstractSource
from airbyte_cdk.sources.streams import Stream
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_confluence.exceptions import BadFileError, ConfigError
from source_confluence.live_line import LiveLine
from source_confluence.settings.config import Config
from source_confluence.settings.json_file import bad_file, json_document, json_object
from source_confluence.shutdown import Stop

if TYPE_CHECKING:
    from source_confluence.streams.base import ConfluenceStream
    from source_confluence.transport.workers import Workers


class SourceConfluence(AbstractSource):
    """The connector, as Airbyte's entry point drives it.

    Source: https://docs.airbyte.com/understanding-airbyte/airbyte-protocol
    """

    def __init__(self) -> None:
        self._form: ConnectorSpecification | None = None
        self._workers: Workers | None = None
        self._streams: list[ConfluenceStream] = []
        self.stop = Stop()

    @staticmethod
    def read_config(config_path: str) -> MutableMapping[str, Any]:
        """Read the file named by `--config`.

        Raises:
            AirbyteTracedException: When it holds no JSON object.
        """
        try:
            return json_object("--config", config_path)
        except BadFileError as error:
            raise _user_must_act(error) from None

    @classmethod
    def read_catalog(cls, catalog_path: str) -> ConfiguredAirbyteCatalog:
        """Read the file named by `--catalog`.

        Raises:
            AirbyteTracedException: When it holds no configured catalog.
        """
        try:
            catalog = json_object("--catalog", catalog_path)
            return ConfiguredAirbyteCatalogSerializer.load(catalog)
        except BadFileError as error:
            raise _user_must_act(error) from None
        except ValueError as error:  # from the CDK's serializer
            reason = " ".join(str(error).split())
            raise _user_must_act(bad_file("--catalog", catalog_path, reason)) from None

    @classmethod
    def read_state(cls, state_path: str | None) -> list[AirbyteStateMessage]:
        """Read the file named by `--state`; warn of what in it is no state of a stream.

        airbyte-cdk 7.39.1 fails on that, as on an error of its own.

        Raises:
            AirbyteTracedException: When it cannot be read, or holds no JSON.
        """
        if not state_path:
            return []
        from source_confluence.reading.state import states_in  # noqa: PLC0415 (`spec` does not need it)

        try:
            states, warning = states_in(json_document("--state", state_path))
        except BadFileError as error:
            raise _user_must_act(error) from None
        if warning:
            logging.getLogger("airbyte").warning(warning)
        return states

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:
        """The form, as `spec.yaml` describes it; the CDK asks for it before every command."""
        self._form = super().spec(logger)
        return self._form

    def configure(
        self,
        config: Mapping[str, Any],
        temp_dir: str,  # noqa: ARG002 (the CDK's signature)
    ) -> Mapping[str, Any]:
        """Leave all judgement of the settings to `Config`, whose messages say what to enter.

        airbyte-cdk 7.39.1 calls `spec`, then this, and then holds the settings against the form it
        was given: before `check` always, whatever `check_config_against_spec` says. It would only
        say that a setting is required or does not match a regular expression, so what it uses
        with is the form without its rules.

        Nothing is written: the CDK's own way leaves the settings, and so the token, in a file of
        `temp_dir` that nobody reads, and that stays there when the process is killed.
        """
        if self._form is not None:
            self._form.connectionSpecification = _without_rules(self._form.connectionSpecification)
        return config

    def check(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteConnectionStatus:
        """Answer `check`; the CDK would show the message in quotation marks."""
        succeeded, message = self.check_connection(logger, config)
        status = Status.SUCCEEDED if succeeded else Status.FAILED
        return AirbyteConnectionStatus(status=status, message=message)

    def check_connection(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],
    ) -> tuple[bool, str | None]:
        """Find out whether the settings work.

        Returns:
            `(True, None)`; True with the streams that the account may not read; or False. A text
            says what happened, the likely cause, what to do. Airbyte shows only that of a failure,
            so the other is logged, too.
        """
        from source_confluence.assembly import check_result  # noqa: PLC0415 (`spec` does not need it)

        try:
            succeeded, text = check_result(Config.parse(config))
        except ConfigError as error:
            return False, str(error)
        if succeeded and text:
            logger.warning(text)
        return succeeded, text

    def streams(self, config: Mapping[str, Any]) -> list[Stream]:
        """The streams, ready to be read; no request is made.

        Raises:
            AirbyteTracedException: When a setting cannot work.
        """
        try:
            settings = Config.parse(config)
        except ConfigError as error:
            raise _user_must_act(error) from None
        from source_confluence.assembly import streams_of  # noqa: PLC0415 (`spec` does not need it)

        self._streams, self._workers = streams_of(settings, self.stop)
        return list(self._streams)

    def read(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None = None,
    ) -> Iterator[AirbyteMessage]:
        """Read what is selected; a signal to stop ends each stream with its last state printed.

        Raises:
            AirbyteTracedException: When a stream could not be read to its end. It says of each such
                stream what to do, because PyAirbyte shows no other error.
        """
        errors: dict[str, AirbyteErrorTraceMessage] = {}
        outcome = "It was broken off."
        logger.addFilter(_is_no_state)
        with self.stop.on_signals():
            try:
                for message in super().read(logger, config, catalog, state):
                    if message.trace and message.trace.error:
                        _name_unknown_stream(message.trace.error, self._names)
                        errors[_stream_of(message.trace.error)] = message.trace.error
                    yield message
                outcome = "All is complete."
            except AirbyteTracedException as error:
                outcome = f"Not complete: {', '.join(errors)}."
                if errors:
                    raise _last_error(errors, len(catalog.streams)) from error
                raise
            finally:
                if self._workers is not None:
                    self._log_summary(logger, outcome)
                    self._workers.close()

    def _log_summary(self, logger: logging.Logger, outcome: str) -> None:
        """Log what all streams together took, if any was read."""
        total = reduce(add, [stream.progress.counts for stream in self._streams])
        if total.requests:
            text = f"The sync has ended: {total}. {outcome}"
            LiveLine().end(text)
            logger.info(text)

    @property
    def _names(self) -> list[str]:
        return [stream.name for stream in self._streams]

    @property
    def raise_exception_on_missing_stream(self) -> bool:
        """True: a stream that was asked for and does not exist fails; the CDK would skip it."""
        return True


def _is_no_state(record: logging.LogRecord) -> bool:
    """Not the state of a stream, which airbyte-cdk 7.39.1 logs: ours may have 100 KB."""
    return not str(record.msg).startswith("Setting state of ")


_WHO_ACTS_FIRST = (
    FailureType.config_error,
    FailureType.system_error,
    FailureType.transient_error,
)


def _last_error(
    errors: Mapping[str, AirbyteErrorTraceMessage], stream_count: int
) -> AirbyteTracedException:
    """The error that a run ends with: which streams failed, why, and what to do about each.

    airbyte-cdk 7.39.1 gives only their names and the kinds of their exceptions, and always calls it
    an error of the settings.
    """
    from source_confluence.failures.failure import by_stream  # noqa: PLC0415 (as above)

    failure_types = {error.failure_type for error in errors.values()}
    others = "; the others are complete" if len(errors) < stream_count else ""
    messages = {name: error.message or "" for name, error in errors.items()}
    first = f"{len(errors)} of {stream_count} streams could not be read to the end{others}."
    text = "\n".join([first, *by_stream(messages)])
    LiveLine().end(text)
    return AirbyteTracedException(
        message=text,
        failure_type=next((each for each in _WHO_ACTS_FIRST if each in failure_types), None)
        or FailureType.system_error,
    )


def _stream_of(error: AirbyteErrorTraceMessage) -> str:
    return error.stream_descriptor.name if error.stream_descriptor else ""


def _name_unknown_stream(error: AirbyteErrorTraceMessage, names: Collection[str]) -> None:
    """Put the name, and what to do, into the message about a stream that does not exist."""
    name = _stream_of(error)
    if name and name not in names:
        error.message = (
            f"There is no stream '{name}'. Likely cause: a typing error in the catalog, or a "
            "catalog that was made by another version of the connector. "
            "What to do: Refresh the schema of the connection, or run discover again, and select "
            f"from: {', '.join(names)}."
        )


def _without_rules(form: Mapping[str, Any]) -> dict[str, Any]:
    """The form with nothing but what the CDK masks secrets by."""
    return {"type": "object", "properties": _secrets_among(form["properties"])}


def _secrets_among(fields: Mapping[str, Any]) -> dict[str, Any]:
    """`{"api_token": {"airbyte_secret": True}, "credentials": {"properties": {…}}}`.

    Which of the options of a field was chosen is a rule, too: their secrets stand together.
    """
    secrets: dict[str, Any] = {}
    for name, field in fields.items():
        of_options = [_secrets_among(option["properties"]) for option in field.get("oneOf", [])]
        if of_options:
            secrets[name] = {"properties": reduce(or_, of_options)}
        elif field.get("airbyte_secret"):
            secrets[name] = {"airbyte_secret": True}
    return secrets


def _user_must_act(error: ValueError) -> AirbyteTracedException:
    return AirbyteTracedException(message=str(error), failure_type=FailureType.config_error)
