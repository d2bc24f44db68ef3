"""One file a kind of picture; every function takes a run and returns a Plot, or None where there is nothing to draw."""
