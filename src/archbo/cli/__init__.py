"""The shell: `archbo run | check | show | confirm | import | export | report | replay`."""
