/* The prepare state machine and its blocking driver (docs/adr/0001).
 *
 * One prepare fetches one thing: a view (subject, schema, rules) or one DEK. It runs its logic from the top after each
 * answer. Single flight: the first prepare for a key fetches, others wait for it and then find the cache filled. */
#include "serde/prepare.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "client/registry.h"
#include "serde/conf.h"
#include "serde/subject.h"
#include <stdatomic.h>
#include <stdio.h>

struct schloss_prepare {
    handle_t *h;
    need_t need;
    io_t *io;
    dek_fill_t fill;
    char *flight;      /* key of the flight that this prepare owns, NULL: none */
    int64_t waited_ms; /* since when it waits for another's flight, 0: it does not */
    bool waits_flight;
    uint32_t generation; /* of the client when the prepare began */
    dek_slot_t *slot;    /* that it fills; the entry's view may change meanwhile, the generated key must not follow */
};

static schloss_rc prepare_new(handle_t *h, schloss_prepare_t **out, schloss_error_t *err) {
    ENSURE(h->need.entry != NULL, err, INVALID_STATE, "nothing is missing: no execute has returned NEED_KEY");
    schloss_prepare_t *p = MEM_NEW(schloss_prepare_t);
    ENSURE(p != NULL, err, NO_MEMORY, "out of memory");
    p->h = h;
    p->need = h->need;
    p->generation = atomic_load_explicit(&h->core->generation, memory_order_acquire);
    dek_fill_init(&p->fill);
    schloss_rc rc = io_new(&p->io, err);
    if (rc != SCHLOSS_OK) {
        mem_free(p);
        return rc;
    }
    h->n_prepares++;
    METRIC_ADD(need_key, 1);
    *out = p;
    return SCHLOSS_OK;
}

static void land(schloss_prepare_t *p, schloss_rc rc, const schloss_error_t *why) {
    if (p->flight != NULL) {
        flight_land(p->h->core, p->flight, p, rc, why);
        mem_free(p->flight);
        p->flight = NULL;
    }
}

void schloss_prepare_free(schloss_prepare_t *p) {
    if (p != NULL) {
        land(p, SCHLOSS_OK, NULL); /* abandoned: waiters try themselves */
        p->h->n_prepares--;
        io_free(p->io);
        dek_fill_clear(&p->fill);
        mem_free(p);
    }
}

/* Owns the flight of key, or says what to do instead. */
static schloss_rc take_off(schloss_prepare_t *p, const char *key, schloss_error_t *err) {
    if (p->flight != NULL) {
        return SCHLOSS_OK;
    }
    schloss_rc rc = flight_begin(p->h->core, key, p, p->waited_ms, err);
    p->waits_flight = rc == SCHLOSS_NEED_WAIT;
    if (rc == SCHLOSS_NEED_WAIT && p->waited_ms == 0) {
        p->waited_ms = time_mono_ms() + (time_mono_ms() == 0);
    }
    if (rc == SCHLOSS_OK) {
        p->flight = mem_strdup(key);
        if (p->flight == NULL) {
            flight_land(p->h->core, key, p, SCHLOSS_OK, NULL);
            return NO_MEMORY(err);
        }
    }
    return rc;
}

/* ---- views ---- */

