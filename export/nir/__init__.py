"""NIR: graphs for other frameworks and from them."""
