"""Figures of the work: what each case adds to them, how they are kept by day, read, and counted anew."""
