"""The resources of the plugin."""
