/* Running a plan over JSON text: one pass. A value under an empty group is stepped over; what lies between transformed
 * values is copied in one piece. Under a choice the value's end is looked for first, so that the validator can tell
 * the branches; all tests of one value are made on what came in, before anything in it is changed. */
#include "base/limits.h"
#include "base/text.h"
#include "codec/json/skip.h"
#include "codec/json/validate.h"
#include "rules/plan_json.h"
#include "rules/value.h"

typedef struct step {
    const char *name; /* NULL: an item */
    size_t index;     /* or length of the name */
} step_t;

typedef struct run {
    const json_plan_t *p;
    const char *start, *end;
    const char *pending; /* from here on is still to be copied */
    buf_t *out;          /* NULL: check only */
    plan_crypt_t *crypt;
    schloss_error_t *err;
    schloss_rc rc;
    json_validation_t validation;
    unsigned depth;
    size_t n_groups; /* used of groups */
    step_t path[LIMIT_RECORD_DEPTH];
    uint32_t groups[LIMIT_PLAN_ACTIVE];
    const jop_t *ops[LIMIT_PLAN_ACTIVE];
    const jop_t **top; /* first free of ops */
    char name[1024];
} run_t;

/* What applies to the value at hand. */
typedef struct active {
    const jop_t **ops;
    size_t n;
} active_t;

static size_t put_text(char *out, size_t at, size_t cap, const char *text, size_t n) {
    n = n > cap - 1 - at ? cap - 1 - at : n;
    memcpy(out + at, text, n);
    return at + n;
}

/* The full name with indexes of where the walk is. */
static const char *full_name(run_t *r) {
    size_t n = put_text(r->name, 0, sizeof r->name, "$", 1);
    for (unsigned i = 0; i < r->depth; i++) {
        char index[32] = {'.'};
        if (r->path[i].name != NULL) {
            n = put_text(r->name, n, sizeof r->name, index, 1);
            n = put_text(r->name, n, sizeof r->name, r->path[i].name, r->path[i].index);
        } else {
            char *p = index + sizeof index - 1;
            size_t k = r->path[i].index;
            *p = ']';
            do {
                *--p = (char)('0' + k % 10);
                k /= 10;
            } while (k != 0);
            *--p = '[';
            n = put_text(r->name, n, sizeof r->name, p, (size_t)(index + sizeof index - p));
        }
    }
    n = utf8_cut(r->name, n);
    r->name[n] = '\0';
    return r->name;
}

static const char *failed(run_t *r, schloss_rc rc) {
    r->rc = rc;
    return NULL;
}

static const char *bad_json(run_t *r, const char *at, bool deep) {
    if (deep) {
        return failed(r, FAIL(r->err, LIMIT_EXCEEDED, "the record nests deeper than the limit LIMIT_RECORD_DEPTH (%u)",
                              LIMIT_RECORD_DEPTH));
    }
    return failed(r, FAIL(r->err, BAD_JSON, "the record is not JSON: unexpected character or end at byte %zu",
                          (size_t)(at - r->start)));
}

/* Names the field of op; the caller's code stays. */
static const char *field_failed(run_t *r, const jop_t *op, schloss_rc rc) {
    if (r->crypt != NULL) {
        r->crypt->field = op->field;
    }
    if (rc < 0) {
        err_field(r->err, full_name(r));
    }
    return failed(r, rc);
}

static const char *mismatch(run_t *r, const jop_t *op, const char *what) {
    return field_failed(r, op, FAIL(r->err, DATA_MISMATCH, "the record does not fit its schema: %s", what));
}

static const char *unsupported(run_t *r, const jop_t *op, const char *type) {
    schloss_rc rc = FAIL(r->err, UNSUPPORTED_TYPE, "Type '%s' not supported for encryption", type);
    err_hint(r->err, "only strings can be encrypted in JSON: take the tag off the field or change its type");
    return field_failed(r, op, rc);
}

static const char *skip(run_t *r, const char *p) {
    const char *bad = p;
    bool deep = false;
    if (p < r->end && *p == '"') { /* most values */
        const char *e = json_skip_string(p, r->end, &deep, &bad);
        return e != NULL ? e : bad_json(r, bad, false);
    }
    if (p < r->end && *p != '{' && *p != '[') {
        const char *e = json_skip_word(p, r->end, &bad);
        return e != NULL ? e : bad_json(r, bad, false);
    }
    const char *e = json_skip_value(p, r->end, LIMIT_RECORD_DEPTH - r->depth, &bad, &deep);
    return e != NULL ? e : bad_json(r, bad, deep);
}

