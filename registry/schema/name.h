/* Subjects and contexts: ":.ctx:subject" (schema-registry-api 4.1). */
#ifndef REGISTRY_SCHEMA_NAME_H
#define REGISTRY_SCHEMA_NAME_H

#include "server/request.h"

typedef struct qname {
    const char *ctx;     /* "." is the default context, "*" all (prefixes only) */
    const char *subject; /* may be empty: the context itself */
    const char *full;    /* qualified form: without prefix in the default context */
} qname_t;

#define CTX_DEFAULT "."
#define CTX_GLOBAL ".__GLOBAL"
#define SCOPE_GLOBAL ":.__GLOBAL:"

/* Splits s; strings live in the request's arena. */
SCHLOSS_NODISCARD rest_rc qname_parse(request_t *rq, const char *s, qname_t *out);
SCHLOSS_NODISCARD rest_rc qname_make(request_t *rq, const char *ctx, const char *subject, qname_t *out);
/* s, taken in context ctx when it names none itself. */
SCHLOSS_NODISCARD rest_rc qname_parse_in(request_t *rq, const char *ctx, const char *s, qname_t *out);
/* ctx given by a client as "c", ".c", ":.c:" -> ".c". 400 when a colon is inside. */
SCHLOSS_NODISCARD rest_rc context_normalize(request_t *rq, const char *s, const char **out);
bool is_qualified(const char *s); /* begins ":." or ":*:" */
/* 42208 unless a subject may be called so; for_config: the pseudo-context is allowed. */
SCHLOSS_NODISCARD rest_rc qname_check(request_t *rq, const qname_t *q, bool for_config);
bool has_control_char(const char *s); /* U+0000-001F, U+007F-009F */
/* Key of config and modes: "" for the global level. */
const char *qname_scope(const qname_t *q);
/* Scope of the context that q lies in. */
SCHLOSS_NODISCARD rest_rc qname_context_scope(request_t *rq, const qname_t *q, const char **out);
/* Java's string order: by UTF-16 code unit. */
int utf16_compare(const char *a, const char *b);

#endif
