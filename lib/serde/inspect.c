/* Inspecting: walks the record as it lies on the topic and names for each leaf the outermost rule that covers it. Needs
 * the schema and the rules, never a key. */
#include "serde/inspect.h"
#include "base/limits.h"
#include "base/text.h"
#include "codec/avro/walk.h"
#include "rules/tags.h"

typedef struct look {
    const view_t *v;
    avro_walk_t w;
    bool (*each)(void *user, const schloss_field_info_t *info);
    void *user;
    bool stopped;
    buf_t raw; /* decoded base64: ciphertext, not sensitive */
    schloss_error_t *err;
} look_t;

/* How the producer encrypted a value, as far as the rule says. */
typedef struct cover {
    const rule_t *rule;
    const char *kek;
    dek_alg_t alg;
    bool versioned;
} cover_t;

static bool read_rule(const view_t *v, const rule_t *r, cover_t *out) {
    const json_t *md = v->schema.sr->metadata;
    const char *alg = rule_param(r, md, "encrypt.dek.algorithm");
    const char *days = rule_param(r, md, "encrypt.dek.expiry.days");
    const char *kek = rule_param(r, md, "encrypt.kek.name");
    *out = (cover_t){.rule = r, .kek = kek == NULL ? "" : kek, .alg = DEK_AES256_GCM};
    out->versioned = days != NULL && days[strspn(days, "0")] != '\0';
    return alg == NULL || alg[0] == '\0' || dek_alg_parse(alg, &out->alg);
}

/* One leaf as its format sees it. */
typedef struct leaf {
    const char *name, *other_name; /* full name; JSON: its second form, else NULL */
    const char *const *tags;
    size_t n_tags;
} leaf_t;

static bool covers(const view_t *v, const rule_t *r, const leaf_t *f) {
    const json_t *md = v->schema.sr->metadata;
    return f != NULL && (rule_matches_field(r, f->name, f->tags, f->n_tags, md) ||
                         (f->other_name != NULL && rule_matches_field(r, f->other_name, NULL, 0, md)));
}

/* The rule whose ciphertext lies outermost: writing applies it last. What the producer did counts: neither the reader's
 * own switches nor the direction of the rule matter. leaf NULL: a value without a field; payload: the whole. */
static bool covering(const view_t *v, const leaf_t *f, bool payload, cover_t *out) {
    const ruleset_t *rs = v->rules;
    const rule_t *list = payload ? rs->encoding : rs->domain;
    rule_type_t type = payload ? RULE_TYPE_ENCRYPT_PAYLOAD : RULE_TYPE_ENCRYPT;
    if (rs->enable_at == ENABLE_NONE) {
        return false;
    }
    for (size_t i = payload ? rs->n_encoding : rs->n_domain; i-- > 0;) {
        const rule_t *r = &list[i];
        bool runs = rule_mode_runs(r->mode, true) || rule_mode_runs(r->mode, false);
        if (r->type == type && !r->disabled && runs && (payload || covers(v, r, f)) && read_rule(v, r, out)) {
            return true;
        }
    }
    return false;
}

static void describe(look_t *l, const cover_t *run, bytes_t data, bool is_text, schloss_field_info_t *info) {
    size_t n = data.len;
    info->is_encrypted = true;
    info->rule = run->rule->name;
    info->kek = run->kek;
    info->algorithm = dek_alg_name(run->alg);
    info->dek_version = run->versioned ? 0 : 1;
    info->looks_valid = true;
    if (is_text) {
        buf_reset(&l->raw);
        info->looks_valid = buf_reserve(&l->raw, n / 4 * 3 + 6) && b64_decode(l->raw.ptr, &n, data.ptr, data.len);
        data = bytes(l->raw.ptr, n);
    }
    if (info->looks_valid && run->versioned) {
        info->looks_valid = n >= 5 && data.ptr[0] == 0;
        if (info->looks_valid) {
            info->dek_version = (int32_t)be32_read(data.ptr + 1);
            n -= 5;
        }
    }
    info->looks_valid = info->looks_valid && n >= aead_overhead(run->alg);
}

static void tell(look_t *l, const leaf_t *f, const char *type, bool is_string, bool is_bytes, bytes_t data) {
    schloss_field_info_t info = {
        .path = f == NULL ? "" : f->name, .type = type, .rule = "", .kek = "", .algorithm = "", .len = data.len};
    cover_t cover;
    if ((is_string || is_bytes) && covering(l->v, f, false, &cover)) {
        describe(l, &cover, data, is_string, &info);
    }
    l->stopped = !l->each(l->user, &info);
}

static void tell_avro(look_t *l, const avro_type_t *t, const avro_field_t *f, bytes_t data) {
    leaf_t leaf = {0};
    if (f != NULL) {
        leaf = (leaf_t){f->full_name, NULL, f->tags, f->n_tags};
    }
    tell(l, f == NULL ? NULL : &leaf, avro_kind_name(t->kind), t->kind == AVRO_STRING, t->kind == AVRO_BYTES, data);
}

