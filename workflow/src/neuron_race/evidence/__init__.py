"""From tables to values per run, statistics, verdicts and their words.

May import common and settings.
"""
