/* Writing records. */
#include "base/limits.h"
#include "serde/conf.h"
#include "serde/prepare.h"

schloss_rc schloss_serializer_new(schloss_client_t *client, const schloss_conf_t *conf, schloss_serializer_t **out,
                                  schloss_error_t *err) {
    ENSURE(client != NULL && out != NULL, err, INVALID_ARGUMENT, "client and out must not be NULL");
    schloss_serializer_t *s = MEM_NEW(schloss_serializer_t);
    ENSURE(s != NULL, err, NO_MEMORY, "out of memory");
    schloss_rc rc = handle_init(&s->h, client, conf, true, err);
    if (rc != SCHLOSS_OK) {
        mem_free(s);
        return rc;
    }
    *out = s;
    return SCHLOSS_OK;
}

void schloss_serializer_free(schloss_serializer_t *ser) {
    if (ser != NULL) {
        handle_clear(&ser->h);
        mem_free(ser);
    }
}

/* A schema as given, until all of it is copied. */
typedef struct given {
    char *text, *type, *record_name;
    schloss_schema_ref_t *refs;
    size_t n_refs;
} given_t;

static void given_clear(given_t *g) {
    mem_free(g->text);
    mem_free(g->type);
    mem_free(g->record_name);
    for (size_t i = 0; i < g->n_refs; i++) {
        mem_free((char *)g->refs[i].name);
        mem_free((char *)g->refs[i].subject);
    }
    mem_free(g->refs);
}

static schloss_rc given_copy(given_t *g, const char *type, const char *text, size_t len,
                             const schloss_schema_ref_t *refs, size_t n_refs, schloss_error_t *err) {
    if (n_refs == 0 &&
        strcmp(type, "AVRO") == 0) { /* with references the registry knows the text of, the name is found there */
        avro_schema_t *avro = NULL;
        TRY(avro_schema_parse(&avro, text, len, NULL, 0, 0, err));
        const char *name = avro_schema_root(avro)->name;
        g->record_name = name == NULL ? NULL : mem_strdup(name);
        bool oom = name != NULL && g->record_name == NULL;
        avro_schema_free(avro);
        ENSURE(!oom, err, NO_MEMORY, "out of memory");
    }
    ENSURE(memchr(text, '\0', len) == NULL, err, SCHEMA_PARSE, "the schema text has a NUL in it");
    g->text = mem_strndup(text, len);
    g->type = mem_strdup(type);
    g->refs = mem_calloc(n_refs + 1, sizeof(*g->refs));
    ENSURE(g->text != NULL && g->type != NULL && g->refs != NULL, err, NO_MEMORY, "out of memory");
    for (size_t i = 0; i < n_refs; i++) {
        ENSURE(refs[i].name != NULL && refs[i].subject != NULL, err, INVALID_ARGUMENT,
               "a reference lacks its name or subject");
        schloss_schema_ref_t r = {mem_strdup(refs[i].name), mem_strdup(refs[i].subject), refs[i].version};
        g->refs[g->n_refs++] = r;
        ENSURE(r.name != NULL && r.subject != NULL, err, NO_MEMORY, "out of memory");
    }
    return SCHLOSS_OK;
}

schloss_rc schloss_serializer_set_schema(schloss_serializer_t *ser, const char *text, size_t len,
                                         const schloss_schema_ref_t *refs, size_t n_refs, schloss_error_t *err) {
    return schloss_serializer_set_schema_of_type(ser, "AVRO", text, len, refs, n_refs, err);
}

schloss_rc schloss_serializer_set_schema_of_type(schloss_serializer_t *ser, const char *type, const char *text,
                                                 size_t len, const schloss_schema_ref_t *refs, size_t n_refs,
                                                 schloss_error_t *err) {
    ENSURE(ser != NULL && type != NULL && text != NULL && (refs != NULL || n_refs == 0), err, INVALID_ARGUMENT,
           "serializer, type, text and refs must not be NULL");
    ENSURE(strcmp(type, "AVRO") == 0 || strcmp(type, "JSON") == 0 || strcmp(type, "PROTOBUF") == 0, err,
           INVALID_ARGUMENT, "schema type '%s' is not AVRO, JSON or PROTOBUF", type);
    handle_t *h = &ser->h;
    ENSURE(h->schema_text == NULL && map_len(h->targets) == 0, err, INVALID_STATE,
           "the schema must be given once, before the first record");
    ENSURE(n_refs <= LIMIT_SCHEMA_REFS, err, LIMIT_EXCEEDED, "more references than the limit LIMIT_SCHEMA_REFS (%u)",
           LIMIT_SCHEMA_REFS);
    given_t g = {.text = NULL};
    schloss_rc rc = given_copy(&g, type, text, len, refs, n_refs, err);
    if (rc != SCHLOSS_OK) {
        given_clear(&g);
        return rc;
    }
    h->schema_text = g.text;
    h->schema_type = g.type;
    h->refs = g.refs;
    h->n_refs = g.n_refs;
    h->record_name = g.record_name;
    return SCHLOSS_OK;
}

