"""Pulumi components: they declare what the plan says, and touch nothing."""
