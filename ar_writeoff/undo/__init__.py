"""Undo: cancel, reverse or reinstate what a run posted, and the guards on written-off balances."""
