/* A schema answer as it was parsed, before its references are resolved. Internal to this room. */
#ifndef CLIENT_PARSED_H
#define CLIENT_PARSED_H

#include "client/exchange.h"

typedef struct raw_ref {
    char *name, *subject; /* subject as answered: perhaps unqualified */
    int32_t version;
} raw_ref_t;

typedef struct ref_walk ref_walk_t;

/* Kept beside the answer in the io's memory, so that a logic that is run again parses nothing twice and the walk over
 * the references goes on where it stood. Reference-counted, one thread. */
typedef struct parsed {
    uint32_t refs_;
    sr_schema_t *schema; /* immutable once resolved; given out only then */
    raw_ref_t *refs;
    size_t n_refs;
    bool resolved;
    bool has_rules;   /* the answer has member ruleSet */
    ref_walk_t *walk; /* state of an unfinished resolution, of a top-level schema */
} parsed_t;

void parsed_unref(void *parsed);

/* What a caller knows already: used where the answer has no such member. */
typedef struct known {
    int32_t id;       /* -1: none */
    const char *guid; /* NULL: none */
    const char *type; /* NULL: AVRO, which old servers do not name */
    const char *text;
    const schloss_schema_ref_t *refs;
    size_t n_refs;
    bool need_id; /* the answer is of no use without one */
} known_t;

/* Runs x and parses the answer, or finds it parsed. *out is borrowed from the io's memory. */
SCHLOSS_NODISCARD schloss_rc parsed_fetch(sr_exchange_t *x, io_t *io, const http_service_t *svc, const known_t *known,
                                          parsed_t **out, schloss_error_t *err);

/* Resolves the references of p, in the context of referrer ("" = default). Resumable: NEED_IO, NEED_WAIT. */
SCHLOSS_NODISCARD schloss_rc refs_resolve(parsed_t *p, const char *referrer, io_t *io, const http_service_t *svc,
                                          schloss_error_t *err);
void ref_walk_free(ref_walk_t *w);

#endif
