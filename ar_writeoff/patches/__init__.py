"""Changes of what sites have stored. Each is run once by `bench migrate`."""
