"""Programs that the plugin runs in a container, by the image's own Python: they import nothing of this project."""
