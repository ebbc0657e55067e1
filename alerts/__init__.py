"""Rules on the read model, and what they find as facts of the log."""
