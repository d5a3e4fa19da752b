"""The line on stderr that tells how far a long command is."""

import math
import sys
import time

__all__ = ["ProgressLine", "clock"]

SECONDS = 10.0


class ProgressLine:
    """Shows progress: again and again in a terminal, every ten seconds in a log."""

    def __init__(self) -> None:
        self._shown = 0.0

    def show(self, share: float, seconds_left: float, text: str) -> None:
        """Show it, unless it was shown just now.

        share (float): Done, from 0 to 1.
        seconds_left (float): To the end.
        text (str): What is done, and how fast.
        """
        if sys.stderr.isatty() or time.monotonic() - self._shown > SECONDS:
            self._shown = time.monotonic()
            sys.stderr.write(f"\r{share:6.1%}  {text}  {clock(seconds_left)} left  ")
            sys.stderr.flush()

    def end(self) -> None:
        """Leave the line."""
        sys.stderr.write("\n" if self._shown else "")


def clock(seconds: float) -> str:
    """Give a time as days, hours, minutes and seconds.

    seconds (float): The time.
    RETURNS (str): Such as "2 d 03:04:05"; without days below one day, "?" if it is not finite.
    """
    if not math.isfinite(seconds):
        return "?"
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return (f"{days} d " if days else "") + f"{hour:02}:{minute:02}:{second:02}"
