"""``python -m core VERB``: how a run of the command line begins and ends.

Exit status: 0; 1 where a file among others could not be read; 2 with one line on standard error
where there is no answer; 130 where it was stopped. Who reads our output may leave off: 0.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import signal
import sys
from collections.abc import Iterator

STOPPED = 130


def main() -> int:
    """Run a verb; say in one line what went wrong. The verbs are in `core.verbs`."""
    from core.verbs import app

    try:
        status = int(app(standalone_mode=False) or 0)
    except (Exception, SystemExit) as raised:
        leaves = isinstance(raised, SystemExit)  # typer's own where a pipe breaks
        error = raised.__context__ if leaves else raised
        if error is None or (leaves and "--help" in sys.argv):
            return 0
        if (explained := _explained(error)) is None:
            raise error  # noqa: B904 - itself, or what typer left for
        return explained
    return _stopped() if status == STOPPED else status


def _explained(error: BaseException) -> int | None:
    """The exit status for what went wrong, which is said; None for a fault of the program."""
    import typer

    from core.console import ReaderGone
    from core.errors import OutskirtsError

    if isinstance(error, ReaderGone):
        return 0
    if isinstance(error, typer.Abort) or any(
        isinstance(e, KeyboardInterrupt) for e in _causes(error)
    ):
        return _stopped()  # an import makes an error of its own of an interrupt
    if isinstance(error, OutskirtsError):
        return _failed(str(error))
    if isinstance(error, OSError):
        return _failed(_words(error))
    if isinstance(error, MemoryError):
        return _failed("there is not enough memory")
    if type(error).__name__ == "NoArgsIsHelpError":  # click's, private in typer
        with contextlib.suppress(BrokenPipeError):
            typer.echo(error.format_message())  # type: ignore[attr-defined]
        return 2
    if hasattr(error, "format_message"):  # click's own, for wrong arguments
        from core.verbs.arguments import RENAMED

        option = getattr(error, "option_name", None)
        now = f": it is called {RENAMED[option]} now" if option in RENAMED else ""
        return _failed(error.format_message() + now)
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _words(error: OSError) -> str:
    """What an error of the system says, with the file that it is about."""
    said = error.strerror or str(error)
    return f"{os.fsdecode(error.filename)}: {said}" if error.filename else said


def _failed(text: str) -> int:
    _note(f"error: {' '.join(line.strip() for line in text.splitlines())}")
    return 2


def _stopped() -> int:
    _note("stopped")
    return STOPPED


def _note(text: str) -> None:
    from core.console import ReaderGone, note

    with contextlib.suppress(OSError, ReaderGone):  # nobody listens
        note(text)


# The process ------------------------------------------------------------------------------------


def _run() -> int:
    """`main`, with an interrupt that is quiet from the first moment to the last.

    Half an import cannot be unwound: libraries make other errors of a KeyboardInterrupt, or lose
    it. So the process ends at once while there is nothing to lose.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a locale may not have every letter of a name
        sys.stdout.reconfigure(errors="backslashreplace")
    handled = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not: ignored
    if handled:
        signal.signal(signal.SIGINT, _leave)
        # The last of all, as it is the first: taken down, Python leaves interrupts to the system.
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    from core import verbs  # noqa: F401 - takes the seconds in which a user thinks better of it

    if handled:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    status = main()
    if handled:
        signal.signal(signal.SIGINT, _leave)
    return _flushed(status)


def _leave(signum: int, frame: object) -> None:
    with contextlib.suppress(OSError):
        os.write(2, b"stopped\n")
    os._exit(STOPPED)


def _flushed(status: int) -> int:
    """Write out what is buffered; what nobody takes is dropped, not tried again at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return status


if __name__ == "__main__":
    sys.exit(_run())
