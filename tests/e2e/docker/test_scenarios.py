"""The scenarios of every target, here."""

from tests.e2e.scenarios import *  # noqa: F403  its tests run where they are imported
