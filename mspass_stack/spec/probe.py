"""`Probe`: how to see that a process does its job."""

from mspass_stack.spec.value import Value


class Probe(Value):
    """How to see by protocol that a process does its job.

    Attributes:
        kind: the protocol: `mongo` (`hello` says writable primary), `mongo-member` (primary or secondary of a set),
            `mongos` (`hello` says router), `http` and `https` (a page answers, with `expected` as its text where that
            is given), `dask-workers` (the scheduler counts `count` workers whose name begins with `name`), `spark` (a
            master serves), `spark-workers` (it has one at the place `name` with the cores and memory `expected`).
        host: the machine that sees `address`; a worker is probed by way of its scheduler's.
        path: of the page.
        token_file: on the host: the page opens with this token, and not without.
        size_file: on the host: what the process was given of its node; where `count` is 0, the number of its workers.
        deadline: seconds that it may take until ready.
    """

    kind: str
    host: str = ""
    address: str
    port: int
    path: str = ""
    expected: str = ""
    token_file: str = ""
    count: int = 0
    name: str = ""
    size_file: str = ""
    deadline: int = 120
