"""The way from a dataset to a verified integer network; one file for each station."""
