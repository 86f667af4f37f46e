/* Reading records. */
#include "base/limits.h"
#include "serde/conf.h"
#include "serde/inspect.h"
#include "serde/prepare.h"

schloss_rc schloss_deserializer_new(schloss_client_t *client, const schloss_conf_t *conf, schloss_deserializer_t **out,
                                    schloss_error_t *err) {
    ENSURE(client != NULL && out != NULL, err, INVALID_ARGUMENT, "client and out must not be NULL");
    schloss_deserializer_t *d = MEM_NEW(schloss_deserializer_t);
    ENSURE(d != NULL, err, NO_MEMORY, "out of memory");
    schloss_rc rc = handle_init(&d->h, client, conf, false, err);
    if (rc != SCHLOSS_OK) {
        mem_free(d);
        return rc;
    }
    *out = d;
    return SCHLOSS_OK;
}

void schloss_deserializer_free(schloss_deserializer_t *de) {
    if (de != NULL) {
        handle_clear(&de->h);
        mem_free(de);
    }
}

/* The last header of a name counts, as in the Java client. */
static bool last_header(const schloss_header_t *headers, size_t n, const char *name, bytes_t *out) {
    for (size_t i = n > LIMIT_HEADERS ? LIMIT_HEADERS : n; i-- > 0;) {
        if (headers[i].name != NULL && strcmp(headers[i].name, name) == 0) {
            *out = headers[i].value;
            return true;
        }
    }
    return false;
}

/* Finds schema and payload: header first (dual), else prefix. indexes: where message indexes begin, if the schema has
 * any; part of the payload without a header. */
static schloss_rc unframe(const handle_t *h, bool is_key, bytes_t value, const schloss_header_t *headers, size_t n,
                          framing_t *f, bytes_t *payload, bytes_t *indexes, schloss_error_t *err) {
    bytes_t header = {NULL, 0};
    f->index_len = 0; /* the rest is set by framing_parse() */
    bool dual = is_key ? h->key_header : h->value_header;
    if (dual && n > 0 && last_header(headers, n, framing_header_name(is_key), &header) && header.ptr != NULL) {
        TRY(framing_parse(header, f, err));
        *payload = value;
        *indexes = bytes(header.ptr + f->prefix_len, header.len - f->prefix_len);
        return SCHLOSS_OK;
    }
    TRY(framing_parse(value, f, err));
    *payload = bytes(value.ptr + f->prefix_len, value.len - f->prefix_len);
    *indexes = *payload;
    return SCHLOSS_OK;
}

/* Protobuf: takes the message indexes off and goes on to the entry of their message. */
static schloss_rc locate_message(handle_t *h, const schloss_target_t *target, framing_t *f, bytes_t indexes, as_of_t t,
                                 target_entry_t **e, bytes_t *payload, schloss_error_t *err) {
    int32_t path[PB_INDEX_MAX];
    size_t n = 0, len = 1;
    if (indexes.len == 0 || indexes.ptr[0] != 0) { /* else the first message, whose entry this is */
        TRY(framing_parse_indexes(indexes, path, &n, &len, err));
        target_entry_t *base = *e;
        f->index_len = (uint8_t)len;
        memcpy(f->index, indexes.ptr, len);
        if (base->variant != NULL && base->variant->framing.index_len == len &&
            memcmp(base->variant->framing.index, f->index, len) == 0) {
            *e = base->variant;
        } else {
            uint32_t sweeps = h->n_sweeps;
            TRY(handle_target(h, target, f, e, err));
            if (h->n_sweeps == sweeps) { /* else base may be gone */
                base->variant = *e;
            }
        }
    }
    if (payload->ptr == indexes.ptr) {
        *payload = bytes(payload->ptr + len, payload->len - len);
    }
    return n == 0 ? SCHLOSS_OK : handle_view(h, *e, t, err);
}

static schloss_rc locate(schloss_deserializer_t *de, const schloss_target_t *target, schloss_bytes_t value,
                         const schloss_header_t *headers, size_t n_headers, as_of_t t, target_entry_t **e,
                         bytes_t *payload, schloss_error_t *err) {
    framing_t f;
    bytes_t indexes = {NULL, 0};
    ENSURE(target != NULL && (headers != NULL || n_headers == 0), err, INVALID_ARGUMENT,
           "target and headers must not be NULL");
    TRY(unframe(&de->h, target->is_key, value, headers, n_headers, &f, payload, &indexes, err));
    f.prefix_len = 0; /* belongs to the record, not to the target */
    TRY(handle_target(&de->h, target, &f, e, err));
    TRY(handle_view(&de->h, *e, t, err));
    return (*e)->view->type.protobuf == NULL ? SCHLOSS_OK
                                             : locate_message(&de->h, target, &f, indexes, t, e, payload, err);
}

