/* The validator: plain recursion over schema and text, with a budget of steps, since a hostile schema can make it visit
 * the same value many times over. */
#include "codec/json/validate.h"
#include "base/limits.h"
#include "codec/json/number.h"

/* Of schemas within schemas at one value and its parents; each level costs a few hundred bytes of stack. */
#define MOST_DEPTH 512u

static schloss_rc check(json_validation_t *v, const json_node_t *n, json_span_t value, bool *ok);

static schloss_rc spend(json_validation_t *v, uint64_t steps) {
    v->steps += steps;
    ENSURE(v->steps <= LIMIT_CHOICE_STEPS, v->err, LIMIT_EXCEEDED,
           "telling the branch of oneOf/anyOf takes more than %llu steps: limit LIMIT_CHOICE_STEPS",
           (unsigned long long)LIMIT_CHOICE_STEPS);
    return SCHLOSS_OK;
}

static json_span_t number_span(const char *text) {
    return (json_span_t){text, strlen(text), JSON_T_NUMBER};
}

static uint8_t types_of(json_span_t value) {
    switch (value.kind) {
    case JSON_T_NULL:
        return JSON_TYPE_NULL;
    case JSON_T_BOOL:
        return JSON_TYPE_BOOLEAN;
    case JSON_T_STRING:
        return JSON_TYPE_STRING;
    case JSON_T_ARRAY:
        return JSON_TYPE_ARRAY;
    case JSON_T_OBJECT:
        return JSON_TYPE_OBJECT;
    case JSON_T_NUMBER:
        return JSON_TYPE_NUMBER;
    }
    return 0;
}

static bool type_fits(uint8_t types, json_span_t value) {
    return types == 0 || (types & types_of(value)) != 0 ||
           ((types & JSON_TYPE_INTEGER) != 0 && value.kind == JSON_T_NUMBER && json_number_is_integer(value));
}

/* The text between quotes; unescaped into v->text when it must be. A lone surrogate: *ok false. */
static schloss_rc decoded(json_validation_t *v, json_span_t s, const char **text, size_t *len, bool *ok) {
    *text = s.ptr + 1;
    *len = s.len - 2;
    if (memchr(*text, '\\', *len) != NULL) {
        buf_reset(v->text);
        schloss_rc rc = json_str_decode(s, v->text, NULL);
        if (rc == SCHLOSS_E_BAD_JSON) {
            *ok = false;
            return SCHLOSS_OK;
        }
        if (rc != SCHLOSS_OK) {
            return buf_check(v->text, v->err);
        }
        *text = buf_cstr(v->text);
        *len = v->text->len;
    }
    return SCHLOSS_OK;
}

