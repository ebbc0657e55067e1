"""The HTTP API: commands that append to the log, reads of the read model."""
