/* Targets of a handle: which view and which keys serve a topic. */
#include "serde/handle.h"
#include "base/limits.h"
#include "base/metrics.h"
#include "serde/conf.h"
#include <stdatomic.h>

void handle_flush_entry(target_entry_t *e) {
    const view_t *v = e->view;
    uint64_t n = e->n_records - e->n_flushed;
    for (size_t i = 0; i < v->n_runs; i++) {
        run_counts_t *c = &e->counts[i];
        rule_stats_t *s = v->runs[i].stats;
        if (c->success > 0) {
            atomic_fetch_add_explicit(&s->success, c->success, memory_order_relaxed);
            atomic_store_explicit(&s->last_success_ms, time_now_ms(), memory_order_relaxed);
        }
        if (c->failure > 0) {
            atomic_fetch_add_explicit(&s->failure, c->failure, memory_order_relaxed);
        }
        *c = (run_counts_t){0};
    }
    for (size_t i = 0; i < v->n_skipped && n > 0; i++) {
        atomic_fetch_add_explicit(&v->skipped[i]->skipped, n, memory_order_relaxed);
    }
    e->n_flushed = e->n_records;
}

static void drop_view(target_entry_t *e) {
    if (e->view != NULL) {
        handle_flush_entry(e);
        for (size_t i = 0; i < e->view->n_runs; i++) {
            dek_use_drop(&e->uses[i]);
        }
        view_unref(e->view);
    }
    mem_free(e->uses);
    mem_free(e->counts);
    e->view = NULL;
    e->uses = NULL;
    e->counts = NULL;
}

static void entry_free(void *value) {
    target_entry_t *e = value;
    drop_view(e);
    mem_free(e->topic);
    mem_free(e->subject);
    mem_free(e);
}

static bool wants_headers(const handle_t *h, bool is_key) {
    if (h->writing) {
        const char *v = conf_str(h->conf, is_key ? "key.schema.id.serializer" : "value.schema.id.serializer");
        return strcmp(conf_class(v), "HeaderSchemaIdSerializer") == 0;
    }
    const char *v = conf_str(h->conf, is_key ? "key.schema.id.deserializer" : "value.schema.id.deserializer");
    return strcmp(conf_class(v), "DualSchemaIdDeserializer") == 0;
}

void handle_wipe(handle_t *h, bool keep_result) {
    for (unsigned i = 0; i < 2; i++) {
        if (keep_result && i == h->buf_done) {
            buf_settle(&h->out[i]);
        } else if ((h->out[i].len | h->out[i].high | h->out[i].failed) != 0) {
            buf_reset(&h->out[i]);
        }
    }
    if ((h->plain.len | h->plain.high | h->plain.failed) != 0) {
        buf_reset(&h->plain);
    }
    if ((h->made.len | h->made.high | h->made.failed) != 0) {
        buf_reset(&h->made);
    }
}

schloss_rc handle_init(handle_t *h, schloss_client_t *client, const schloss_conf_t *conf, bool writing,
                       schloss_error_t *err) {
    memset(h, 0, sizeof(*h));
    h->writing = writing;
    TRY(core_for(client, conf, &h->core, &h->conf, err));
    h->max_record = (size_t)conf_int(h->conf, "schloss.limit.record.bytes");
    h->require = conf_str(h->conf, "schloss.require.rules");
    h->key_header = wants_headers(h, true);
    h->value_header = wants_headers(h, false);
    for (size_t i = 0; i < 2; i++) {
        buf_init(&h->out[i], h->max_record + RECORD_GROWTH, "schloss.limit.record.bytes", true);
        buf_spread(&h->out[i]);
    }
    buf_init(&h->scratch, h->max_record + RECORD_GROWTH, "schloss.limit.record.bytes", false);
    buf_init(&h->plain, h->max_record + RECORD_GROWTH, "schloss.limit.record.bytes", true);
    buf_init(&h->made, h->max_record + RECORD_GROWTH, "schloss.limit.record.bytes", true);
    h->targets = map_new(entry_free);
    if (h->targets == NULL) {
        handle_clear(h);
        return NO_MEMORY(err);
    }
    return SCHLOSS_OK;
}

void handle_flush_metrics(handle_t *h) {
    if (h->writing) {
        METRIC_ADD(encryptions, h->n_values);
        METRIC_ADD(records_serialized, h->n_records);
    } else {
        METRIC_ADD(decryptions, h->n_values);
        METRIC_ADD(records_deserialized, h->n_records);
    }
    h->n_values = 0;
    h->n_records = 0;
}

void handle_clear(handle_t *h) {
    handle_flush_metrics(h);
    map_free(h->targets);
    buf_clear(&h->out[0]);
    buf_clear(&h->out[1]);
    buf_clear(&h->scratch);
    buf_clear(&h->plain);
    buf_clear(&h->made);
    mem_free(h->schema_text);
    mem_free(h->schema_type);
    for (size_t i = 0; i < h->n_refs; i++) {
        mem_free((char *)h->refs[i].name);
        mem_free((char *)h->refs[i].subject);
    }
    mem_free(h->refs);
    mem_free(h->record_name);
    mem_free(h->message_name);
    schloss_conf_free(h->conf);
    core_unref(h->core);
}