/* Execute for a call that began at t. */
static schloss_rc deserialize_at(schloss_deserializer_t *de, const schloss_target_t *target, schloss_bytes_t value,
                                 const schloss_header_t *headers, size_t n_headers, as_of_t t, schloss_decoded_t *out,
                                 schloss_error_t *err) {
    if (value.ptr == NULL || value.len == 0) {
        *out = (schloss_decoded_t){.value = {NULL, 0}};
        return SCHLOSS_OK;
    }
    target_entry_t *e = NULL;
    bytes_t payload = {NULL, 0}, result = {NULL, 0};
    run_call_t call = {
        .target = target, .raw = value, .headers = headers, .n_headers = n_headers, .mono_ms = t.mono_ms};
    TRY(locate(de, target, value, headers, n_headers, t, &e, &payload, err));
    /* a dead letter that is read again names the rule that failed on it: reading only, never writing (spec 3.3) */
    if (n_headers > 0) {
        (void)last_header(headers, n_headers, "__rule.name", &call.skip_rule);
    }
    schloss_rc rc = handle_run(&de->h, e, payload, &call, &result, err);
    handle_wipe(&de->h, rc == SCHLOSS_OK);
    TRY(rc);
    out->value.ptr = result.ptr != NULL ? result.ptr : (const uint8_t *)""; /* in halves, see pass_t in run.c */
    out->value.len = result.len;
    out->schema = &e->view->schema;
    return SCHLOSS_OK;
}

schloss_rc schloss_deserialize_try(schloss_deserializer_t *de, const schloss_target_t *target, schloss_bytes_t value,
                                   const schloss_header_t *headers, size_t n_headers, schloss_decoded_t *out,
                                   schloss_error_t *err) {
    ENSURE(de != NULL && out != NULL, err, INVALID_ARGUMENT, "deserializer and out must not be NULL");
    return deserialize_at(de, target, value, headers, n_headers, handle_now(&de->h), out, err);
}

schloss_rc schloss_deserialize(schloss_deserializer_t *de, const schloss_target_t *target, schloss_bytes_t value,
                               const schloss_header_t *headers, size_t n_headers, schloss_decoded_t *out,
                               schloss_error_t *err) {
    ENSURE(de != NULL && out != NULL, err, INVALID_ARGUMENT, "deserializer and out must not be NULL");
    as_of_t t = handle_now(&de->h);
    for (int i = 0; i < PREPARES_MAX; i++) {
        schloss_rc rc = deserialize_at(de, target, value, headers, n_headers, t, out, err);
        if (rc != SCHLOSS_NEED_KEY) {
            return rc;
        }
        TRY(handle_prepare(&de->h, err));
    }
    return FAIL(err, LIMIT_EXCEEDED,
                "the record needs more keys than the handle can hold, or they expire faster than "
                "they can be fetched; check cache.expiry.secs");
}

schloss_rc schloss_inspect(schloss_deserializer_t *de, const schloss_target_t *target, schloss_bytes_t value,
                           const schloss_header_t *headers, size_t n_headers,
                           bool (*each)(void *user, const schloss_field_info_t *info), void *user,
                           schloss_error_t *err) {
    ENSURE(de != NULL && each != NULL, err, INVALID_ARGUMENT, "deserializer and each must not be NULL");
    if (value.ptr == NULL || value.len == 0) {
        return SCHLOSS_OK;
    }
    as_of_t t = handle_now(&de->h);
    for (int i = 0; i < PREPARES_MAX; i++) {
        target_entry_t *e = NULL;
        bytes_t payload = {NULL, 0};
        schloss_rc rc = locate(de, target, value, headers, n_headers, t, &e, &payload, err);
        if (rc == SCHLOSS_OK) {
            return inspect_record(e->view, payload, each, user, err);
        }
        if (rc != SCHLOSS_NEED_KEY) {
            return rc;
        }
        TRY(handle_prepare(&de->h, err));
    }
    return FAIL(err, LIMIT_EXCEEDED, "the record needs more than PREPARES_MAX (%d) fetches", PREPARES_MAX);
}
