"""Callbacks that record a run and keep it repeatable."""