/* Key of a target: flags, schema (reading), message indexes, topic, NUL, subject. */
static size_t target_key(uint8_t key[TARGET_KEY_MAX], const schloss_target_t *t, const framing_t *f) {
    size_t topic = strlen(t->topic), subject = t->subject == NULL ? 0 : strlen(t->subject);
    if (topic + subject + 32 + FRAMING_INDEX_MAX > TARGET_KEY_MAX) {
        return 0;
    }
    size_t n = 0;
    key[n++] = (uint8_t)(t->is_key | (t->subject != NULL) << 1 | (f != NULL && f->is_guid) << 2);
    if (f != NULL && f->is_guid) {
        memcpy(key + n, f->guid, 16);
        n += 16;
    } else if (f != NULL) {
        be32_write(key + n, (uint32_t)f->id);
        n += 4;
    }
    if (f != NULL) {
        key[n++] = f->index_len;
        memcpy(key + n, f->index, f->index_len);
        n += f->index_len;
    }
    memcpy(key + n, t->topic, topic + 1);
    n += topic + 1;
    if (subject > 0) {
        memcpy(key + n, t->subject, subject);
        n += subject;
    }
    return n;
}

static target_entry_t *entry_new(const schloss_target_t *t, const framing_t *f) {
    target_entry_t *e = MEM_NEW(target_entry_t);
    if (e == NULL) {
        return NULL;
    }
    e->is_key = t->is_key;
    e->topic = mem_strdup(t->topic);
    e->subject = t->subject == NULL ? NULL : mem_strdup(t->subject);
    if (f != NULL) {
        e->framing = *f;
    }
    if (e->topic == NULL || (t->subject != NULL && e->subject == NULL)) {
        entry_free(e);
        return NULL;
    }
    return e;
}

static bool same_target(const target_entry_t *e, const schloss_target_t *t, const framing_t *f) {
    if (e->is_key != t->is_key || strcmp(e->topic, t->topic) != 0 || (e->subject == NULL) != (t->subject == NULL) ||
        (t->subject != NULL && strcmp(e->subject, t->subject) != 0)) {
        return false;
    }
    return f == NULL || (f->index_len == e->framing.index_len &&
                         memcmp(f->index, e->framing.index, f->index_len) == 0 && f->is_guid == e->framing.is_guid &&
                         (f->is_guid ? memcmp(f->guid, e->framing.guid, 16) == 0 : f->id == e->framing.id));
}

static bool is_idle(void *user, bytes_t key, void *value) {
    (void)user;
    (void)key;
    target_entry_t *e = value;
    e->variant = NULL; /* it may go */
    return e->n_prepares == 0;
}

/* Hostile ids must not fill the memory: all entries go but those that a prepare is under way for. */
static void sweep_targets(handle_t *h) {
    h->last = NULL;
    h->need.entry = NULL;
    h->n_sweeps++;
    map_sweep(h->targets, is_idle, NULL);
}

schloss_rc handle_target(handle_t *h, const schloss_target_t *t, const framing_t *f, target_entry_t **out,
                         schloss_error_t *err) {
    ENSURE(t != NULL && t->topic != NULL, err, INVALID_ARGUMENT, "target and its topic must not be NULL");
    if (h->last != NULL && same_target(h->last, t, f)) {
        *out = h->last;
        return SCHLOSS_OK;
    }
    uint8_t key[TARGET_KEY_MAX];
    size_t n = target_key(key, t, f);
    ENSURE(n > 0, err, LIMIT_EXCEEDED, "topic and subject are longer than the limit TARGET_KEY_MAX (%u)",
           TARGET_KEY_MAX);
    target_entry_t *e = map_get(h->targets, bytes(key, n));
    if (e == NULL) {
        if (map_len(h->targets) >= TARGETS_MAX) {
            sweep_targets(h);
        }
        e = entry_new(t, f);
        if (e == NULL || !map_put(h->targets, bytes(key, n), e)) {
            if (e != NULL) {
                entry_free(e);
            }
            return NO_MEMORY(err);
        }
    }
    if (f == NULL || f->index_len == 0) { /* variants are reached through the entry without indexes */
        h->last = e;
    }
    *out = e;
    return SCHLOSS_OK;
}

as_of_t handle_now(const handle_t *h) {
    return (as_of_t){time_mono_ms(), atomic_load_explicit(&h->core->generation, memory_order_acquire)};
}

schloss_rc handle_view(handle_t *h, target_entry_t *e, as_of_t t, schloss_error_t *err) {
    view_t *v = e->view;
    if (v == NULL || t.mono_ms > atomic_load_explicit(&v->until_ms, memory_order_relaxed) ||
        (int32_t)(e->generation - t.generation) < 0) {
        h->need = (need_t){.entry = e, .run = SIZE_MAX};
        return SCHLOSS_NEED_KEY;
    }
    if (v->is_latest && !atomic_load_explicit(&v->used, memory_order_relaxed)) {
        atomic_store_explicit(&v->used, true, memory_order_relaxed);
    }
    return h->writing ? view_guard(v, h->require, err) : SCHLOSS_OK;
}

schloss_rc handle_set_view(handle_t *h, target_entry_t *e, view_t *view, uint32_t generation, schloss_error_t *err) {
    if (e->view == view) {
        view_unref(view);
        e->generation = generation;
        return SCHLOSS_OK;
    }
    dek_use_t *uses = mem_calloc(view->n_runs + 1, sizeof(*uses));
    run_counts_t *counts = mem_calloc(view->n_runs + 1, sizeof(*counts));
    if (uses == NULL || counts == NULL) {
        mem_free(uses);
        mem_free(counts);
        view_unref(view);
        return NO_MEMORY(err);
    }
    for (size_t i = 0; i < view->n_runs; i++) {
        uses[i].env = &h->core->env;
        uses[i].slot = view->runs[i].slot;
    }
    drop_view(e);
    e->view = view;
    e->uses = uses;
    e->counts = counts;
    e->generation = generation;
    return SCHLOSS_OK;
}
