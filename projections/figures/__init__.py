"""Figures: what the state watches. Statuses, stock-outs, consumption, patients, roll-ups.

Kept by the projector, in the transaction of the events that change them. They are a function of
the set of events and reference records, and of the day for which a facility was evaluated.
"""
