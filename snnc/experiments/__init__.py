"""Experiments: plans of trainings that are run once and kept, and what their results allow to say."""
