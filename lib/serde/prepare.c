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
#include "serde/record_name.h"
#include "serde/subject.h"
#include "serde/views.h"
#include "serde/writer_schema.h"
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
    p->need.entry->n_prepares++;
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
        p->need.entry->n_prepares--;
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

static bool is_current(const core_t *c, uint32_t generation) {
    return atomic_load_explicit(&c->generation, memory_order_relaxed) == generation;
}

static void extend(const core_t *c, view_t *v) {
    atomic_store(&v->fetched_ms, time_mono_ms());
    atomic_store(&v->until_ms, v->is_latest ? time_mono_ms() + c->latest_ttl_ms : INT64_MAX);
}

/* A fetched schema becomes a view: the cached one when nothing has changed. */
static schloss_rc adopt(core_t *c, const char *key, const char *subject, sr_schema_t *sr, const view_want_t *want,
                        bool is_latest, uint32_t generation, view_t **out, bool *is_new, schloss_error_t *err) {
    pthread_mutex_lock(&c->lock);
    view_t *v = is_current(c, generation) ? map_get(c->views, bytes_str(key)) : NULL;
    if (v != NULL) {
        view_ref(v);
    }
    pthread_mutex_unlock(&c->lock);
    *is_new = v == NULL;
    if (v != NULL && view_same(v, sr)) {
        extend(c, v);
        *out = v;
        return SCHLOSS_OK;
    }
    view_unref(v);
    TRY(view_new(c, key, subject, sr, want, out, err));
    (*out)->is_latest = is_latest;
    extend(c, *out);
    views_put(c, *out, generation);
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

/* The subject under which a record is written: given, or by strategy. */
static schloss_rc write_subject(schloss_prepare_t *p, char **subject, schloss_error_t *err) {
    const handle_t *h = p->h;
    const target_entry_t *e = p->need.entry;
    if (e->subject != NULL) {
        *subject = mem_strdup(e->subject);
        return *subject == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
    }
    char *record = NULL;
    if (subject_needs_record(h->conf, e->is_key)) {
        TRY(record_name_given(h, &record, err));
    }
    schloss_rc rc = subject_resolve(h->core, h->conf, e->topic, e->is_key, record, p->generation, p->io, subject, err);
    mem_free(record);
    return rc;
}

/* Says once per subject what a producer does that registers its schema without rules. */
static void warn_without_rules(const view_t *v) {
    if (v->n_effective == 0) {
        LOG_WARN("client",
                 "auto.register.schemas=true registers a schema without rules for subject %s (id %d): its records are "
                 "not encrypted",
                 v->schema.subject, (int)v->schema.sr->id);
    }
}

static schloss_rc fetch_to_write(schloss_prepare_t *p, write_by_t by, const char *subject, const char *key,
                                 view_t **out, schloss_error_t *err) {
    static const missing_t kinds[] = {
        [WRITE_REGISTER] = MISSING_SCHEMA,  [WRITE_ID] = MISSING_ID,          [WRITE_GUID] = MISSING_ID,
        [WRITE_METADATA] = MISSING_VERSION, [WRITE_LATEST] = MISSING_VERSION, [WRITE_OWN] = MISSING_SCHEMA,
    };
    handle_t *h = p->h;
    core_t *c = h->core;
    sr_schema_t *sr = NULL;
    if (views_is_missing(c, key)) {
        return not_found(p, subject, err);
    }
    schloss_rc rc = take_off(p, key, err);
    if (rc == SCHLOSS_OK) {
        rc = writer_fetch(h, by, subject, p->io, &sr, err);
    }
    if (rc == SCHLOSS_ABSENT) {
        views_set_missing(c, kinds[by], key, p->generation);
        rc = not_found(p, subject, err);
    }
    if (rc == SCHLOSS_OK) {
        view_want_t want = {.writing = true, .message = h->message_name};
        bool is_latest = by != WRITE_ID && by != WRITE_GUID;
        bool is_new = false;
        rc = adopt(c, key, subject, sr, &want, is_latest, p->generation, out, &is_new, err);
        if (rc == SCHLOSS_OK && is_new && by == WRITE_REGISTER) {
            warn_without_rules(*out);
        }
    } else if (rc < 0 && (*out = stale_view(c, key, rc)) != NULL) {
        rc = SCHLOSS_OK;
    }
    sr_schema_unref(sr);
    return rc;
}

/* What this handle must be sure of whoever fetched the view. */
static schloss_rc check_to_write(const schloss_prepare_t *p, write_by_t by, const view_t *v, schloss_error_t *err) {
    const handle_t *h = p->h;
    bool with_header = p->need.entry->is_key ? h->key_header : h->value_header;
    if (v->schema.sr->id < 0 && !with_header) {
        schloss_rc rc =
            FAIL(err, REGISTRY_ANSWER, "the registry names no id for the schema of GUID %s", v->schema.sr->guid);
        err_hint(err, "write the GUID: set value.schema.id.serializer to HeaderSchemaIdSerializer");
        return rc;
    }
    return writer_check(h, by, v->schema.sr, err);
}

static schloss_rc write_view(schloss_prepare_t *p, view_t **out, schloss_error_t *err) {
    handle_t *h = p->h;
    char *subject = NULL;
    write_by_t by = WRITE_LATEST;
    TRY(writer_by(h, &by, err));
    TRY(write_subject(p, &subject, err));
    char *key = writer_key(h, by, subject);
    schloss_rc rc = key == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
    if (rc == SCHLOSS_OK && (*out = views_get(h->core, key)) == NULL) {
        rc = fetch_to_write(p, by, subject, key, out, err);
    }
    if (rc == SCHLOSS_OK && (rc = check_to_write(p, by, *out, err)) != SCHLOSS_OK) {
        view_unref(*out);
        *out = NULL;
    }
    if (rc < 0) {
        err_subject(err, subject);
    }
    mem_free(key);
    mem_free(subject);
    return rc;
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
static schloss_rc read_subject(schloss_prepare_t *p, const sr_schema_t *sr, const view_want_t *want, char **subject,
                               schloss_error_t *err) {
    handle_t *h = p->h;
    const target_entry_t *e = p->need.entry;
    if (e->subject != NULL) {
        *subject = mem_strdup(e->subject);
        return *subject == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
    }
    char *record = NULL;
    if (sr != NULL) {
        TRY(record_name_of(sr, want, &record, err));
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

/* Where the subject is known only from the fetched schema: all that it comes from. NULL: no memory. */
static char *key_by_record(const schloss_conf_t *conf, const target_entry_t *e, const char *id, const char *message) {
    const char *context = conf_str(conf, "schloss.context");
    const char *cluster = conf_str(conf, "subject.name.strategy.kafka.cluster.id");
    context = context == NULL ? "" : context;
    return mem_printf("rr|%s%s|%s|%d|%zu:%s|%zu:%s|%s", id, message, subject_strategy(conf, e->is_key), e->is_key,
                      strlen(context), context, strlen(cluster), cluster, e->topic);
}

static schloss_rc read_view(schloss_prepare_t *p, view_t **out, schloss_error_t *err) {
    handle_t *h = p->h;
    const target_entry_t *e = p->need.entry;
    char message[16 * PB_INDEX_MAX];
    int32_t path[PB_INDEX_MAX];
    view_want_t want;
    bool is_new = false;
    TRY(message_of(e, message, path, &want, err));
    bool by_record = e->subject == NULL && subject_needs_record(h->conf, e->is_key);
    char *subject = NULL, *key = NULL;
    char id[64];
    sr_schema_t *sr = NULL;
    schloss_rc rc = SCHLOSS_OK;
    if (!by_record) {
        TRY(read_subject(p, NULL, &want, &subject, err));
    }
    if (e->framing.is_guid) {
        uuid_print(id, e->framing.guid);
    } else {
        snprintf(id, sizeof(id), "%d", (int)e->framing.id);
    }
    key = by_record ? key_by_record(h->conf, e, id, message)
                    : mem_printf("r|%s%s|%zu:%s", id, message, strlen(subject), subject);
    rc = key == NULL ? NO_MEMORY(err) : SCHLOSS_OK;
    if (rc == SCHLOSS_OK && (*out = views_get(h->core, key)) == NULL) {
        bool known_missing = views_is_missing(h->core, key);
        rc = known_missing ? SCHLOSS_ABSENT : take_off(p, key, err);
        if (rc == SCHLOSS_OK) {
            rc = fetch_by_framing(p, subject, &sr, err);
        }
        if (rc == SCHLOSS_ABSENT) {
            if (!known_missing) {
                views_set_missing(h->core, MISSING_ID, key, p->generation);
            }
            rc = not_found(p, subject == NULL ? "" : subject, err);
        }
        if (rc == SCHLOSS_OK && by_record) {
            rc = read_subject(p, sr, &want, &subject, err);
            if (rc == SCHLOSS_OK && !e->framing.is_guid) {
                rc = fetch_of_subject(p, subject, &sr, err);
            }
        }
        if (rc == SCHLOSS_OK) {
            rc = adopt(h->core, key, subject, sr, &want, false, p->generation, out, &is_new, err);
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
    bool is_new = false;
    view_want_t want = {.writing = true,
                        .message = old->schema.message == NULL ? NULL : pb_message_name(old->schema.message)};
    schloss_rc rc = sr_get_latest(io, &c->service, old->schema.subject, &sr, err);
    if (rc == SCHLOSS_OK) {
        rc = adopt(c, old->key, old->schema.subject, sr, &want, true, generation, &v, &is_new, err);
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
    rc = env_fill(&c->env, slot, p->need.version, &p->fill, p->io, err);
    if (rc == SCHLOSS_OK) {
        core_trim_keys(c, slot);
    }
    return rc;
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
