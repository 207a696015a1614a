"""What makes the test's machines, stacks and doubles."""
