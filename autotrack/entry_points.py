"""The entry-point group by which integrations are found, those of others like ours."""

GROUP = "autotrack.integrations"
"""Each entry is a class that takes no arguments and follows `autotrack.integrations.Integration`."""
