"""What the plugin says to MongoDB; the only package that imports pymongo."""
