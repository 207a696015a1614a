"""Values that are stored in Pulumi's state or handed from one part to another: versioned, frozen. Pure."""
