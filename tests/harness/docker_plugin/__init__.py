"""A double: stands in for Pulumi's own Docker plugin where that cannot be downloaded, on the real engine.

Speaks the types of `pulumi_docker` 5.2 for what our components emit and refuses everything else. Behaves as the
official one does, in what is awkward too: what it reads back and what not, which changes replace, which change its
state only, that a container which ends at once was created well. Used only under MSPASS_TEST_DOUBLES=1, and only where
`pulumi plugin ls` knows no docker.
"""
