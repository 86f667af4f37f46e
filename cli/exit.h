/* Exit codes of `schloss`, in one table: code, docs/cli.md, the man page and a test come from it. */
#ifndef CLI_EXIT_H
#define CLI_EXIT_H

#include <schloss/error.h>

/* X(name, value, text) */
#define CLI_EXIT_CODES(X)                                                                                              \
    X(OK, 0, "Done.")                                                                                                  \
    X(FAILED, 1, "Any failure that has no code of its own, such as a file that cannot be read or memory that is out.") \
    X(USAGE, 2, "Unknown command or flag, a malformed value, or a configuration key that is unknown or missing.")      \
    X(NOT_FOUND, 3, "The subject, schema, KEK, DEK or topic does not exist.")                                          \
    X(CONFLICT, 4, "It exists already, or something that refers to it forbids the change.")                            \
    X(AUTH, 5, "Registry, broker or KMS want other credentials, or refuse the ones they got.")                         \
    X(UNREACHABLE, 6, "Registry or broker cannot be reached, do not answer in time, or are overloaded.")               \
    X(ENCRYPTION, 7, "A rule, a key or the KMS failed: nothing was written in clear, nothing could be decrypted.")     \
    X(DATA, 8, "A record, schema or request is malformed or does not fit; the registry refuses it as invalid.")        \
    X(STORE, 9, "The registry's store is damaged, full, or was written by a newer version.")                           \
    X(INTERRUPTED, 130, "Stopped by Ctrl-C (SIGINT).")                                                                 \
    X(TERMINATED, 143, "Stopped by SIGTERM; servers end with 0.")

#define CLI_EXIT_ENUM(name, value, text) CLI_EXIT_##name = (value),
enum { CLI_EXIT_CODES(CLI_EXIT_ENUM) };
#undef CLI_EXIT_ENUM

/* The code for an outcome of the library. http_status and rest_code of a registry's answer refine it; 0 when none. */
int exit_code_of(schloss_rc rc, int http_status, int rest_code);
/* i-th row of the table; false past the end. */
bool exit_code_row(unsigned i, int *value, const char **text);

#endif
