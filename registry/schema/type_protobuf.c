/* Protobuf schemas (schema-registry-api 16) over proto.h.
 *
 * What is stored is the canonical .proto text. "serialized" is that text parsed and linked again: names absolute, types
 * set, options interpreted, which is what all clients can use (the reference leaves names as the text has them). Two
 * texts are the same schema when their linked descriptors are: a client that registers a descriptor gets the id of the
 * version that another one registered as source. */
#include "registry/schema/proto.h"
#include "base/text.h"
#include "registry/schema/settled.h"
#include "registry/schema/type.h"
#include <string.h>

static rest_rc fail(request_t *rq, schloss_rc rc, const schloss_error_t *err) {
    return schema_invalid(rq, &schema_protobuf, rc, err);
}

static void wire_init(buf_t *b) {
    buf_init(b, LIMIT_PROTO_BYTES * 8, "Protobuf descriptor", false);
}

static rest_rc to_files(request_t *rq, const schema_source_t *s, proto_file_t **out) {
    *out = arena_alloc_n(&rq->arena, s->n_refs + 1, sizeof **out);
    if (*out == NULL) {
        return rest_oom(rq);
    }
    for (size_t i = 0; i < s->n_refs; i++) {
        (*out)[i] = (proto_file_t){s->refs[i].name, s->refs[i].text, s->refs[i].len};
    }
    return 0;
}

/* Linked descriptor of text, in linked (initialised here, cleared on failure). */
static schloss_rc link_text(const char *text, const proto_file_t *files, size_t n, unsigned flags, buf_t *linked,
                            schloss_error_t *err) {
    buf_t wire;
    wire_init(&wire);
    wire_init(linked);
    schloss_rc rc = proto_read(text, strlen(text), &wire, err);
    rc = rc != 0 ? rc : proto_linked(buf_view(&wire), files, n, flags, linked, err);
    buf_clear(&wire);
    if (rc != 0) {
        buf_clear(linked);
    }
    return rc;
}

static rest_rc canon(request_t *rq, const schema_source_t *s, unsigned flags, const char **out) {
    buf_t wire, text, linked;
    schloss_error_t err = {0};
    proto_file_t *files;
    TRY(to_files(rq, s, &files));
    wire_init(&wire);
    buf_init(&text, REQUEST_MAX_BODY, "canonical schema", false);
    schloss_rc rc = proto_read(s->text, strlen(s->text), &wire, &err);
    rc = rc != 0 ? rc : proto_text(buf_view(&wire), &text, &err);
    /* Names lead somewhere, numbers are free, options exist. It is the text that is linked: a descriptor may hold more
     * than it, nested deeper than libprotobuf's recursion bears. */
    if (rc == 0 && (flags & CANON_NEW)) {
        rc = link_text(buf_cstr(&text), files, s->n_refs, PROTO_REBUILD, &linked, &err);
        buf_clear(&linked);
    }
    buf_clear(&wire);
    if (rc != 0) {
        buf_clear(&text);
        return fail(rq, rc, &err);
    }
    return schema_take(rq, &schema_protobuf, &text, out);
}

static bool has_format(const char *format, bool has_refs) {
    (void)has_refs;
    return strcmp(format, "serialized") == 0 || strcmp(format, "ignore_extensions") == 0;
}

static rest_rc print_serialized(request_t *rq, const schema_source_t *s, const char **out) {
    buf_t linked;
    schloss_error_t err = {0};
    proto_file_t *files;
    TRY(to_files(rq, s, &files));
    schloss_rc rc = link_text(s->text, files, s->n_refs, 0, &linked, &err);
    if (rc != 0) {
        return fail(rq, rc, &err);
    }
    char *text = arena_alloc(&rq->arena, B64_LEN(linked.len) + 1);
    if (text != NULL) {
        text[b64_encode((uint8_t *)text, linked.ptr, linked.len)] = '\0';
    }
    buf_clear(&linked);
    *out = text;
    return text == NULL ? rest_oom(rq) : 0;
}

static rest_rc print(request_t *rq, const schema_source_t *s, const char *format, const char **out) {
    if (strcmp(format, "serialized") == 0) {
        return print_serialized(rq, s, out);
    }
    buf_t wire, text;
    schloss_error_t err = {0};
    wire_init(&wire);
    buf_init(&text, REQUEST_MAX_BODY, "canonical schema", false);
    schloss_rc rc = proto_read(s->text, strlen(s->text), &wire, &err);
    rc = rc != 0 ? rc : proto_print(buf_view(&wire), true, &text, &err);
    buf_clear(&wire);
    if (rc != 0) {
        buf_clear(&text);
        return fail(rq, rc, &err);
    }
    return schema_take(rq, &schema_protobuf, &text, out);
}

/* What text stands for. *links: false when it does not link, for whatever reason but memory. */
static schloss_rc settle(const char *text, const proto_file_t *files, size_t n, uint8_t digest[SETTLED_LEN],
                         bool *links, schloss_error_t *err) {
    uint8_t key[SETTLED_LEN];
    buf_t linked;
    bool named = settled_key(text, files, n, key);
    *links = false;
    if (named && settled_get(key, digest, links)) {
        return SCHLOSS_OK;
    }
    schloss_rc rc = link_text(text, files, n, PROTO_SETTLED, &linked, err);
    if (rc == SCHLOSS_E_NO_MEMORY) {
        return rc;
    }
    if (rc == SCHLOSS_OK) {
        *links = settled_digest(buf_view(&linked), digest);
        buf_clear(&linked);
        if (!*links) {
            return NO_MEMORY(err);
        }
    }
    if (named) {
        settled_put(key, *links ? digest : NULL);
    }
    return SCHLOSS_OK;
}

static rest_rc same(request_t *rq, const schema_source_t *a, const char *b, bool *is_same) {
    uint8_t one[SETTLED_LEN], other[SETTLED_LEN];
    bool links;
    schloss_error_t err = {0};
    proto_file_t *files;
    *is_same = false;
    TRY(to_files(rq, a, &files));
    schloss_rc rc = settle(a->text, files, a->n_refs, one, &links, &err);
    if (rc == 0 && links) { /* else (a reference was deleted) only equal texts are the same */
        rc = settle(b, files, a->n_refs, other, &links, &err);
        *is_same = rc == 0 && links && memcmp(one, other, sizeof one) == 0;
    }
    return rc == 0 ? 0 : rest_oom(rq);
}

typedef struct wanted {
    const char *const *tags;
    size_t n;
    buf_t *out;
} wanted_t;

static void put_tagged(void *user, const char *path, const char *type, const char *const *tags, size_t n) {
    const wanted_t *w = user;
    schema_put_tagged(w->out, path, type, tags, n, w->tags, w->n);
}

static rest_rc find_tags(request_t *rq, const schema_source_t *s, const char *const *tags, size_t n_tags, buf_t *out) {
    buf_t linked;
    schloss_error_t err = {0};
    proto_file_t *files;
    wanted_t w = {tags, n_tags, out};
    TRY(to_files(rq, s, &files));
    schloss_rc rc = link_text(s->text, files, s->n_refs, 0, &linked, &err);
    if (rc == 0) {
        rc = proto_each_tagged(buf_view(&linked), put_tagged, &w, &err);
        buf_clear(&linked);
    }
    return rc == 0 ? 0 : fail(rq, rc, &err);
}

const schema_type_t schema_protobuf = {
    .name = "PROTOBUF", .canon = canon, .has_format = has_format, .print = print, .same = same, .find_tags = find_tags};
