"""The command line: `mammo COMMAND`, or `python -m mammo COMMAND`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from mammo import __version__
from mammo.commands import (
    bench,
    compare,
    demo,
    doctor,
    export,
    extract,
    index,
    jobs,
    leaderboard,
    licence,
    look,
    operate,
    paper,
    pretrain,
    probe,
    reader,
    serve,
    split,
    sweep,
    verify,
)
from mammo.errors import MammoError
from mammo.storage.atomic_files import is_disk_full

COMMANDS = (
    demo, index, look, split, extract, sweep, probe, paper, leaderboard, compare, operate, export,
    licence, reader, jobs, verify, doctor, bench, serve, pretrain,
)  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = argparse.ArgumentParser(
        prog="mammo",
        description="Frozen-trunk features of mammograms, banks of classification heads, and honest comparison.",
        epilog="Research software, not a medical device. Begin with: mammo demo",
    )
    top.add_argument("--version", action="version", version=f"mammo {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return top


def main(words: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; bad input prints one line on stderr and returns 2."""
    arguments = parser().parse_args(words)
    try:
        code: int = arguments.run(arguments)
    except MammoError as error:
        print(f"mammo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mammo: interrupted; what was finished is kept.", file=sys.stderr)
        return 130
    except (MemoryError, RecursionError) as error:
        what = (
            "more memory than there is" if isinstance(error, MemoryError) else "values nested more deeply than is read"
        )
        print(f"mammo: this needs {what}; ask for less at once.", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.filename is None and not is_disk_full(error):
            raise
        print(f"mammo: {_system_error_words(error)}", file=sys.stderr)
        return 2
    return code


def _system_error_words(error: OSError) -> str:
    """An error of the operating system on a file, as a sentence."""
    if is_disk_full(error):
        where = f": cannot write {error.filename}" if error.filename else ""
        return f"The disk is full{where}. Free some space and run the same command again."
    return f"{error.filename}: {error.strerror}; name another file or folder."
