"""`mspass-stack`, or `python -m mspass_stack`: past what the user has on PYTHONPATH."""

import os
import sys


def main() -> None:
    """Run the command."""
    if os.environ.get("PYTHONPATH") and not sys.flags.isolated:
        os.execv(sys.executable, [sys.executable, "-I", "-m", "mspass_stack", *sys.argv[1:]])
    from mspass_stack.cli.app import run

    run()


if __name__ == "__main__":
    main()
