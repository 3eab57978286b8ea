"""Shipped test tools: for this library and for who writes a backend."""
