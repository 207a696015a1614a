"""What a user may say in a stack file, and what is wrong with it. Pure."""
