"""Read a setting that is one of a few values, or say what to enter instead."""

from source_confluence.exceptions import ConfigError


def true_or_false(setting: str, value: object, *, default: bool) -> bool:
    """`true`, `false`, or the default where it is left out.

    Raises:
        ConfigError: When it is something else.
    """
    if value is None:
        return default
    if not isinstance(value, bool):
        raise ConfigError(
            f"The setting {setting} is neither true nor false. "
            "Likely cause: it was entered as a text, in quotation marks. "
            "What to do: Enter true or false without quotation marks, or leave it out."
        )
    return value


def one_of(choices: tuple[str, ...], value: object, *, default: str, wrong: str) -> str:
    """One of the choices, or the default where it is left out.

    Args:
        choices: `("storage", "none")`.
        value: What was entered.
        default: One of the choices.
        wrong: What to say of another value, a sentence.

    Raises:
        ConfigError: When it is something else.
    """
    if value is None:
        return default
    if not isinstance(value, str) or value not in choices:
        raise ConfigError(
            f"{wrong} Likely cause: a typing error. "
            f"What to do: Enter one of {', '.join(choices)}, or leave it out."
        )
    return value
