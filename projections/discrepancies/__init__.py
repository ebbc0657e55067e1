"""What is wrong in a facility's book, and since when: asked of the projected rows at each read.

Nothing of it is stored. The rows are a function of the set of known events, so these are too: in
whatever order the events came, the same discrepancies are found. They never block anyone.
"""