static json_kind_t kind_at(const char *p) {
    switch (*p) {
    case '{':
        return JSON_T_OBJECT;
    case '[':
        return JSON_T_ARRAY;
    case '"':
        return JSON_T_STRING;
    case 't':
    case 'f':
        return JSON_T_BOOL;
    case 'n':
        return JSON_T_NULL;
    default:
        return JSON_T_NUMBER;
    }
}

/* ---- what applies ---- */

static bool add_group(run_t *r, active_t *a, uint32_t group, json_span_t value);

static bool add_choice(run_t *r, active_t *a, const jop_t *op, json_span_t value) {
    bool any = false;
    if (value.kind == JSON_T_NULL) {
        return true; /* nothing to transform, whatever the branch */
    }
    for (uint32_t i = 0; i < op->b; i++) {
        const jbranch_t *branch = &r->p->branches[op->a + i];
        bool ok = false;
        schloss_rc rc = json_validate(&r->validation, branch->node, value, &ok);
        if (rc != SCHLOSS_OK) {
            (void)field_failed(r, op, rc);
            return false;
        }
        if (!ok) {
            continue;
        }
        any = true;
        r->validation.depth++; /* a branch may lead to its own choice again */
        bool added = add_group(r, a, branch->group, value);
        r->validation.depth--;
        if (!added) {
            return false;
        }
        if ((op->flags & JOP_FIRST) != 0) {
            break;
        }
    }
    if (any || r->p->lax) {
        return true;
    }
    (void)mismatch(r, op, "a value fits no branch of its oneOf/anyOf");
    err_hint(r->err, r->p->writing
                         ? "which of its fields to encrypt cannot be told, so nothing is written"
                         : "keywords like pattern, maxLength or enum do not hold for ciphertext: keep them off "
                           "tagged fields, or let the reader leave such values encrypted");
    return false;
}

/* Appends the operations of a group, choices resolved. false: r->rc is set. */
static bool add_group(run_t *r, active_t *a, uint32_t group, json_span_t value) {
    const jgroup_t *g = &r->p->groups[group];
    for (uint32_t i = 0; i < g->n; i++) {
        const jop_t *op = &r->p->ops[g->first + i];
        if (op->code == JOP_CHOICE) {
            if (!add_choice(r, a, op, value)) {
                return false;
            }
            continue;
        }
        if (a->ops + a->n == r->ops + LIMIT_PLAN_ACTIVE) {
            (void)field_failed(r, op,
                               FAIL(r->err, LIMIT_EXCEEDED,
                                    "more than %u sub-schemas apply at once: limit "
                                    "LIMIT_PLAN_ACTIVE",
                                    LIMIT_PLAN_ACTIVE));
            return false;
        }
        a->ops[a->n++] = op;
    }
    return true;
}

/* ---- scalars ---- */

static bool needs_escape(const uint8_t *p, size_t n) {
    const char *s = (const char *)p;
    return json_plain_end(s, s + n) != s + n;
}

/* Puts what was appended behind the quote at `at` into JSON form. */
static schloss_rc finish_string(run_t *r, size_t at) {
    buf_t *out = r->out;
    if (needs_escape(out->ptr + at + 1, out->len - at - 1)) {
        buf_t *plain = r->crypt->plain;
        buf_reset(plain);
        buf_put(plain, out->ptr + at + 1, out->len - at - 1);
        TRY(buf_check(plain, r->err));
        out->len = at;
        json_put_string(out, (const char *)plain->ptr, plain->len);
        return SCHLOSS_OK;
    }
    buf_put_u8(out, '"');
    return SCHLOSS_OK;
}

