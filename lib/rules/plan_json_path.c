/* Sets of positions within the patterns, advanced character by character. */
#include "rules/plan_json_path.h"
#include "base/limits.h"
#include "rules/tags.h"

/* A state: positions by the name with indexes, by the name without, and what depends on the digits of an index. */
enum { DOT_DEPENDS = 1, BRACKET_DEPENDS = 2 };
#define MOST_INDEX_SETS 64u

static size_t state_words(const json_paths_t *jp) {
    return 2 * jp->words + 1;
}

static bool has(const uint64_t *set, size_t i) {
    return (set[i / 64] >> (i % 64) & 1) != 0;
}

static void put(uint64_t *set, size_t i) {
    set[i / 64] |= UINT64_C(1) << (i % 64);
}

static bool is_star(const json_paths_t *jp, size_t i) {
    return !jp->is_end[i] && (jp->tokens[i].kind == T_DEEP || jp->tokens[i].kind == T_STAR);
}

/* Stars may stand for nothing. */
static void close_set(const json_paths_t *jp, uint64_t *set) {
    for (size_t i = 0; i < jp->n_tokens; i++) {
        if (has(set, i) && is_star(jp, i)) {
            put(set, i + 1);
        }
    }
}

static size_t char_len(unsigned char c) {
    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* One character of n bytes. out does not overlap in. */
static void step(const json_paths_t *jp, const uint64_t *in, const char *c, size_t n, uint64_t *out) {
    memset(out, 0, jp->words * sizeof *out);
    for (size_t i = 0; i < jp->n_tokens; i++) {
        if (!has(in, i) || jp->is_end[i] || !rule_wildcard_has(&jp->tokens[i], (unsigned char)c[0])) {
            continue;
        }
        size_t k = 1;
        switch (jp->tokens[i].kind) {
        case T_DEEP:
        case T_STAR:
            put(out, i);
            break;
        case T_ONE:
        case T_CLASS:
            put(out, i + 1);
            break;
        case T_CHAR:
            while (k < n && !jp->is_end[i + k] && jp->tokens[i + k].kind == T_CHAR &&
                   jp->tokens[i + k].ch == (unsigned char)c[k]) {
                k++;
            }
            if (k == n) {
                put(out, i + n);
            }
            break;
        }
    }
    close_set(jp, out);
}

static void walk(json_paths_t *jp, uint64_t *set, const char *text) {
    size_t len = strlen(text);
    for (size_t i = 0, n = 0; i < len; i += n) {
        n = char_len((unsigned char)text[i]);
        n = n > len - i ? len - i : n;
        step(jp, set, text + i, n, jp->next);
        memcpy(set, jp->next, jp->words * sizeof *set);
    }
}

/* Number of an equal state, made when it is new. */
static schloss_rc intern(json_paths_t *jp, const uint64_t *state, uint32_t *out, schloss_error_t *err) {
    size_t n = state_words(jp) * sizeof *state;
    void *known = map_get(jp->by_state, bytes(state, n));
    if (known != NULL) {
        *out = (uint32_t)((uintptr_t)known - 1);
        return SCHLOSS_OK;
    }
    ENSURE(jp->n_states < LIMIT_PLAN_NODES, err, LIMIT_EXCEEDED,
           "the patterns of metadata.tags tell more than %u "
           "places apart: limit LIMIT_PLAN_NODES",
           LIMIT_PLAN_NODES);
    if (jp->n_states == jp->cap_states) {
        size_t cap = jp->cap_states == 0 ? 16 : jp->cap_states * 2;
        uint64_t **bigger = mem_realloc(jp->states, cap * sizeof *bigger);
        ENSURE(bigger != NULL, err, NO_MEMORY, "out of memory");
        jp->states = bigger;
        jp->cap_states = cap;
    }
    uint64_t *copy = arena_alloc(&jp->arena, n);
    ENSURE(copy != NULL && map_put(jp->by_state, bytes(state, n), (void *)(uintptr_t)(jp->n_states + 1)), err,
           NO_MEMORY, "out of memory");
    memcpy(copy, state, n);
    *out = (uint32_t)jp->n_states;
    jp->states[jp->n_states++] = copy;
    return SCHLOSS_OK;
}

static bool wanted(const rule_t *rule, const json_t *list) {
    return rule->n_tags > 0 && rule_wants_list(rule, list);
}

static schloss_rc add_tokens(json_paths_t *jp, const rule_t *rule, const json_t *metadata, bool count_only,
                             uint64_t *start) {
    size_t n = 0;
    const char *pattern = NULL;
    json_t *list = NULL;
    json_object_foreach(json_object_get(metadata, "tags"), pattern, list) {
        if (!wanted(rule, list)) {
            continue;
        }
        if (!count_only) {
            put(start, n);
        }
        for (const char *p = pattern; *p != '\0'; n++) {
            wildcard_token_t t = rule_wildcard_next(&p);
            if (!count_only) {
                jp->tokens[n] = t;
            }
        }
        if (!count_only) {
            jp->is_end[n] = true;
        }
        n++;
    }
    jp->n_tokens = n;
    return SCHLOSS_OK;
}

schloss_rc json_paths_init(json_paths_t *jp, const rule_t *rule, const json_t *metadata, uint32_t *root,
                           schloss_error_t *err) {
    *jp = (json_paths_t){.n_tokens = 0};
    arena_init(&jp->arena, LIMIT_SCHEMA_MEMORY, false);
    jp->by_state = map_new(NULL);
    TRY(add_tokens(jp, rule, metadata, true, NULL));
    jp->words = jp->n_tokens / 64 + 1;
    jp->tokens = ARENA_ARRAY(&jp->arena, wildcard_token_t, jp->n_tokens + 1);
    jp->is_end = ARENA_ARRAY(&jp->arena, bool, jp->n_tokens + 1);
    jp->next = ARENA_ARRAY(&jp->arena, uint64_t, jp->words);
    uint64_t *start = ARENA_ARRAY(&jp->arena, uint64_t, state_words(jp));
    ENSURE(jp->by_state != NULL && jp->tokens != NULL && jp->is_end != NULL && jp->next != NULL && start != NULL, err,
           NO_MEMORY, "out of memory");
    TRY(add_tokens(jp, rule, metadata, false, start));
    close_set(jp, start);
    walk(jp, start, "$");
    memcpy(start + jp->words, start, jp->words * sizeof *start);
    return intern(jp, start, root, err);
}

void json_paths_clear(json_paths_t *jp) {
    map_free(jp->by_state);
    mem_free(jp->states);
    arena_clear(&jp->arena);
}

static schloss_rc depends(const char *what, schloss_error_t *err) {
    schloss_rc rc = FAIL(err, UNSUPPORTED,
                         "whether a pattern of metadata.tags matches depends on the index within an "
                         "array (%s)",
                         what);
    err_hint(err, "write ** or * instead of ?, digits or brackets where the index stands");
    return rc;
}

schloss_rc json_paths_member(json_paths_t *jp, uint32_t state, const char *name, uint32_t *out, schloss_error_t *err) {
    if (jp->n_tokens == 0) {
        *out = state;
        return SCHLOSS_OK;
    }
    size_t n = state_words(jp);
    uint64_t *s = mem_alloc(n * sizeof *s);
    ENSURE(s != NULL, err, NO_MEMORY, "out of memory");
    memcpy(s, jp->states[state], n * sizeof *s);
    schloss_rc rc = SCHLOSS_OK;
    if ((s[n - 1] & DOT_DEPENDS) != 0) {
        rc = depends(name, err);
    } else {
        for (unsigned form = 0; form < 2; form++) {
            walk(jp, s + form * jp->words, ".");
            walk(jp, s + form * jp->words, name);
        }
        s[n - 1] = 0;
        rc = intern(jp, s, out, err);
    }
    mem_free(s);
    return rc;
}

/* Leaves the positions that can go on with c. */
static void keep(const json_paths_t *jp, const uint64_t *in, char c, uint64_t *out) {
    memset(out, 0, jp->words * sizeof *out);
    for (size_t i = 0; i < jp->n_tokens; i++) {
        if (has(in, i) && !jp->is_end[i] && rule_wildcard_has(&jp->tokens[i], (unsigned char)c)) {
            put(out, i);
        }
    }
}

/* The sets that the digits of an index can lead to: sets[0..*n), the first made by no digit yet. */
static bool index_sets(json_paths_t *jp, uint64_t *sets, size_t *n) {
    size_t w = jp->words;
    for (size_t from = 0; from < *n; from++) {
        static const char digits[] = "0123456789";
        for (const char *d = digits; *d != '\0'; d++) {
            if (*n == MOST_INDEX_SETS) {
                return false;
            }
            uint64_t *made = sets + *n * w;
            step(jp, sets + from * w, d, 1, made);
            bool known = false;
            for (size_t k = 1; k < *n && !known; k++) { /* not the first: no digit is no index */
                known = memcmp(sets + k * w, made, w * sizeof *made) == 0;
            }
            *n += !known;
        }
    }
    return true;
}

/* What all sets have in common behind "]", as far as c goes on; sets bit in *flags when they differ. */
static void agree(json_paths_t *jp, uint64_t *sets, size_t n, char c, uint64_t bit, uint64_t *out, uint64_t *flags) {
    size_t w = jp->words;
    uint64_t *closed = sets + MOST_INDEX_SETS * w, *kept = closed + w, *first = kept + w;
    for (size_t k = 1; k < n; k++) {
        step(jp, sets + k * w, "]", 1, closed);
        keep(jp, closed, c, kept);
        if (k == 1) {
            memcpy(first, kept, w * sizeof *kept);
        } else if (memcmp(first, kept, w * sizeof *kept) != 0) {
            *flags |= bit;
        }
    }
    for (size_t i = 0; i < w; i++) {
        out[i] |= first[i];
    }
}

schloss_rc json_paths_item(json_paths_t *jp, uint32_t state, uint32_t *out, schloss_error_t *err) {
    size_t n = state_words(jp), w = jp->words, n_sets = 1;
    if (jp->n_tokens == 0) {
        *out = state;
        return SCHLOSS_OK;
    }
    if ((jp->states[state][n - 1] & BRACKET_DEPENDS) != 0) {
        return depends("array of arrays", err);
    }
    uint64_t *s = mem_calloc(n + (MOST_INDEX_SETS + 3) * w, sizeof *s);
    ENSURE(s != NULL, err, NO_MEMORY, "out of memory");
    uint64_t *sets = s + n;
    memcpy(s + w, jp->states[state] + w, w * sizeof *s); /* the form without indexes goes on unchanged */
    step(jp, jp->states[state], "[", 1, sets);
    if (index_sets(jp, sets, &n_sets)) {
        agree(jp, sets, n_sets, '.', DOT_DEPENDS, s, &s[n - 1]);
        agree(jp, sets, n_sets, '[', BRACKET_DEPENDS, s, &s[n - 1]);
    } else {
        s[n - 1] = DOT_DEPENDS | BRACKET_DEPENDS;
    }
    schloss_rc rc = intern(jp, s, out, err);
    mem_free(s);
    return rc;
}

bool json_paths_hit(const json_paths_t *jp, uint32_t state) {
    if (jp->n_tokens == 0) {
        return false;
    }
    const uint64_t *s = jp->states[state];
    for (size_t i = 0; i < jp->n_tokens; i++) {
        if (jp->is_end[i] && (has(s, i) || has(s + jp->words, i))) {
            return true;
        }
    }
    return false;
}
