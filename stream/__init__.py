"""The log: the event contract, topics, appending, and the Faust app with its record batches."""