/* Transforms the string [p, e) times over. */
static schloss_rc transform(run_t *r, const jop_t *op, const char *p, const char *e, bool escaped, unsigned times) {
    buf_t *out = r->out, *plain = r->crypt->plain;
    const char *field = r->crypt->custom != NULL ? full_name(r) : op->field;
    bytes_t in = bytes(p + 1, (size_t)(e - p) - 2);
    buf_put_short(out, r->pending, (size_t)(p - r->pending));
    r->pending = e;
    if (escaped) {
        buf_reset(plain);
        TRY(json_str_decode((json_span_t){p, (size_t)(e - p), JSON_T_STRING}, plain, r->err));
        in = buf_view(plain);
    }
    size_t at = out->len;
    buf_put_u8(out, '"');
    for (unsigned i = 0; i < times; i++) {
        if (i > 0) {
            buf_reset(plain);
            buf_put(plain, out->ptr + at + 1, out->len - at - 1);
            TRY(buf_check(plain, r->err));
            in = buf_view(plain);
            out->len = at + 1;
        }
        TRY(buf_check(out, r->err));
        TRY(value_transform(r->crypt, field, in, true, HEAD_NONE, out, r->err));
    }
    return finish_string(r, at);
}

static const char *leaf_type(const jop_t *op, json_span_t value) {
    bool integer = (op->types & JSON_TYPE_INTEGER) != 0 &&
                   ((op->types & JSON_TYPE_NUMBER) == 0 || memchr(value.ptr, '.', value.len) == NULL);
    if (op->types == 0) {
        return (op->flags & JOP_ENUM) != 0 ? "ENUM" : "ANY";
    }
    if ((op->types & (JSON_TYPE_INTEGER | JSON_TYPE_NUMBER)) != 0 && value.kind != JSON_T_BOOL) {
        return integer ? "INT" : "DOUBLE";
    }
    return (op->types & JSON_TYPE_BOOLEAN) != 0  ? "BOOLEAN"
           : (op->types & JSON_TYPE_ARRAY) != 0  ? "ARRAY"
           : (op->types & JSON_TYPE_OBJECT) != 0 ? "MAP"
                                                 : "NULL";
}

static uint8_t types_of(json_kind_t kind) {
    static const uint8_t types[] = {
        [JSON_T_NULL] = JSON_TYPE_NULL,
        [JSON_T_BOOL] = JSON_TYPE_BOOLEAN,
        [JSON_T_NUMBER] = JSON_TYPE_INTEGER | JSON_TYPE_NUMBER,
        [JSON_T_STRING] = JSON_TYPE_STRING,
        [JSON_T_ARRAY] = JSON_TYPE_ARRAY,
        [JSON_T_OBJECT] = JSON_TYPE_OBJECT,
    };
    return types[kind];
}

/* Judges a value that leaves cover, other than by transforming it. *times: transforms of a string. false: refused. */
static bool judge(run_t *r, const active_t *a, json_span_t value, unsigned *times, const jop_t **by) {
    bool covered = false, accepted = false;
    uint8_t types = types_of(value.kind);
    for (size_t i = 0; i < a->n && value.kind != JSON_T_NULL; i++) {
        const jop_t *op = a->ops[i];
        if (op->code != JOP_LEAF) {
            accepted = accepted || (op->code == JOP_OBJECT && value.kind == JSON_T_OBJECT) ||
                       (op->code == JOP_ARRAY && value.kind == JSON_T_ARRAY);
            bool fits = (op->code == JOP_OBJECT && value.kind == JSON_T_OBJECT) ||
                        (op->code == JOP_ARRAY && value.kind == JSON_T_ARRAY);
            if (!fits && (op->flags & JOP_STRICT) != 0 && r->p->writing) {
                (void)mismatch(r, op,
                               op->code == JOP_OBJECT ? "an object with covered fields is none"
                                                      : "an array with covered fields is none");
                return false;
            }
            continue;
        }
        *by = *by == NULL ? op : *by;
        covered = true;
        bool fits = (op->types & types) != 0;
        bool left = (op->flags & JOP_COMBINED) != 0 || r->p->leave_others;
        accepted = accepted || fits || (op->flags & JOP_ENUM) != 0;
        if (fits && value.kind == JSON_T_STRING) {
            ++*times;
        } else if (fits && (value.kind == JSON_T_OBJECT || value.kind == JSON_T_ARRAY)) {
            continue;
        } else if (!left && r->p->writing && (fits || (op->types & JSON_TYPE_STRING) == 0)) {
            (void)unsupported(r, op, leaf_type(op, value));
            return false;
        } else if (!left && !fits && (op->types & JSON_TYPE_STRING) != 0) {
            (void)mismatch(r, op, "a covered value is of another type");
            return false;
        }
    }
    if (covered && !accepted && r->p->writing && value.kind != JSON_T_NUMBER && value.kind != JSON_T_BOOL &&
        !(r->p->leave_others && value.kind != JSON_T_STRING)) {
        (void)mismatch(r, *by, "a covered value is of another type");
        return false;
    }
    return true;
}

