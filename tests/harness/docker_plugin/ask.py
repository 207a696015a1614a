"""A double: the process that Pulumi knows as the plugin; a forked one (`warm.py`) does its work and ends with it."""

import json
import os
import select
import socket
import sys

with socket.socket(socket.AF_UNIX) as plugin:
    plugin.connect(os.environ["MSPASS_WARM_DOUBLE"])
    requested = json.dumps({"arguments": sys.argv[1:], "environment": dict(os.environ)})
    socket.send_fds(plugin, [f"{requested}\n".encode()], [0, 1, 2])
    select.select([plugin, os.pidfd_open(os.getppid())], [], [])
