"""The Pulumi plugin `mspassnode`: the only room of the house with side effects."""
