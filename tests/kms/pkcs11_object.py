"""Puts an AES key that encrypts only, or wraps and unwraps only, on a token, as no tool does: C_CreateObject through
ctypes, for pkcs11_test.py.

    pkcs11_object.py MODULE TOKEN PIN LABEL HEX_ID encrypt|wrap"""
import ctypes
import os
import sys

module, token, pin, label, key_id, use = sys.argv[1:7]
encrypts, wraps = (b"\1", b"\0") if use == "encrypt" else (b"\0", b"\1")
p11 = ctypes.CDLL(module)
ulong = ctypes.c_ulong


class Attribute(ctypes.Structure):
    _fields_ = [("type", ulong), ("value", ctypes.c_char_p), ("len", ulong)]


def call(name, *args):
    rv = getattr(p11, name)(*args)
    if rv != 0:
        sys.exit(f"{name}: 0x{rv:x}")


call("C_Initialize", None)
slots = (ulong * 64)()
n = ulong(64)
call("C_GetSlotList", ctypes.c_ubyte(1), slots, ctypes.byref(n))
for slot in slots[:n.value]:
    info = ctypes.create_string_buffer(512)
    call("C_GetTokenInfo", ulong(slot), info)
    if info.raw[:32].decode().rstrip() == token:
        break
session = ulong()
call("C_OpenSession", ulong(slot), ulong(6), None, None, ctypes.byref(session))
call("C_Login", session, ulong(1), pin.encode(), ulong(len(pin)))


def number(v):
    return v.to_bytes(ctypes.sizeof(ulong), sys.byteorder)


wanted = [(0x0, number(4)), (0x100, number(0x1f)), (0x1, b"\1"), (0x2, b"\1"), (0x103, b"\1"), (0x162, b"\0"),
          (0x3, label.encode()), (0x102, bytes.fromhex(key_id)), (0x11, os.urandom(32)), (0x104, encrypts),
          (0x105, b"\0"), (0x106, wraps), (0x107, wraps)]
template = (Attribute * len(wanted))(*[Attribute(t, v, len(v)) for t, v in wanted])
handle = ulong()
call("C_CreateObject", session, template, ulong(len(wanted)), ctypes.byref(handle))
