"""The demo: a made-up small state, and a day of its pharmacies played over the public API."""