/* ---- the walk ---- */

static const char *walk(run_t *r, const char *p, const uint32_t *groups, size_t n_groups);

/* Pushes the groups that the objects in a have for the member [k, e); returns how many. */
static size_t member_groups(run_t *r, const active_t *a, const char *k, const char *e, bool escaped, step_t *at) {
    size_t n = 0, len = (size_t)(e - k) - 2;
    for (size_t i = 0; i < a->n; i++) {
        const jop_t *op = a->ops[i];
        if (op->code != JOP_OBJECT || (!escaped && (op->lens >> (len % 64) & 1) == 0)) {
            continue;
        }
        const jprop_t *prop = &r->p->props[op->a];
        for (const jprop_t *last = prop + op->b; prop < last; prop++) {
            if (escaped ? json_str_equal((json_span_t){k, (size_t)(e - k), JSON_T_STRING}, prop->name)
                        : prop->len == len && memcmp(prop->name, k + 1, len) == 0) {
                if (r->n_groups + n < LIMIT_PLAN_ACTIVE) {
                    r->groups[r->n_groups + n] = prop->group;
                }
                n++;
                *at = (step_t){prop->name, prop->len};
                break;
            }
        }
    }
    return n;
}

static const char *enter(run_t *r, const char *p, size_t n) {
    if (r->n_groups + n > LIMIT_PLAN_ACTIVE) {
        return failed(r, FAIL(r->err, LIMIT_EXCEEDED, "more than %u sub-schemas apply at once: limit LIMIT_PLAN_ACTIVE",
                              LIMIT_PLAN_ACTIVE));
    }
    const uint32_t *groups = r->groups + r->n_groups;
    r->n_groups += n;
    p = walk(r, p, groups, n);
    r->n_groups -= n;
    return p;
}

static const char *walk_object(run_t *r, const char *p, const active_t *a) {
    const char *end = r->end, *bad = NULL;
    unsigned level = r->depth++;
    p = json_skip_space(p + 1, end);
    if (p < end && *p == '}') {
        r->depth = level;
        return p + 1;
    }
    for (;;) {
        bool escaped = false;
        if (p >= end || *p != '"') {
            return bad_json(r, p, false);
        }
        const char *k = p;
        p = json_skip_string(p, end, &escaped, &bad);
        if (p == NULL) {
            return bad_json(r, bad, false);
        }
        size_t n = member_groups(r, a, k, p, escaped, &r->path[level]);
        p = json_skip_space(p, end);
        if (p >= end || *p != ':') {
            return bad_json(r, p, false);
        }
        p = json_skip_space(p + 1, end);
        p = n == 0 ? skip(r, p) : enter(r, p, n);
        if (p == NULL) {
            return NULL;
        }
        p = json_skip_space(p, end);
        if (p < end && *p == ',') {
            p = json_skip_space(p + 1, end);
            continue;
        }
        if (p >= end || *p != '}') {
            return bad_json(r, p, false);
        }
        r->depth = level;
        return p + 1;
    }
}

static const char *walk_array(run_t *r, const char *p, const active_t *a) {
    const char *end = r->end;
    unsigned level = r->depth++;
    p = json_skip_space(p + 1, end);
    if (p < end && *p == ']') {
        r->depth = level;
        return p + 1;
    }
    for (size_t index = 0;; index++) {
        size_t n = 0;
        r->path[level] = (step_t){NULL, index};
        for (size_t i = 0; i < a->n; i++) {
            if (a->ops[i]->code == JOP_ARRAY) {
                if (r->n_groups + n < LIMIT_PLAN_ACTIVE) {
                    r->groups[r->n_groups + n] = a->ops[i]->a;
                }
                n++;
            }
        }
        p = enter(r, p, n);
        if (p == NULL) {
            return NULL;
        }
        p = json_skip_space(p, end);
        if (p < end && *p == ',') {
            p = json_skip_space(p + 1, end);
            continue;
        }
        if (p >= end || *p != ']') {
            return bad_json(r, p, false);
        }
        r->depth = level;
        return p + 1;
    }
}

static bool holds(const active_t *a, jop_code_t code) {
    for (size_t i = 0; i < a->n; i++) {
        if (a->ops[i]->code == code) {
            return true;
        }
    }
    return false;
}

