"""Retires the workers of a name, so that what they hold goes to others first. Arguments: scheduler's address, name."""

import sys
from typing import Any, cast

from distributed import Client


def main(scheduler: str, name: str) -> None:
    with Client(scheduler, timeout=10, set_as_default=False) as client:
        workers = cast("dict[str, Any]", client.scheduler_info(n_workers=-1)["workers"])
        retiring = [
            address
            for address, worker in workers.items()
            if str(worker["name"]) == name or str(worker["name"]).startswith(f"{name}-")
        ]
        # Nobody is left to take what the last ones hold.
        if retiring and len(retiring) < len(workers):
            client.retire_workers(workers=retiring, close_workers=True)
        print(len(retiring))


if __name__ == "__main__":
    main(*sys.argv[1:])
