"""Encryption rules and their KMS drivers: built in."""