schloss_rc schloss_serializer_set_message(schloss_serializer_t *ser, const char *full_name, schloss_error_t *err) {
    ENSURE(ser != NULL && full_name != NULL, err, INVALID_ARGUMENT, "serializer and name must not be NULL");
    ENSURE(ser->h.message_name == NULL && map_len(ser->h.targets) == 0, err, INVALID_STATE,
           "the message must be named once, before the first record");
    ser->h.message_name = mem_strdup(full_name);
    return ser->h.message_name == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
}

/* Execute for a call that began at t. */
static schloss_rc serialize_at(schloss_serializer_t *ser, const schloss_target_t *target, schloss_bytes_t record,
                               as_of_t t, schloss_encoded_t *out, schloss_error_t *err) {
    if (record.ptr == NULL) {
        schloss_rc rc = FAIL(err, EMPTY_MESSAGE, "the record to serialize is NULL");
        err_hint(err, "a tombstone is written with schloss_kafka_produce()");
        return rc;
    }
    handle_t *h = &ser->h;
    target_entry_t *e = NULL;
    TRY(handle_target(h, target, NULL, &e, err));
    TRY(handle_view(h, e, t, err));
    const view_t *v = e->view;
    bool with_header = e->is_key ? h->key_header : h->value_header;
    if (with_header && v->guid_len == 0) {
        return FAIL(err, REGISTRY_ANSWER,
                    "the registry gave no GUID for subject '%s': HeaderSchemaIdSerializer cannot "
                    "be used",
                    v->schema.subject);
    }
    run_call_t call = {.target = target,
                       .headers = target->headers,
                       .n_headers = target->n_headers,
                       .prefix_len = with_header ? 0 : v->prefix_len,
                       .mono_ms = t.mono_ms};
    bytes_t result = {NULL, 0};
    schloss_rc rc = handle_run(h, e, record, &call, &result, err);
    handle_wipe(h, rc == SCHLOSS_OK);
    TRY(rc);
    *out = (schloss_encoded_t){.header_name = NULL};
    if (with_header) {
        out->value.ptr = result.ptr; /* in halves, see pass_t in run.c */
        out->value.len = result.len;
        out->header_name = framing_header_name(e->is_key);
        out->header = bytes(v->guid, v->guid_len);
    } else {
        uint8_t *start = h->out[h->buf_done].ptr;
        memcpy(start, v->prefix, v->prefix_len);
        out->value = bytes(start, result.len + v->prefix_len);
    }
    return SCHLOSS_OK;
}

schloss_rc schloss_serialize_try(schloss_serializer_t *ser, const schloss_target_t *target, schloss_bytes_t record,
                                 schloss_encoded_t *out, schloss_error_t *err) {
    ENSURE(ser != NULL && out != NULL, err, INVALID_ARGUMENT, "serializer and out must not be NULL");
    return serialize_at(ser, target, record, handle_now(&ser->h), out, err);
}

schloss_rc schloss_serialize(schloss_serializer_t *ser, const schloss_target_t *target, schloss_bytes_t record,
                             schloss_encoded_t *out, schloss_error_t *err) {
    ENSURE(ser != NULL && out != NULL, err, INVALID_ARGUMENT, "serializer and out must not be NULL");
    as_of_t t = handle_now(&ser->h);
    for (int i = 0; i < PREPARES_MAX; i++) {
        schloss_rc rc = serialize_at(ser, target, record, t, out, err);
        if (rc != SCHLOSS_NEED_KEY) {
            return rc;
        }
        TRY(handle_prepare(&ser->h, err));
    }
    return FAIL(err, LIMIT_EXCEEDED,
                "keys expire faster than they can be fetched; check cache.expiry.secs and "
                "latest.cache.ttl.sec");
}

schloss_rc schloss_serializer_prepare(schloss_serializer_t *ser, const schloss_target_t *target,
                                      const schloss_schema_t **schema, schloss_error_t *err) {
    ENSURE(ser != NULL, err, INVALID_ARGUMENT, "serializer must not be NULL");
    target_entry_t *e = NULL;
    TRY(handle_target(&ser->h, target, NULL, &e, err));
    as_of_t t = handle_now(&ser->h);
    for (int i = 0; i < PREPARES_MAX; i++) {
        schloss_rc rc = handle_view(&ser->h, e, t, err);
        if (rc == SCHLOSS_OK) {
            if (schema != NULL) {
                *schema = &e->view->schema;
            }
            return SCHLOSS_OK;
        }
        if (rc != SCHLOSS_NEED_KEY) {
            return rc;
        }
        TRY(handle_prepare(&ser->h, err));
    }
    return FAIL(err, LIMIT_EXCEEDED, "the schema needs more than PREPARES_MAX (%d) fetches", PREPARES_MAX);
}
