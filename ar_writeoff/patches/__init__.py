"""Data migrations, run once by `bench migrate`."""
