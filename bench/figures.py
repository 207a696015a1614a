"""The figures of a run: seconds by step, and the promises that are judged by them."""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Taken = Mapping[str, float]
"""What the steps of a round took, in seconds."""


@dataclass(frozen=True)
class Promise:
    """A ratio of what two things take, and the most that it may be.

    Attributes:
        step: what is measured.
        against: the steps that, together, it is measured against.
    """

    step: str
    against: tuple[str, ...]
    most: float = 1.3

    def __str__(self) -> str:
        together = " + ".join(self.against)
        return f"{self.step} / {f'({together})' if len(self.against) > 1 else together}"

    def ratio(self, taken: Taken) -> float:
        return taken[self.step] / sum(taken[step] for step in self.against)


PROMISE = Promise("up", ("floor", "no-op up"))
"""Start to ready: the daemons themselves, and what Pulumi takes when there is nothing to do."""

NO_OP = Promise("no-op up", ("bare no-op up",))
"""What is more than Pulumi's own: of as many resources that need no look."""


def seconds(step: Callable[[], object]) -> float:
    began = time.monotonic()
    step()
    return time.monotonic() - began


def tell(round: int, taken: Taken, promises: Sequence[Promise]) -> None:
    """Say what a round took; the first one is number 0."""
    steps = ", ".join(f"{step} {duration:.2f}" for step, duration in taken.items())
    ratios = ", ".join(f"{promise} = {promise.ratio(taken):.2f}" for promise in promises)
    print(f"{f'round {round}' if round else 'warm-up'}: {steps}; {ratios}", file=sys.stderr)


def report(times: Sequence[Taken], promises: Sequence[Promise]) -> bool:
    """Print the table, and the ratios of the medians; return whether all promises are kept."""
    middle = {step: median(taken[step] for taken in times) for step in times[0]}
    print(f"| seconds, {len(times)} rounds | median | min | max |\n|---|---|---|---|")
    for step, duration in middle.items():
        column = [taken[step] for taken in times]
        print(f"| {step} | {duration:.2f} | {min(column):.2f} | {max(column):.2f} |")
    print(f"\n{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[1]:.1f} in the last 5 minutes")
    for promise in promises:
        print(f"{promise} = {promise.ratio(middle):.2f}, promised: at most {promise.most}")
    return all(promise.ratio(middle) <= promise.most for promise in promises)
