/* See name.h. */
#include "registry/schema/name.h"
#include <string.h>

bool is_qualified(const char *s) {
    return strncmp(s, ":.", 2) == 0 || strncmp(s, ":*:", 3) == 0;
}

rest_rc qname_make(request_t *rq, const char *ctx, const char *subject, qname_t *out) {
    out->ctx = ctx;
    out->subject = subject;
    out->full = strcmp(ctx, CTX_DEFAULT) == 0 ? subject : arena_printf(&rq->arena, ":%s:%s", ctx, subject);
    return out->full == NULL ? rest_oom(rq) : 0;
}

rest_rc qname_parse(request_t *rq, const char *s, qname_t *out) {
    if (!is_qualified(s)) {
        return qname_make(rq, CTX_DEFAULT, s, out);
    }
    size_t n = strcspn(s + 1, ":");
    const char *ctx = arena_strndup(&rq->arena, s + 1, n);
    if (ctx == NULL) {
        return rest_oom(rq);
    }
    return qname_make(rq, ctx, s[1 + n] == ':' ? s + 2 + n : s + 1 + n, out);
}

rest_rc qname_parse_in(request_t *rq, const char *ctx, const char *s, qname_t *out) {
    return is_qualified(s) ? qname_parse(rq, s, out) : qname_make(rq, ctx, s, out);
}

rest_rc context_normalize(request_t *rq, const char *s, const char **out) {
    size_t n = strlen(s);
    const char *given = s;
    if (n != 0 && s[0] == ':') {
        s++;
        n--;
    }
    if (n != 0 && s[n - 1] == ':') {
        n--;
    }
    if (memchr(s, ':', n) != NULL) {
        return rest_failf(rq, REST_BAD_REQUEST, "Context name '%s' cannot contain a colon", given);
    }
    *out = arena_printf(&rq->arena, "%s%.*s", n != 0 && s[0] == '.' ? "" : ".", (int)n, s);
    return *out == NULL ? rest_oom(rq) : 0;
}

bool has_control_char(const char *s) {
    for (const unsigned char *p = (const unsigned char *)s; *p != '\0'; p++) {
        if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)) {
            return true;
        }
    }
    return false;
}

rest_rc qname_check(request_t *rq, const qname_t *q, bool for_config) {
    bool bad = has_control_char(q->full) || strcmp(q->subject, "__GLOBAL") == 0 || strcmp(q->subject, "__EMPTY") == 0 ||
               strcmp(q->ctx, "*") == 0 || (strcmp(q->ctx, CTX_GLOBAL) == 0 && !for_config);
    return bad ? rest_fail(rq, REST_INVALID_SUBJECT, q->full) : 0;
}

const char *qname_scope(const qname_t *q) {
    return q->full;
}

rest_rc qname_context_scope(request_t *rq, const qname_t *q, const char **out) {
    qname_t c;
    TRY(qname_make(rq, q->ctx, "", &c));
    *out = c.full;
    return 0;
}

/* UTF-8 order is code point order; UTF-16 puts supplementary characters (lead bytes F0..F4) before U+E000..U+FFFF
 * (EE, EF). */
int utf16_compare(const char *a, const char *b) {
    const unsigned char *p = (const unsigned char *)a, *q = (const unsigned char *)b;
    while (*p != '\0' && *p == *q) {
        p++;
        q++;
    }
    if ((*p >= 0xf0) != (*q >= 0xf0) && *p >= 0xee && *q >= 0xee) {
        return *p >= 0xf0 ? -1 : 1;
    }
    return (int)*p - (int)*q;
}
