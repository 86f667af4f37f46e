"""The local KMS: for tests."""
