"""The embedded stack: Kafka, Postgres, workers and API as children of one `dawalog up`."""
