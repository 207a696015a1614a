"""Who gives the hosts, and with them addresses, directories, encryption, and what cannot be deployed there. Pure."""

from mspass_stack.config.sections import Cluster
from mspass_stack.sites.base import Site
from mspass_stack.sites.desktop import Desktop
from mspass_stack.sites.lab import Lab
from mspass_stack.sites.slurm import SlurmSite

SITES: dict[str, Site] = {"slurm": SlurmSite(), "lab": Lab(), "desktop": Desktop()}
"""The sites by name; a cluster is of the first one that claims it."""


def site_of(cluster: Cluster) -> Site:
    """Return the site of a cluster."""
    return next(site for site in SITES.values() if site.claims(cluster))
