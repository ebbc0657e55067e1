"""Dashboards of Grafana, made from code: `python -m infra.grafana` writes them.

Needs the optional dependency `grafana`. What it writes is committed, so that nobody needs it who
only wants the dashboards.
"""
