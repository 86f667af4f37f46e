/* Which schema a serializer writes with, and whether it may. */
#include "serde/writer_schema.h"
#include "base/limits.h"
#include "base/text.h"
#include "client/registry.h"
#include "serde/conf.h"

static bool is_given(const schloss_conf_t *c, const char *name) {
    const char *v = conf_str(c, name);
    return v != NULL && v[0] != '\0';
}

schloss_rc writer_by(const handle_t *h, write_by_t *out, schloss_error_t *err) {
    const schloss_conf_t *c = h->conf;
    bool latest_said = conf_is_set(c, "use.latest.version");
    if (conf_bool(c, "auto.register.schemas")) {
        ENSURE(h->schema_text != NULL, err, CONF_VALUE,
               "auto.register.schemas=true needs a schema: call schloss_serializer_set_schema()");
        *out = WRITE_REGISTER;
    } else if (conf_int(c, "use.schema.id") >= 0) {
        *out = WRITE_ID;
    } else if (is_given(c, "use.schema.guid")) {
        *out = WRITE_GUID;
    } else if (is_given(c, "use.latest.with.metadata")) {
        *out = WRITE_METADATA;
    } else if (latest_said ? conf_bool(c, "use.latest.version") : h->schema_text == NULL) {
        *out = WRITE_LATEST;
    } else {
        ENSURE(h->schema_text != NULL, err, CONF_VALUE,
               "use.latest.version=false needs a schema: call schloss_serializer_set_schema()");
        *out = WRITE_OWN;
    }
    return SCHLOSS_OK;
}

/* Lengths keep the parts of a key apart. */
static void put_part(buf_t *b, const char *text) {
    text = text == NULL ? "" : text;
    buf_printf(b, "|%zu:%s", strlen(text), text);
}

char *writer_key(const handle_t *h, write_by_t by, const char *subject) {
    const schloss_conf_t *c = h->conf;
    buf_t b;
    buf_init(&b, LIMIT_JSON_BYTES, "key of a schema", false);
    switch (by) {
    case WRITE_LATEST:
        buf_put_str(&b, "w|latest"); /* the refresh thread knows these */
        break;
    case WRITE_ID:
        buf_put_str(&b, "w|id");
        put_part(&b, conf_str(c, "use.schema.id"));
        break;
    case WRITE_GUID:
        buf_put_str(&b, "w|guid");
        put_part(&b, conf_str(c, "use.schema.guid"));
        break;
    case WRITE_METADATA:
        buf_put_str(&b, "w|metadata");
        put_part(&b, conf_str(c, "use.latest.with.metadata"));
        break;
    case WRITE_REGISTER:
    case WRITE_OWN:
        buf_printf(&b, "w|%s|%d", by == WRITE_OWN ? "own" : "register", conf_bool(c, "normalize.schemas"));
        put_part(&b, h->schema_type);
        put_part(&b, h->schema_text);
        for (size_t i = 0; i < h->n_refs; i++) {
            put_part(&b, h->refs[i].name);
            put_part(&b, h->refs[i].subject);
            buf_printf(&b, "|%d", (int)h->refs[i].version);
        }
        break;
    }
    put_part(&b, h->message_name);
    put_part(&b, subject);
    char *key = buf_check(&b, NULL) == SCHLOSS_OK ? mem_strdup(buf_cstr(&b)) : NULL;
    buf_clear(&b);
    return key;
}

schloss_rc writer_fetch(const handle_t *h, write_by_t by, const char *subject, io_t *io, sr_schema_t **out,
                        schloss_error_t *err) {
    const http_service_t *svc = &h->core->service;
    if (by == WRITE_OWN || by == WRITE_REGISTER) {
        sr_given_t given = {.type = h->schema_type, .text = h->schema_text, .refs = h->refs, .n_refs = h->n_refs};
        given.normalize = conf_bool(h->conf, "normalize.schemas");
        return by == WRITE_OWN ? sr_lookup(io, svc, subject, &given, out, err)
                               : sr_register(io, svc, subject, &given, out, err);
    }
    sr_want_t want = {
        .by = by == WRITE_ID         ? SR_ID
              : by == WRITE_GUID     ? SR_GUID
              : by == WRITE_METADATA ? SR_METADATA
                                     : SR_LATEST,
        .subject = subject,
        .metadata = conf_str(h->conf, "use.latest.with.metadata"),
        .id = (int32_t)conf_int(h->conf, "use.schema.id"),
        .protobuf = h->message_name != NULL || (h->schema_type != NULL && strcmp(h->schema_type, "PROTOBUF") == 0),
    };
    char guid[37] = "";
    uint8_t raw[16];
    if (by == WRITE_GUID) { /* in the form that the registry prints */
        ENSURE(uuid_parse(raw, conf_str(h->conf, "use.schema.guid")), err, CONF_VALUE, "use.schema.guid is no GUID");
        uuid_print(guid, raw);
        want.guid = guid;
    }
    return sr_get(io, svc, &want, out, err);
}

/* ---- the same binary form? ---- */

typedef struct compare {
    map_t *met; /* pairs that were compared, or are being: types may recurse, and lead to each other on many ways */
    bool oom;
    const char *where;
    unsigned depth;
} compare_t;

