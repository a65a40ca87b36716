"""The simulators of the integer network and what they record."""
