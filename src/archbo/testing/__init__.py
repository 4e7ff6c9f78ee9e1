"""Laws of each extension point: give a fixture, inherit the tests. Needs pytest."""