static const char *walk_active(run_t *r, const char *p, const char *e, json_kind_t kind, bool escaped,
                               const active_t *a) {
    unsigned times = 0;
    const jop_t *by = NULL;
    if (!judge(r, a, (json_span_t){p, e == NULL ? 1 : (size_t)(e - p), kind}, &times, &by)) {
        return NULL;
    }
    if (times > 0) {
        schloss_rc rc = transform(r, by, p, e, escaped, times);
        return rc == SCHLOSS_OK ? e : field_failed(r, by, rc);
    }
    if ((kind == JSON_T_OBJECT && holds(a, JOP_OBJECT)) || (kind == JSON_T_ARRAY && holds(a, JOP_ARRAY))) {
        if (r->depth == LIMIT_RECORD_DEPTH) {
            return bad_json(r, p, true);
        }
        return kind == JSON_T_OBJECT ? walk_object(r, p, a) : walk_array(r, p, a);
    }
    return e != NULL ? e : skip(r, p);
}

/* The value at p, to which the groups apply; returns its end, NULL: r->rc is set. */
static const char *walk(run_t *r, const char *p, const uint32_t *groups, size_t n_groups) {
    const char *e = NULL, *bad = p;
    bool escaped = false, chosen = false;
    if (p >= r->end) {
        return bad_json(r, p, false);
    }
    json_kind_t kind = kind_at(p);
    for (size_t i = 0; i < n_groups; i++) {
        chosen = chosen || (r->p->groups[groups[i]].flags & JOP_CHOSEN) != 0;
    }
    if (kind == JSON_T_STRING) {
        e = json_skip_string(p, r->end, &escaped, &bad);
    } else if (kind != JSON_T_OBJECT && kind != JSON_T_ARRAY) {
        e = json_skip_word(p, r->end, &bad);
    } else if (chosen) {
        e = skip(r, p);
    }
    if (e == NULL && (kind != JSON_T_OBJECT && kind != JSON_T_ARRAY)) {
        return bad_json(r, bad, false);
    }
    if (e == NULL && chosen) {
        return NULL;
    }
    active_t a = {r->top, 0};
    json_span_t value = {p, e == NULL ? 0 : (size_t)(e - p), kind};
    for (size_t i = 0; i < n_groups; i++) {
        if (!add_group(r, &a, groups[i], value)) {
            return NULL;
        }
    }
    r->top += a.n;
    p = walk_active(r, p, e, kind, escaped, &a);
    r->top -= a.n;
    return p;
}

static schloss_rc run(run_t *r, const char *p) {
    const json_plan_t *plan = r->p;
    p = json_skip_space(p, r->end);
    const char *e = plan->groups[plan->root].n == 0 ? skip(r, p) : walk(r, p, &plan->root, 1);
    if (e == NULL) {
        return r->rc;
    }
    e = json_skip_space(e, r->end);
    if (e != r->end) {
        (void)bad_json(r, e, false);
        return r->rc;
    }
    if (r->out != NULL) {
        buf_put(r->out, r->pending, (size_t)(r->end - r->pending));
        return buf_check(r->out, r->err);
    }
    return SCHLOSS_OK;
}

schloss_rc plan_json_run(const plan_t *plan, bytes_t in, buf_t *out, plan_crypt_t *crypt, schloss_error_t *err) {
    ENSURE(in.len > 0, err, BAD_JSON, "the record is empty, which is no JSON");
    ENSURE(utf8_valid(in.ptr, in.len), err, BAD_JSON, "the record is not valid UTF-8");
    run_t r; /* not cleared: some kilobytes that are written before they are read */
    r.p = (const json_plan_t *)plan;
    r.start = r.pending = (const char *)in.ptr;
    r.end = r.start + in.len;
    r.out = out;
    r.crypt = crypt;
    r.err = err;
    r.rc = SCHLOSS_OK;
    buf_t own; /* who has nothing to transform may still have choices to tell */
    buf_init(&own, LIMIT_RECORD_BYTES, "LIMIT_RECORD_BYTES", true);
    r.validation = (json_validation_t){.text = crypt == NULL ? &own : crypt->plain, .err = err};
    r.depth = 0;
    r.n_groups = 0;
    r.top = r.ops;
    schloss_rc rc = run(&r, r.start);
    buf_clear(&own);
    return rc;
}
