"""Plays recorded exchanges against a server and compares its answers; see ../corpus/README.md for the format."""
