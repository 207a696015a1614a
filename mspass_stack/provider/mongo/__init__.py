"""The resources of a database."""
