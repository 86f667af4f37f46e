/* DEK sets: immutable once published. */
#include "envelope/set.h"
#include <stdatomic.h>

void dek_key_unref(dek_key_t *k) {
    if (k != NULL && atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) == 1) {
        aead_key_free(k->aead);
        mem_free(k);
    }
}

schloss_rc dek_key_new(dek_key_t **out, aead_key_t *aead, int32_t version, int64_t ts, schloss_error_t *err) {
    dek_key_t *k = MEM_NEW(dek_key_t);
    ENSURE(k != NULL, err, NO_MEMORY, "out of memory");
    atomic_init(&k->refs, 1);
    k->aead = aead;
    k->version = version;
    k->ts = ts;
    *out = k;
    return SCHLOSS_OK;
}

static void entry_clear(dek_entry_t *e) {
    dek_key_unref(e->key);
    schloss_error_free(e->error);
    e->key = NULL;
    e->error = NULL;
}

static bool entry_dup(dek_entry_t *dst, const dek_entry_t *src) {
    *dst = *src;
    if (src->key != NULL) {
        atomic_fetch_add_explicit(&src->key->refs, 1, memory_order_relaxed);
    }
    if (src->error != NULL) {
        dst->error = schloss_error_new();
        if (dst->error == NULL) {
            return false;
        }
        err_copy(dst->error, src->error);
    }
    return true;
}

void dek_set_unref(dek_set_t *s) {
    if (s != NULL && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1) {
        for (uint32_t i = 0; i < s->n; i++) {
            entry_clear(&s->e[i]);
        }
        mem_free(s);
    }
}

schloss_rc dek_set_with(dek_set_t **out, const dek_set_t *old, dek_entry_t *entry, bool writing, schloss_error_t *err) {
    uint32_t keep = writing || entry->passes || old == NULL ? 0 : old->n;
    dek_set_t *s = mem_calloc(1, sizeof(*s) + (keep + 1) * sizeof(dek_entry_t));
    if (s == NULL) {
        entry_clear(entry);
        return NO_MEMORY(err);
    }
    atomic_init(&s->refs, 1);
    s->e[s->n++] = *entry; /* the newest stands first */
    for (uint32_t i = 0; i < keep && s->n < DEK_SET_MAX; i++) {
        if (old->e[i].version == entry->version || old->e[i].passes) {
            continue;
        }
        if (!entry_dup(&s->e[s->n++], &old->e[i])) {
            dek_set_unref(s);
            return NO_MEMORY(err);
        }
    }
    *out = s;
    return SCHLOSS_OK;
}

const dek_entry_t *dek_set_find(const dek_set_t *s, int32_t version, bool writing) {
    if (s == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        if (writing || s->e[i].passes || s->e[i].version == version) {
            return &s->e[i];
        }
    }
    return NULL;
}

bool is_missing_key(const schloss_error_t *e) {
    schloss_rc rc = schloss_error_code(e);
    return rc == SCHLOSS_E_KEK_NOT_FOUND || rc == SCHLOSS_E_DEK_NOT_FOUND;
}

void dek_slot_publish(dek_slot_t *slot, dek_set_t *s) {
    dek_set_unref(atomic_exchange_explicit(&slot->set, s, memory_order_acq_rel));
}
