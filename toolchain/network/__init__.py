"""The integer network: what a chip runs, its arithmetic, its limits, and the proofs about it; numpy only."""
