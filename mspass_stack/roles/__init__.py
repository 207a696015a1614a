"""The parts that processes play: where they are placed, what they are started with, what they need. Pure."""