static bool tell_json(void *user, const json_leaf_t *j) {
    look_t *l = user;
    leaf_t leaf = {j->indexed_name, j->plain_name, j->tags, j->n_tags};
    bool root = strcmp(j->plain_name, "$") == 0; /* without a field: no rule reaches it */
    tell(l, root ? NULL : &leaf, j->type, strcmp(j->type, "string") == 0, false, j->value);
    return !l->stopped;
}

static bool tell_protobuf(void *user, const pb_leaf_t *p) {
    look_t *l = user;
    leaf_t leaf = {p->full_name, NULL, p->tags, p->n_tags};
    tell(l, &leaf, p->type, p->is_string, p->is_bytes, p->value);
    return !l->stopped;
}

static schloss_rc look_at(look_t *l, const avro_type_t *t, const avro_field_t *f);

static schloss_rc look_items(look_t *l, const avro_type_t *t, const avro_field_t *f) {
    cur_t *c = &l->w.cur;
    for (int64_t n = cur_varlong(c); !c->failed && n != 0 && !l->stopped; n = cur_varlong(c)) {
        if (n < 0) {
            (void)cur_varlong(c); /* size of the block */
            ENSURE(n != INT64_MIN, l->err, DATA_MISMATCH, "a block count is malformed");
            n = -n;
        }
        for (; n > 0 && !c->failed && !l->stopped; n--) {
            const uint8_t *before = c->p;
            if (t->kind == AVRO_MAP) {
                int64_t len = cur_varlong(c);
                (void)cur_take(c, len < 0 ? SIZE_MAX : (size_t)len);
            }
            TRY(look_at(l, t->items, f));
            if (c->p == before) {
                break; /* an item without bytes: the others of the block are like it */
            }
        }
    }
    return SCHLOSS_OK;
}

static schloss_rc look_inside(look_t *l, const avro_type_t *t, const avro_field_t *f) {
    cur_t *c = &l->w.cur;
    if (t->kind == AVRO_RECORD) {
        for (size_t i = 0; i < t->n_fields && !l->stopped; i++) {
            TRY(look_at(l, t->fields[i].type, &t->fields[i]));
        }
    } else if (t->kind == AVRO_UNION) {
        int64_t branch = cur_varlong(c);
        if (c->failed || branch < 0 || (uint64_t)branch >= t->n_branches) {
            c->failed = true;
        } else {
            TRY(look_at(l, t->branches[branch], f));
        }
    } else {
        TRY(look_items(l, t, f));
    }
    return SCHLOSS_OK;
}

static schloss_rc look_at(look_t *l, const avro_type_t *t, const avro_field_t *f) {
    if (l->stopped) {
        return SCHLOSS_OK;
    }
    cur_t *c = &l->w.cur;
    if (t->kind == AVRO_RECORD || t->kind == AVRO_UNION || t->kind == AVRO_ARRAY || t->kind == AVRO_MAP) {
        ENSURE(++l->w.depth <= l->w.max_depth, l->err, LIMIT_EXCEEDED,
               "the record nests deeper than the limit LIMIT_RECORD_DEPTH (%u)", LIMIT_RECORD_DEPTH);
        TRY(look_inside(l, t, f));
        l->w.depth--;
    } else if (t->kind == AVRO_STRING || t->kind == AVRO_BYTES) {
        int64_t len = cur_varlong(c);
        const uint8_t *p = cur_take(c, len < 0 ? SIZE_MAX : (size_t)len);
        if (p != NULL) {
            tell_avro(l, t, f, bytes(p, (size_t)len));
        }
    } else {
        const uint8_t *before = c->p;
        TRY(avro_skip(&l->w, t, l->err));
        tell_avro(l, t, f, bytes(before, (size_t)(c->p - before)));
    }
    ENSURE(!c->failed, l->err, DATA_MISMATCH, "the record does not fit its schema");
    return SCHLOSS_OK;
}

schloss_rc inspect_record(const view_t *v, bytes_t payload, bool (*each)(void *user, const schloss_field_info_t *info),
                          void *user, schloss_error_t *err) {
    look_t l = {.v = v, .each = each, .user = user, .err = err};
    cover_t cover;
    buf_init(&l.raw, LIMIT_RECORD_BYTES, "LIMIT_RECORD_BYTES", false);
    schloss_rc rc = SCHLOSS_OK;
    if (covering(v, NULL, true, &cover)) { /* the whole payload is ciphertext: nothing inside can be told apart */
        schloss_field_info_t info = {.path = "", .type = "payload", .len = payload.len};
        describe(&l, &cover, payload, false, &info);
        (void)each(user, &info);
    } else if (v->root_is_bytes) {
        tell_avro(&l, avro_schema_root(v->schema.avro), NULL, payload);
    } else if (v->type.json != NULL) {
        rc = json_each_leaf(v->type.json, payload, tell_json, &l, err);
    } else if (v->type.protobuf != NULL) {
        rc = pb_each_leaf(v->type.protobuf, payload, tell_protobuf, &l, err);
    } else {
        avro_walk_init(&l.w, payload);
        rc = avro_check(payload, avro_schema_root(v->schema.avro), err); /* bounds what hostile counts can cost */
        rc = rc != SCHLOSS_OK ? rc : look_at(&l, avro_schema_root(v->schema.avro), NULL);
    }
    buf_clear(&l.raw);
    return rc;
}
