"""Executors of ENCRYPT and ENCRYPT_PAYLOAD."""
from ._builtin import BuiltIn

__all__ = ["EncryptionExecutor", "FieldEncryptionExecutor"]


class EncryptionExecutor(BuiltIn):
    """Built into libschloss."""


class FieldEncryptionExecutor(BuiltIn):
    """Built into libschloss."""
