"""General helpers used by all folders."""
