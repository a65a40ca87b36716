"""The report of a verification: a page for people, JSON for programs, JUnit XML for CI systems."""
