"""Tax relief on bad debts: the rules of countries, the tax in a loss, and the claims."""
