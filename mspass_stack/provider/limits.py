"""What a host is measured by before anything is started on it."""

import re

MONGODB_DISK = 2 * 1024**3
"""Bytes free that a new mongod should find: its journal takes 300 MB, and on a full disk it stops writing."""

NOFILE = 64000
"""Open files that MongoDB recommends (MongoDB manual, "UNIX ulimit settings")."""

OWN = re.compile(
    r"^(db|db-version|log|run|scratch|secrets|data_(config|shard_[a-z0-9-]+)(\.addresses)?|\.mspass-stack)$"
)
"""What a stack's folder holds; with other things in it, it is somebody else's."""
