"""The gRPC face of the plugin."""
