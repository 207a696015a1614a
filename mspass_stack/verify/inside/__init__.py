"""Programs that the verification runs with the cluster's own Python, which may not be this one."""
