"""The commands that users run on a deployed stack."""
