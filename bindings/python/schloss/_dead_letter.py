"""Dead letters: what happens to a record whose rule failed under the action DLQ. The library makes the letter, with nothing
in it that a rule covers; a function of the application sends it."""
import logging

from ._errors import error_of
from ._native import ffi, lib

_sinks = {}  # by handle: alive until the library's client is gone, which may outlive our object
_log = logging.getLogger("schloss")


def _bytes(run):
    return None if not run.ptr else bytes(ffi.buffer(run.ptr, run.len))


def _failed(kind, error, traceback):
    """The record fails either way; the letter is lost, which must be seen."""
    _log.error("a dead letter was not sent: %s", kind.__name__)


@ffi.def_extern(error=lib.SCHLOSS_E_KAFKA, onerror=_failed)
def dead_letter(user, letter, err):
    headers = [(ffi.string(h.name).decode(), _bytes(h.value))
               for h in (letter.headers[i] for i in range(letter.n_headers))]
    ffi.from_handle(user)(ffi.string(letter.topic).decode(), _bytes(letter.key), _bytes(letter.value), headers)
    return 0


@ffi.def_extern()
def dead_letter_end(user):
    _sinks.pop(int(ffi.cast("intptr_t", user)), None)


def set_sink(client, function):
    """Lets function(topic, key, value, headers) send the client's dead letters."""
    if not callable(function):
        raise TypeError("a sink is a callable(topic, key, value, headers)")
    handle = ffi.new_handle(function)
    number = int(ffi.cast("intptr_t", handle))
    _sinks[number] = handle
    err = ffi.gc(lib.schloss_error_new(), lib.schloss_error_free)
    rc = lib.call_sink(client, handle, err)
    if rc:
        del _sinks[number]
        raise error_of(err, rc)
