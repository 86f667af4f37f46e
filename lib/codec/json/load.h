/* Control data with jansson, within limits. */
#ifndef CODEC_JSON_LOAD_H
#define CODEC_JSON_LOAD_H

#include "base/err.h"
#include "base/mem.h"
#include "codec/json/scan.h"
#include <jansson.h>

#pragma GCC visibility push(default) /* for KMS modules: docs/kms.md */

/* Parses one JSON value of at most LIMIT_JSON_BYTES and LIMIT_JSON_DEPTH; member order is kept; the last of doubled
 * members wins. what names the text in the error ("schema", "rule set"). @return BAD_JSON, NO_MEMORY */
SCHLOSS_NODISCARD schloss_rc json_load(json_t **out, const char *what, const char *text, size_t len,
                                       schloss_error_t *err);
/* Builds what json_scan() accepted. Integers beyond 64 bits become reals. allow_nul: strings (not names) may hold
 * U+0000.
 * @return BAD_JSON (lone surrogate, number out of range, U+0000), NO_MEMORY */
SCHLOSS_NODISCARD schloss_rc json_build(json_t **out, json_span_t checked, bool allow_nul, schloss_error_t *err);
/* String member or dflt when absent or null; *bad is set when it is something else. */
const char *json_opt_str(const json_t *o, const char *name, const char *dflt, bool *bad);
bool json_opt_bool(const json_t *o, const char *name, bool dflt, bool *bad);
int64_t json_opt_int(const json_t *o, const char *name, int64_t dflt, bool *bad);
/* Compact text; mem_free it. NULL when out of memory. */
char *json_print(const json_t *v);

#pragma GCC visibility pop

#endif
