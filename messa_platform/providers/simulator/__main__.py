"""`python -m messa_platform.providers.simulator --journal DIR`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from messa_platform.providers.simulator.config import add_arguments, config_of
from messa_platform.providers.simulator.journal import JournalDamaged
from messa_platform.providers.simulator.process import run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a simulator by the command line; the process's exit code."""
    parser = argparse.ArgumentParser(
        prog="simulator", description="An SMS network for development and tests."
    )
    add_arguments(parser)
    config = config_of(parser.parse_args(arguments))
    logging.basicConfig(level=logging.WARNING, format="simulator: %(message)s")
    try:
        run(config)
    except (OSError, JournalDamaged) as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