static view_t *cached_view(core_t *c, const char *key) {
    pthread_mutex_lock(&c->lock);
    view_t *v = map_get(c->views, bytes_str(key));
    if (v != NULL && (c->latest_ttl_ms > 0 || !v->is_latest) && time_mono_ms() < atomic_load(&v->until_ms)) {
        view_ref(v);
    } else {
        v = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    return v;
}

static bool drop_unused(void *user, bytes_t key, void *value) {
    (void)user;
    (void)key;
    return atomic_load(&((view_t *)value)->refs) == 1;
}

static bool is_current(const core_t *c, uint32_t generation) {
    return atomic_load_explicit(&c->generation, memory_order_relaxed) == generation;
}

/* Caching is best effort: without memory the view is used once. So is one that was asked for before an invalidation. */
static void remember_view(core_t *c, view_t *v, uint32_t generation) {
    pthread_mutex_lock(&c->lock);
    if (map_len(c->views) >= c->max_views) {
        map_sweep(c->views, drop_unused, NULL);
    }
    if (is_current(c, generation) && !map_put(c->views, bytes_str(v->key), view_ref(v))) {
        view_unref(v);
    }
    pthread_mutex_unlock(&c->lock);
}

static void extend(const core_t *c, view_t *v) {
    atomic_store(&v->fetched_ms, time_mono_ms());
    atomic_store(&v->until_ms, v->is_latest ? time_mono_ms() + c->latest_ttl_ms : INT64_MAX);
}

/* A fetched schema becomes a view: the cached one when nothing has changed. */
static schloss_rc adopt(core_t *c, const char *key, const char *subject, sr_schema_t *sr, const view_want_t *want,
                        bool is_latest, uint32_t generation, view_t **out, schloss_error_t *err) {
    pthread_mutex_lock(&c->lock);
    view_t *v = is_current(c, generation) ? map_get(c->views, bytes_str(key)) : NULL;
    if (v != NULL) {
        view_ref(v);
    }
    pthread_mutex_unlock(&c->lock);
    if (v != NULL && view_same(v, sr)) {
        extend(c, v);
        *out = v;
        return SCHLOSS_OK;
    }
    view_unref(v);
    TRY(view_new(c, key, subject, sr, want, out, err));
    (*out)->is_latest = is_latest;
    extend(c, *out);
    remember_view(c, *out, generation);
    return SCHLOSS_OK;
}

static schloss_rc not_found(const schloss_prepare_t *p, const char *subject, schloss_error_t *err) {
    const handle_t *h = p->h;
    schloss_rc rc = SCHLOSS_OK;
    if (h->writing) {
        rc = FAIL(err, SCHEMA_NOT_FOUND, "the registry has no %s of subject '%s'",
                  h->schema_text == NULL ? "version" : "version with this schema", subject);
        err_hint(err, "register it with its rules: schloss schema create --subject %s --schema FILE", subject);
    } else if (p->need.entry->framing.is_guid) {
        char guid[37];
        uuid_print(guid, p->need.entry->framing.guid);
        rc = FAIL(err, SCHEMA_NOT_FOUND, "the registry has no schema with GUID %s", guid);
    } else {
        rc = FAIL(err, SCHEMA_NOT_FOUND, "the registry has no schema with id %d", (int)p->need.entry->framing.id);
        err_hint(err, "is this the registry of the record's producer?");
    }
    err_subject(err, subject);
    return rc;
}

/* Keeps serving the cached latest version a while when only the registry is away. */
static view_t *stale_view(core_t *c, const char *key, schloss_rc rc) {
    if (rc != SCHLOSS_E_CONNECT && rc != SCHLOSS_E_TIMEOUT && rc != SCHLOSS_E_IO && rc != SCHLOSS_E_REGISTRY_BUSY) {
        return NULL;
    }
    int64_t now = time_mono_ms();
    pthread_mutex_lock(&c->lock);
    view_t *v = map_get(c->views, bytes_str(key));
    if (v != NULL && v->is_latest && now < atomic_load(&v->fetched_ms) + c->latest_ttl_ms + c->stale_ms) {
        view_ref(v);
        atomic_store(&v->until_ms, now + 10000);
    } else {
        v = NULL;
    }
    pthread_mutex_unlock(&c->lock);
    if (v != NULL) {
        METRIC_ADD(stale_served, 1);
        LOG_WARN("client", "cannot ask for the latest schema of %s (%s); using the cached one", v->schema.subject,
                 schloss_rc_name(rc));
    }
    return v;
}

static bool writes_latest(const handle_t *h) {
    return h->schema_text == NULL ||
           (conf_is_set(h->conf, "use.latest.version") && conf_bool(h->conf, "use.latest.version"));
}

/* Key of a view for a schema that the application gave: subject, text, references. Lengths keep the parts apart. */
static char *own_key(const handle_t *h, const char *subject) {
    buf_t b;
    buf_init(&b, LIMIT_JSON_BYTES, "key of a schema", false);
    const char *message = h->message_name == NULL ? "" : h->message_name;
    buf_printf(&b, "w|own|%d|%zu:%s|%zu:%s|%zu:%s", conf_bool(h->conf, "normalize.schemas"), strlen(subject), subject,
               strlen(message), message, strlen(h->schema_text), h->schema_text);
    for (size_t i = 0; i < h->n_refs; i++) {
        const schloss_schema_ref_t *r = &h->refs[i];
        buf_printf(&b, "|%zu:%s|%zu:%s|%d", strlen(r->name), r->name, strlen(r->subject), r->subject, (int)r->version);
    }
    char *key = buf_check(&b, NULL) == SCHLOSS_OK ? mem_strdup(buf_cstr(&b)) : NULL;
    buf_clear(&b);
    return key;
}

static schloss_rc write_view(schloss_prepare_t *p, view_t **out, schloss_error_t *err) {
    handle_t *h = p->h;
    const target_entry_t *e = p->need.entry;
    char *subject = NULL;
    if (h->schema_text == NULL && conf_is_set(h->conf, "use.latest.version") &&
        !conf_bool(h->conf, "use.latest.version")) {
        return FAIL(err, CONF_VALUE, "use.latest.version=false needs a schema: call schloss_serializer_set_schema()");
    }
    if (e->subject != NULL) {
        subject = mem_strdup(e->subject);
        ENSURE(subject != NULL, err, NO_MEMORY, "out of memory");
    } else {
        TRY(subject_resolve(h->core, h->conf, e->topic, e->is_key, h->record_name, p->generation, p->io, &subject,
                            err));
    }
    bool latest = writes_latest(h);
    sr_schema_t *sr = NULL;
    const char *message = h->message_name;
    char *key =
        latest ? mem_printf("w|latest|%s%s%s", subject, message == NULL ? "" : "|m:", message == NULL ? "" : message)
               : own_key(h, subject);
    schloss_rc rc = key == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
    if (rc == SCHLOSS_OK && (*out = cached_view(h->core, key)) == NULL) {
        rc = take_off(p, key, err);
        if (rc == SCHLOSS_OK) {
            sr_given_t given = {.text = h->schema_text, .refs = h->refs, .n_refs = h->n_refs};
            given.normalize = conf_bool(h->conf, "normalize.schemas");
            rc = latest ? sr_get_latest(p->io, &h->core->service, subject, &sr, err)
                        : sr_lookup(p->io, &h->core->service, subject, &given, &sr, err);
        }
        if (rc == SCHLOSS_ABSENT) {
            rc = not_found(p, subject, err);
        }
        if (rc == SCHLOSS_OK) {
            view_want_t want = {.writing = true, .message = message};
            rc = adopt(h->core, key, subject, sr, &want, true, p->generation, out, err);
        } else if (rc < 0 && (*out = stale_view(h->core, key, rc)) != NULL) {
            rc = SCHLOSS_OK;
        }
        if (rc < 0) {
            err_subject(err, subject);
        }
    }
    sr_schema_unref(sr);
    mem_free(key);
    mem_free(subject);
    return rc;
}

/* Full name of the root record of a fetched schema, for the record strategies. */
static schloss_rc record_name_of(const char *text, size_t len, const avro_ref_t *refs, size_t n_refs, char **name,
                                 schloss_error_t *err) {
    avro_schema_t *avro = NULL;
    TRY(avro_schema_parse(&avro, text, len, refs, n_refs, 0, err));
    const char *full = avro_schema_root(avro)->name;
    *name = full == NULL ? NULL : mem_strdup(full);
    bool oom = full != NULL && *name == NULL;
    avro_schema_free(avro);
    return oom ? NO_MEMORY(err) : SCHLOSS_OK;
}

static schloss_rc fetch_by_framing(schloss_prepare_t *p, const char *subject, sr_schema_t **sr, schloss_error_t *err) {
    const framing_t *f = &p->need.entry->framing;
    const http_service_t *svc = &p->h->core->service;
    if (f->is_guid) {
        char guid[37];
        uuid_print(guid, f->guid);
        return sr_get_by_guid(p->io, svc, guid, sr, err);
    }
    return sr_get_by_id(p->io, svc, f->id, subject, sr, err);
}

/* The subject under which a record is read: given, by strategy, or named after the record of the fetched schema. */
static schloss_rc read_subject(schloss_prepare_t *p, const sr_schema_t *sr, char **subject, schloss_error_t *err) {
    handle_t *h = p->h;
    const target_entry_t *e = p->need.entry;
    if (e->subject != NULL) {
        *subject = mem_strdup(e->subject);
        return *subject == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
    }
    char *record = NULL;
    if (sr != NULL && strcmp(sr->type, "AVRO") == 0) {
        avro_ref_t *refs = mem_calloc(sr->n_references + 1, sizeof(*refs));
        ENSURE(refs != NULL, err, NO_MEMORY, "out of memory");
        for (size_t i = 0; i < sr->n_references; i++) {
            refs[i] = (avro_ref_t){sr->references[i].name, sr->references[i].text, strlen(sr->references[i].text)};
        }
        schloss_rc rc = record_name_of(sr->text, strlen(sr->text), refs, sr->n_references, &record, err);
        mem_free(refs);
        TRY(rc);
    }
    schloss_rc rc = subject_resolve(h->core, h->conf, e->topic, e->is_key, record, p->generation, p->io, subject, err);
    mem_free(record);
    return rc;
}

/* The same id can carry other rules under another subject: now that the subject is known, ask for its own. */
static schloss_rc fetch_of_subject(schloss_prepare_t *p, const char *subject, sr_schema_t **sr, schloss_error_t *err) {
    sr_schema_t *own = NULL;
    schloss_rc rc = fetch_by_framing(p, subject, &own, err);
    if (rc == SCHLOSS_OK) {
        sr_schema_unref(*sr);
        *sr = own;
    }
    return rc == SCHLOSS_ABSENT ? SCHLOSS_OK : rc;
}

/* Protobuf: the message indexes of the records, as text and as a path. "" when they name the first message. */
static schloss_rc message_of(const target_entry_t *e, char text[16 * PB_INDEX_MAX], int32_t path[PB_INDEX_MAX],
                             view_want_t *want, schloss_error_t *err) {
    size_t len = 0, at = 0;
    text[0] = '\0';
    *want = (view_want_t){.writing = false, .path = path};
    if (e->framing.index_len > 0) {
        TRY(framing_parse_indexes(bytes(e->framing.index, e->framing.index_len), path, &want->n_path, &len, err));
    }
    for (size_t i = 0; i < want->n_path; i++) {
        at += (size_t)snprintf(text + at, 16, "%s%d", i == 0 ? "|m" : ".", (int)path[i]);
    }
    return SCHLOSS_OK;
}

static schloss_rc read_view(schloss_prepare_t *p, view_t **out, schloss_error_t *err) {
    handle_t *h = p->h;
    const target_entry_t *e = p->need.entry;
    char message[16 * PB_INDEX_MAX];
    int32_t path[PB_INDEX_MAX];
    view_want_t want;
    TRY(message_of(e, message, path, &want, err));
    bool by_record = e->subject == NULL && subject_needs_record(h->conf, e->is_key);
    char *subject = NULL, *key = NULL;
    char id[64];
    sr_schema_t *sr = NULL;
    schloss_rc rc = SCHLOSS_OK;
    if (!by_record) {
        TRY(read_subject(p, NULL, &subject, err));
    }
    if (e->framing.is_guid) {
        uuid_print(id, e->framing.guid);
    } else {
        snprintf(id, sizeof(id), "%d", (int)e->framing.id);
    }
    key = by_record
              ? mem_printf("rr|%s|%s|%d|%s%s", id, subject_strategy(h->conf, e->is_key), e->is_key, e->topic, message)
              : mem_printf("r|%s|%s%s", id, subject, message);
    rc = key == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
    if (rc == SCHLOSS_OK && (*out = cached_view(h->core, key)) == NULL) {
        rc = take_off(p, key, err);
        if (rc == SCHLOSS_OK) {
            rc = fetch_by_framing(p, subject, &sr, err);
        }
        if (rc == SCHLOSS_ABSENT) {
            rc = not_found(p, subject == NULL ? "" : subject, err);
        }
        if (rc == SCHLOSS_OK && by_record) {
            rc = read_subject(p, sr, &subject, err);
            if (rc == SCHLOSS_OK && !e->framing.is_guid) {
                rc = fetch_of_subject(p, subject, &sr, err);
            }
        }
        if (rc == SCHLOSS_OK) {
            rc = adopt(h->core, key, subject, sr, &want, false, p->generation, out, err);
        }
    }
    sr_schema_unref(sr);
    mem_free(key);
    mem_free(subject);
    return rc;
}

schloss_rc prepare_refresh_view(core_t *c, const view_t *old, uint32_t generation, io_t *io, schloss_error_t *err) {
    sr_schema_t *sr = NULL;
    view_t *v = NULL;
    view_want_t want = {.writing = true,
                        .message = old->schema.message == NULL ? NULL : pb_message_name(old->schema.message)};
    schloss_rc rc = sr_get_latest(io, &c->service, old->schema.subject, &sr, err);
    if (rc == SCHLOSS_OK) {
        rc = adopt(c, old->key, old->schema.subject, sr, &want, true, generation, &v, err);
    }
    view_unref(v);
    sr_schema_unref(sr);
    return rc;
}

/* ---- keys ---- */

static schloss_rc fill_key(schloss_prepare_t *p, schloss_error_t *err) {
    const target_entry_t *e = p->need.entry;
    core_t *c = p->h->core;
    dek_slot_t *slot = p->slot;
    if (slot == NULL &&
        (e->view == NULL || p->need.run >= e->view->n_runs || e->view->runs[p->need.run].slot == NULL)) {
        return SCHLOSS_OK; /* the view has changed meanwhile: execute again */
    }
    if (slot == NULL) {
        slot = p->slot = e->view->runs[p->need.run].slot;
    }
    if (p->flight == NULL && env_slot_is_fresh(slot, &c->env, p->need.version, time_mono_ms())) {
        return SCHLOSS_OK;
    }
    char version[16] = "";
    if (!slot->spec.writing) {
        snprintf(version, sizeof(version), "|v%d", (int)p->need.version);
    }
    char *key = mem_printf("%s%s", slot->key, version);
    ENSURE(key != NULL, err, NO_MEMORY, "out of memory");
    schloss_rc rc = take_off(p, key, err);
    mem_free(key);
    TRY(rc);
    return env_fill(&c->env, slot, p->need.version, &p->fill, p->io, err);
}

/* ---- the machine ---- */

schloss_rc schloss_prepare_step(schloss_prepare_t *p, schloss_error_t *err) {
    schloss_rc rc = SCHLOSS_OK;
    schloss_error_t *why = err != NULL ? err : schloss_error_new(); /* waiters want to know, too */
    ENSURE(why != NULL, err, NO_MEMORY, "out of memory");
    p->waits_flight = false;
    if (p->need.run != SIZE_MAX) {
        rc = fill_key(p, why);
    } else {
        view_t *v = NULL;
        rc = p->h->writing ? write_view(p, &v, why) : read_view(p, &v, why);
        if (rc == SCHLOSS_OK) {
            rc = handle_set_view(p->h, p->need.entry, v, p->generation, why);
        }
    }
    if (rc <= 0) {
        land(p, rc, why);
    }
    if (why != err) {
        schloss_error_free(why);
    }
    return rc;
}

const schloss_http_request_t *schloss_prepare_request(const schloss_prepare_t *p) {
    return io_request(p->io);
}

uint32_t schloss_prepare_wait_ms(const schloss_prepare_t *p) {
    return p->waits_flight ? 5 : io_wait_ms(p->io, time_mono_ms());
}

schloss_rc schloss_prepare_feed(schloss_prepare_t *p, int status, schloss_bytes_t body, uint32_t retry_after_ms,
                                schloss_error_t *err) {
    return io_feed(p->io, status, body, retry_after_ms, err);
}

schloss_rc schloss_prepare_feed_failure(schloss_prepare_t *p, schloss_rc failure, const char *detail,
                                        schloss_error_t *err) {
    return io_feed_failure(p->io, failure, detail, err);
}

schloss_rc schloss_serializer_prepare_begin(schloss_serializer_t *ser, const schloss_target_t *target,
                                            schloss_prepare_t **out, schloss_error_t *err) {
    ENSURE(ser != NULL && out != NULL, err, INVALID_ARGUMENT, "serializer and out must not be NULL");
    target_entry_t *e = NULL;
    TRY(handle_target(&ser->h, target, NULL, &e, err));
    if (ser->h.need.entry != e) {
        ser->h.need = (need_t){.entry = e, .run = SIZE_MAX};
    }
    return prepare_new(&ser->h, out, err);
}

schloss_rc schloss_deserializer_prepare_begin(schloss_deserializer_t *de, schloss_prepare_t **out,
                                              schloss_error_t *err) {
    ENSURE(de != NULL && out != NULL, err, INVALID_ARGUMENT, "deserializer and out must not be NULL");
    return prepare_new(&de->h, out, err);
}

/* ---- blocking driver ---- */

static schloss_rc step_logic(void *arg, io_t *io, schloss_error_t *err) {
    (void)io; /* the prepare's own */
    return schloss_prepare_step(arg, err);
}

schloss_rc handle_prepare(handle_t *h, schloss_error_t *err) {
    schloss_prepare_t *p = NULL;
    TRY(prepare_new(h, &p, err));
    schloss_rc rc = io_run(p->io, &h->core->transport, step_logic, p, err);
    schloss_prepare_free(p);
    return rc;
}
