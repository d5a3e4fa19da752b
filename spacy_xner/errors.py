"""The one exception that stands for a user's mistake."""

__all__ = ["XnerError"]


class XnerError(ValueError):
    """A fault that the user can mend; the message says what, where and how.

    The command line prints the message without a traceback and exits with 1.
    """
