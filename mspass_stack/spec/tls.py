"""How MongoDB's servers speak TLS, in MongoDB's own words, and the file by which a server starts so."""

ALLOW, PREFER, REQUIRE = "allowTLS", "preferTLS", "requireTLS"

MODES = ("disabled", ALLOW, PREFER, REQUIRE)
"""From no TLS to nothing else (MongoDB manual, "net.tls.mode"). Servers understand each other as long as their modes
are neighbours: a change goes mode by mode, and each time over all servers of a cluster."""


def mode_file(mode: str) -> str:
    """Return the content of the file: a part of a server's settings (MongoDB manual, "Configuration File Options")."""
    return f"net:\n  tls:\n    mode: {mode}\n"