static bool differ(compare_t *c, const char *where) {
    if (c->where == NULL) {
        c->where = where;
    }
    return false;
}

static bool same_form(compare_t *c, const avro_type_t *a, const avro_type_t *b, const char *at);

static bool same_members(compare_t *c, const avro_type_t *a, const avro_type_t *b, const char *at) {
    switch (a->kind) {
    case AVRO_RECORD:
        for (size_t i = 0; i < a->n_fields && i < b->n_fields; i++) {
            if (strcmp(a->fields[i].name, b->fields[i].name) != 0) {
                return differ(c, a->fields[i].full_name);
            }
            if (!same_form(c, a->fields[i].type, b->fields[i].type, a->fields[i].full_name)) {
                return false;
            }
        }
        return a->n_fields == b->n_fields || differ(c, at);
    case AVRO_ENUM:
        for (size_t i = 0; i < a->n_symbols && i < b->n_symbols; i++) {
            if (strcmp(a->symbols[i], b->symbols[i]) != 0) {
                return differ(c, at);
            }
        }
        return a->n_symbols == b->n_symbols || differ(c, at);
    case AVRO_UNION:
        for (size_t i = 0; i < a->n_branches && i < b->n_branches; i++) {
            if (!same_form(c, a->branches[i], b->branches[i], at)) {
                return false;
            }
        }
        return a->n_branches == b->n_branches || differ(c, at);
    case AVRO_ARRAY:
    case AVRO_MAP:
        return same_form(c, a->items, b->items, at);
    case AVRO_FIXED:
        return a->size == b->size || differ(c, at);
    default:
        return true;
    }
}

static bool same_form(compare_t *c, const avro_type_t *a, const avro_type_t *b, const char *at) {
    if (a->kind != b->kind || c->depth > LIMIT_SCHEMA_DEPTH) {
        return differ(c, at);
    }
    if (a->name != NULL) {
        const uint32_t pair[2] = {a->index, b->index};
        if (map_get(c->met, bytes(pair, sizeof pair)) != NULL) {
            return true;
        }
        if (!map_put(c->met, bytes(pair, sizeof pair), c)) {
            c->oom = true;
            return false;
        }
    }
    c->depth++;
    bool same = same_members(c, a, b, at);
    c->depth--;
    return same;
}

static schloss_rc compare_avro(const handle_t *h, const sr_schema_t *sr, const avro_ref_t *refs, schloss_error_t *err) {
    avro_schema_t *mine = NULL, *theirs = NULL;
    schloss_rc rc = avro_schema_parse(&mine, h->schema_text, strlen(h->schema_text), refs, sr->n_references, 0, err);
    if (rc == SCHLOSS_OK) {
        rc = avro_schema_parse(&theirs, sr->text, strlen(sr->text), refs, sr->n_references, 0, err);
    }
    compare_t c = {.met = NULL};
    if (rc == SCHLOSS_OK) {
        c.met = map_new(NULL);
        rc = c.met == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
    }
    if (rc == SCHLOSS_OK && !same_form(&c, avro_schema_root(mine), avro_schema_root(theirs), "the root")) {
        rc = c.oom ? NO_MEMORY(err)
                   : FAIL(err, DATA_MISMATCH,
                          "records of the application's schema have not the binary form of the schema to write with "
                          "(id %d, version %d): they differ at %s",
                          (int)sr->id, (int)sr->version, c.where);
        err_hint(c.oom ? NULL : err, "give the application the registered schema, or set use.latest.version=false; "
                                     "latest.compatibility.strict and id.compatibility.strict switch this check off");
    }
    map_free(c.met);
    avro_schema_free(mine);
    avro_schema_free(theirs);
    return rc;
}

schloss_rc writer_check(const handle_t *h, write_by_t by, const sr_schema_t *sr, schloss_error_t *err) {
    if (h->schema_text == NULL || by == WRITE_OWN || by == WRITE_REGISTER) {
        return SCHLOSS_OK;
    }
    const char *key = by == WRITE_ID || by == WRITE_GUID ? "id.compatibility.strict" : "latest.compatibility.strict";
    const char *type = h->schema_type == NULL ? "AVRO" : h->schema_type;
    if (strcmp(type, sr->type) != 0) {
        return FAIL(err, SCHEMA_TYPE, "the application's schema is of type %s, schema %d is of type %s", type,
                    (int)sr->id, sr->type);
    }
    if (strcmp(type, "AVRO") != 0 || !conf_bool(h->conf, key) || strcmp(sr->text, h->schema_text) == 0) {
        return SCHLOSS_OK;
    }
    avro_ref_t *refs = mem_calloc(sr->n_references + 1, sizeof(*refs));
    ENSURE(refs != NULL, err, NO_MEMORY, "out of memory");
    for (size_t i = 0; i < sr->n_references; i++) {
        refs[i] = (avro_ref_t){sr->references[i].name, sr->references[i].text, strlen(sr->references[i].text)};
    }
    schloss_rc rc = compare_avro(h, sr, refs, err);
    mem_free(refs);
    return rc;
}