static schloss_rc check_string(json_validation_t *v, const json_checks_t *c, json_span_t value, bool *ok) {
    if (c->pattern == NULL && c->min_len == 0 && c->max_len == UINT64_MAX) {
        return SCHLOSS_OK;
    }
    const char *text = NULL;
    size_t len = 0;
    uint64_t points = 0;
    TRY(decoded(v, value, &text, &len, ok));
    TRY(spend(v, len / 64));
    for (size_t i = 0; i < len; i++) {
        points += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    *ok = *ok && points >= c->min_len && points <= c->max_len;
    if (*ok && c->pattern != NULL) {
        TRY(spend(v, 200 + len / 8));
        return json_regex_search(c->pattern, text, len, ok, v->err);
    }
    return SCHLOSS_OK;
}

static bool in_bounds(const json_bound_t *min, const json_bound_t *max, json_span_t value) {
    if (min->text != NULL && json_number_compare(value, number_span(min->text)) < (min->exclusive ? 1 : 0)) {
        return false;
    }
    return max->text == NULL || json_number_compare(value, number_span(max->text)) <= (max->exclusive ? -1 : 0);
}

static schloss_rc check_items(json_validation_t *v, const json_node_t *n, json_span_t value, bool *ok) {
    const json_checks_t *c = n->checks;
    uint64_t count = 0, contained = 0;
    json_iter_t it = json_iter(value);
    json_span_t item;
    for (; *ok && json_next(&it, NULL, &item); count++) {
        const json_node_t *by = n->items;
        if (c != NULL && count < c->prefix.n) {
            by = c->prefix.ptr[count];
        } else if (c != NULL && c->rest_items != NULL) {
            by = c->rest_items;
        }
        TRY(spend(v, 1 + item.len / 64));
        if (by != NULL) {
            TRY(check(v, by, item, ok));
        }
        if (c != NULL && c->contains != NULL) {
            bool hit = true;
            TRY(check(v, c->contains, item, &hit));
            contained += hit;
        }
        if (c != NULL && c->unique && *ok) {
            json_iter_t before = json_iter(value);
            json_span_t other;
            for (uint64_t k = 0; k < count && *ok && json_next(&before, NULL, &other); k++) {
                *ok = !json_span_equal(item, other, &v->steps);
                TRY(spend(v, 1));
            }
        }
    }
    if (c != NULL && *ok) {
        *ok = count >= c->min_items && count <= c->max_items &&
              (c->contains == NULL || (contained >= c->min_contains && contained <= c->max_contains));
    }
    return SCHLOSS_OK;
}

static schloss_rc check_member(json_validation_t *v, const json_node_t *n, json_span_t key, json_span_t value,
                               bool *ok) {
    const json_checks_t *c = n->checks;
    const json_prop_t *prop = NULL;
    bool known = false, plain = memchr(key.ptr, '\\', key.len) == NULL;
    TRY(spend(v, 1 + n->n_props / 8 + value.len / 64));
    if (plain) {
        prop = json_node_prop(n, key.ptr + 1, key.len - 2);
    }
    for (size_t i = 0; !plain && prop == NULL && i < n->n_props; i++) {
        prop = json_str_equal(key, n->props[i].name) ? &n->props[i] : NULL;
    }
    if (prop != NULL) {
        known = true;
        TRY(check(v, prop->node, value, ok));
    }
    for (size_t i = 0; c != NULL && *ok && i < c->n_patterns; i++) {
        const char *text = NULL;
        size_t len = 0;
        bool hit = false, sound = true;
        if (c->patterns[i].regex == NULL) { /* malformed: no plan gets here, but who only looks does */
            continue;
        }
        TRY(decoded(v, key, &text, &len, &sound));
        TRY(spend(v, 200 + len / 8));
        TRY(json_regex_search(c->patterns[i].regex, text, len, &hit, v->err));
        if (hit && sound) {
            known = true;
            TRY(check(v, c->patterns[i].node, value, ok));
        }
    }
    if (c != NULL && *ok && !known && c->additional != NULL) {
        TRY(check(v, c->additional, value, ok));
    }
    if (c != NULL && *ok && c->names != NULL) {
        TRY(check(v, c->names, key, ok));
    }
    return SCHLOSS_OK;
}

static bool has_all(json_span_t value, const char *const *names, size_t n) {
    json_span_t found;
    for (size_t i = 0; i < n; i++) {
        if (!json_member(value, names[i], &found)) {
            return false;
        }
    }
    return true;
}

static schloss_rc check_members(json_validation_t *v, const json_node_t *n, json_span_t value, bool *ok) {
    const json_checks_t *c = n->checks;
    uint64_t count = 0;
    json_iter_t it = json_iter(value);
    json_span_t key, member;
    for (; *ok && json_next(&it, &key, &member); count++) {
        TRY(check_member(v, n, key, member, ok));
    }
    if (c == NULL || !*ok) {
        return SCHLOSS_OK;
    }
    TRY(spend(v, (c->n_required + c->n_deps) * (1 + count + value.len / 64)));
    *ok = count >= c->min_props && count <= c->max_props && has_all(value, c->required, c->n_required);
    for (size_t i = 0; *ok && i < c->n_deps; i++) {
        const json_dependency_t *d = &c->deps[i];
        if (json_member(value, d->name, &member)) {
            *ok = has_all(value, d->required, d->n_required);
            if (*ok && d->node != NULL) {
                TRY(check(v, d->node, value, ok));
            }
        }
    }
    return SCHLOSS_OK;
}

static json_span_t text_span(const char *text) {
    static const json_kind_t kinds[] = {['n'] = JSON_T_NULL,   ['t'] = JSON_T_BOOL,   ['f'] = JSON_T_BOOL,
                                        ['"'] = JSON_T_STRING, ['{'] = JSON_T_OBJECT, ['['] = JSON_T_ARRAY};
    unsigned char c = (unsigned char)text[0];
    bool number = c == '-' || (c >= '0' && c <= '9');
    return (json_span_t){text, strlen(text), number || c >= COUNT_OF(kinds) ? JSON_T_NUMBER : kinds[c]};
}

static schloss_rc check_values(json_validation_t *v, const json_checks_t *c, json_span_t value, bool *ok) {
    if (c->has_values) {
        bool hit = false;
        for (size_t i = 0; !hit && i < c->n_values; i++) {
            hit = json_span_equal(value, text_span(c->values[i]), &v->steps);
            TRY(spend(v, 1));
        }
        *ok = hit;
    }
    if (*ok && c->constant != NULL) {
        *ok = json_span_equal(value, text_span(c->constant), &v->steps);
        TRY(spend(v, 1));
    }
    return SCHLOSS_OK;
}

static schloss_rc check_conditions(json_validation_t *v, const json_checks_t *c, json_span_t value, bool *ok) {
    if (c->no != NULL) {
        bool holds = true;
        TRY(check(v, c->no, value, &holds));
        *ok = !holds;
    }
    if (*ok && c->cond != NULL) {
        bool holds = true;
        TRY(check(v, c->cond, value, &holds));
        const json_node_t *next = holds ? c->then : c->other;
        if (next != NULL) {
            return check(v, next, value, ok);
        }
    }
    return SCHLOSS_OK;
}

static schloss_rc check_combined(json_validation_t *v, const json_node_t *n, json_span_t value, bool *ok) {
    for (size_t i = 0; *ok && i < n->all_of.n; i++) {
        TRY(check(v, n->all_of.ptr[i], value, ok));
    }
    if (*ok && n->any_of.n > 0) {
        bool hit = false;
        for (size_t i = 0; !hit && i < n->any_of.n; i++) {
            hit = true;
            TRY(check(v, n->any_of.ptr[i], value, &hit));
        }
        *ok = hit;
    }
    if (*ok && n->one_of.n > 0) {
        size_t hits = 0;
        for (size_t i = 0; hits < 2 && i < n->one_of.n; i++) {
            bool hit = true;
            TRY(check(v, n->one_of.ptr[i], value, &hit));
            hits += hit;
        }
        *ok = hits == 1;
    }
    return SCHLOSS_OK;
}

static schloss_rc check_node(json_validation_t *v, const json_node_t *n, json_span_t value, bool *ok) {
    const json_checks_t *c = n->checks;
    TRY(spend(v, 1));
    if (n->is_true) {
        return SCHLOSS_OK;
    }
    *ok = !n->is_false && type_fits(n->types, value);
    if (*ok && c != NULL) {
        TRY(check_values(v, c, value, ok));
    }
    if (*ok && c != NULL && value.kind == JSON_T_STRING) {
        TRY(check_string(v, c, value, ok));
    } else if (*ok && c != NULL && value.kind == JSON_T_NUMBER) {
        *ok = in_bounds(&c->min, &c->max, value) && in_bounds(&c->min_draft6, &c->max_draft6, value) &&
              (c->multiple_of == NULL || json_number_is_multiple(value, number_span(c->multiple_of)));
    } else if (*ok && value.kind == JSON_T_ARRAY && (c != NULL || n->items != NULL)) {
        TRY(check_items(v, n, value, ok));
    } else if (*ok && value.kind == JSON_T_OBJECT && (c != NULL || n->n_props > 0)) {
        TRY(check_members(v, n, value, ok));
    }
    if (*ok && n->ref != NULL) {
        TRY(check(v, n->ref, value, ok));
    }
    if (*ok) {
        TRY(check_combined(v, n, value, ok));
    }
    return *ok && c != NULL ? check_conditions(v, c, value, ok) : SCHLOSS_OK;
}

/* *ok is true on entry. */
static schloss_rc check(json_validation_t *v, const json_node_t *n, json_span_t value, bool *ok) {
    ENSURE(v->depth < MOST_DEPTH, v->err, LIMIT_EXCEEDED, "telling the branch of oneOf/anyOf nests deeper than %u",
           MOST_DEPTH);
    v->depth++;
    schloss_rc rc = check_node(v, n, value, ok);
    v->depth--;
    return rc;
}

schloss_rc json_validate(json_validation_t *v, const json_node_t *n, json_span_t value, bool *ok) {
    *ok = true;
    return check(v, n, value, ok);
}
