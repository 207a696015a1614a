"""The Pulumi program of this project: what the config of a stack describes."""

from mspass_stack import deploy

deploy()
