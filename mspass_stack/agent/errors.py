"""Name what the agent will not do."""


class Refused(Exception):
    """Tell a step that failed or that is not taken; the text is for the user, without a traceback."""
