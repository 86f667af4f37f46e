/* Does a value hold against a schema? For choices: which branch is a record in. Works on text that json_scan() (or the
 * walk of a plan) has accepted; builds nothing. keywords.h lists what is checked. */
#ifndef CODEC_JSON_VALIDATE_H
#define CODEC_JSON_VALIDATE_H

#include "codec/json/model.h"
#include "codec/json/scan.h"

typedef struct json_validation {
    buf_t *text;    /* scratch for unescaped strings; sensitive */
    uint64_t steps; /* spent; over LIMIT_CHOICE_STEPS is an error */
    unsigned depth;
    schloss_error_t *err;
} json_validation_t;

/* n and what it refers to must not hold unknown keywords (json_unknown_keyword).
 * @return LIMIT_EXCEEDED, NO_MEMORY */
SCHLOSS_NODISCARD schloss_rc json_validate(json_validation_t *v, const json_node_t *n, json_span_t value, bool *ok);
/* First node reachable from n whose keywords cannot all be checked; *found NULL: none. seen: one byte per node of the
 * schema, zeroed before the first call. todo: room for as many nodes as the schema has. */
const json_node_t *json_unknown_keyword(const json_node_t *n, uint8_t *seen, const json_node_t **todo);
/* Calls each for the sub-schemas directly inside n. */
void json_node_children(const json_node_t *n, void (*each)(void *user, const json_node_t *child), void *user);
/* The sub-schemas that no rule walks, with the keyword that holds them. false from each stops; returns false then. */
bool json_node_unwalked(const json_node_t *n, bool (*each)(void *user, const char *keyword, const json_node_t *child),
                        void *user);
/* Equal by value: numbers by value, objects without regard to order. */
bool json_span_equal(json_span_t a, json_span_t b, uint64_t *steps);

#endif
