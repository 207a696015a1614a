"""`StageSpec`: what is brought to a host before its workers start, and back after they have stopped (`agent.stage`)."""

from mspass_stack.spec.value import Value


class Brought(Value):
    """A directory of which a host has a copy.

    Attributes:
        source: the directory.
        name: of the copy.
        link: the path on the host by which processes see it that are in no container.
    """

    source: str
    name: str
    link: str = ""


class Back(Value):
    """A directory of results.

    Attributes:
        to: where they are brought, in a directory of their host.
        name: of the directory in which they are written.
        link: as above.
    """

    to: str
    name: str
    link: str = ""


class StageSpec(Value):
    """What a host has of it."""

    host: str
    bring: tuple[Brought, ...] = ()
    back: tuple[Back, ...] = ()


class Bind(Value):
    """A directory of a host that a container sees at another path."""

    source: str
    target: str
    read_only: bool = False
