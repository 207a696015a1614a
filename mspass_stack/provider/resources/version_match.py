"""`VersionMatch`: the Pythons that speak to each other are of one release."""

from mspass_stack.errors import Refused
from mspass_stack.provider.resources.base import Call, Resource
from mspass_stack.provider.server.codec import Props
from mspass_stack.spec.resources import VersionMatchInputs


class VersionMatch(Resource[VersionMatchInputs]):
    """Refuses hosts that do not understand each other, before their processes start (distributed, "Versions")."""

    model = VersionMatchInputs

    def create(self, call: Call) -> tuple[str, Props]:
        id = f"{call.inputs['stack']}/versions"
        if not call.preview:
            _compare(self.parse(call.inputs).hosts)
        return id, {}


def _compare(hosts: dict[str, dict[str, str]]) -> None:
    problems: list[str] = []
    for name in dict.fromkeys(key for found in hosts.values() for key in found):
        releases: dict[str, list[str]] = {}
        for host, found in hosts.items():
            releases.setdefault(found.get(name, "none"), []).append(f"'{host}'")
        if len(releases) > 1:
            parts = [f"{release} on {', '.join(where)}" for release, where in releases.items()]
            problems.append(f"  {name}: {'; '.join(parts)}")
    if problems:
        raise Refused(
            "the pool was not started: scheduler, workers and frontend need the same Python (major.minor) and the same "
            "release of what they speak with:\n" + "\n".join(problems)
        )
