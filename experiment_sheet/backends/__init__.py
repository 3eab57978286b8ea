"""The code that stores a sheet in one kind of target; see `base` for the contract."""
