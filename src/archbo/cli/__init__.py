"""The shell: `archbo run | show | report | replay | export`."""
