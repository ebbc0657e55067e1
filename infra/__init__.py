"""Composition: the command line, the embedded stack and what runs Dawalog elsewhere."""
