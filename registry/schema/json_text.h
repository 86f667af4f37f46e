/* Canonical text of a JSON Schema: minified, members in their order, doubled members once, numbers exact. */
#ifndef REGISTRY_SCHEMA_JSON_TEXT_H
#define REGISTRY_SCHEMA_JSON_TEXT_H

#include "codec/json/scan.h"

/* sorted: members of every object by name (UTF-16 order). @return BAD_JSON (lone surrogate, U+0000), NO_MEMORY,
 * LIMIT_EXCEEDED */
SCHLOSS_NODISCARD schloss_rc json_canonical(json_span_t value, bool sorted, buf_t *out, schloss_error_t *err);

#endif
