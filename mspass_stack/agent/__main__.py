"""Start the agent from a command line."""

import sys

from . import serve


def main() -> None:
    """Run `serve`, the only thing that there is."""
    if sys.argv[1:] != ["serve"]:
        sys.exit("usage: serve (one JSON request a line on standard input)")
    serve.main()


if __name__ == "__main__":
    main()
