"""Files of other systems → events, posted through the public API: one module a kind of file."""
