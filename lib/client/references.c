/* Resolving the references of a schema: depth first in list order, children before parents, each name once (the first
 * wins). The walk has its own stack and stands still while an answer is awaited. */
#include "client/parsed.h"

#include "base/limits.h"
#include "base/map.h"

typedef struct frame {
    parsed_t *p;      /* counted, but for the root, which owns the walk */
    char *subject;    /* qualified; "" for a root without subject */
    const char *name; /* of the reference that led here, borrowed from the frame below; NULL for the root */
    int32_t version;
    size_t next; /* reference of p to look at next */
} frame_t;

struct ref_walk {
    map_t *names; /* name -> &in_progress or &done */
    frame_t *stack;
    size_t depth, cap_stack;
    struct sr_ref *list;
    size_t n_list, cap_list;
};

static char in_progress, done;

static void list_free(struct sr_ref *list, size_t n) {
    for (size_t i = 0; i < n; i++) {
        mem_free(list[i].name);
        mem_free(list[i].subject);
        mem_free(list[i].text);
    }
    mem_free(list);
}

static void pop(ref_walk_t *w) {
    frame_t *f = &w->stack[--w->depth];
    mem_free(f->subject);
    if (f->name != NULL) {
        parsed_unref(f->p);
    }
}

void ref_walk_free(ref_walk_t *w) {
    if (w == NULL) {
        return;
    }
    while (w->depth != 0) {
        pop(w);
    }
    mem_free(w->stack);
    list_free(w->list, w->n_list);
    map_free(w->names);
    mem_free(w);
}

/* Takes subject over, also on failure. */
static schloss_rc push(ref_walk_t *w, parsed_t *p, char *subject, const char *name, int32_t version,
                       schloss_error_t *err) {
    if (w->depth == w->cap_stack) {
        size_t cap = w->cap_stack == 0 ? 8 : w->cap_stack * 2;
        frame_t *grown = mem_realloc(w->stack, cap * sizeof *grown);
        if (grown == NULL) {
            mem_free(subject);
            return NO_MEMORY(err);
        }
        w->stack = grown;
        w->cap_stack = cap;
    }
    p->refs_ += name != NULL;
    w->stack[w->depth++] = (frame_t){p, subject, name, version, 0};
    return SCHLOSS_OK;
}

/* Appends what the top frame stands for to the list, and pops it. */
static schloss_rc finish_top(ref_walk_t *w, schloss_error_t *err) {
    frame_t *f = &w->stack[w->depth - 1];
    if (f->name != NULL) {
        if (w->n_list == w->cap_list) {
            size_t cap = w->cap_list == 0 ? 8 : w->cap_list * 2;
            struct sr_ref *grown = mem_realloc(w->list, cap * sizeof *grown);
            if (grown == NULL) {
                return NO_MEMORY(err);
            }
            w->list = grown;
            w->cap_list = cap;
        }
        struct sr_ref r = {.version = f->version};
        r.name = mem_strdup(f->name);
        r.subject = mem_strdup(f->subject);
        r.text = mem_strdup(f->p->schema->text);
        if (r.name == NULL || r.subject == NULL || r.text == NULL || !map_put(w->names, bytes_str(f->name), &done)) {
            mem_free(r.name);
            mem_free(r.subject);
            mem_free(r.text);
            return NO_MEMORY(err);
        }
        w->list[w->n_list++] = r;
    }
    pop(w);
    return SCHLOSS_OK;
}

/* ref in the context of the subject that refers to it. */
static char *qualify(const char *referrer, const char *ref) {
    bytes_t c = context_of(referrer);
    return c.len == 0 || subject_is_qualified(ref) ? mem_strdup(ref)
                                                   : mem_printf(":%.*s:%s", (int)c.len, (const char *)c.ptr, ref);
}

static schloss_rc fetch(const raw_ref_t *ref, const char *subject, bool protobuf, io_t *io, const http_service_t *svc,
                        parsed_t **out, schloss_error_t *err) {
    sr_exchange_t x;
    exchange_init(&x, "GET", false);
    path_text(&x, "/subjects/");
    path_value(&x, subject);
    if (ref->version > 0) {
        path_int(&x, "/versions/", ref->version);
    } else {
        path_text(&x, "/versions/latest");
    }
    path_text(&x, protobuf ? "?deleted=true&format=serialized" : "?deleted=true");
    known_t known = {.id = -1};
    schloss_rc rc = parsed_fetch(&x, io, svc, &known, out, err);
    if (rc == SCHLOSS_ABSENT) {
        FAIL(err, SCHEMA_NOT_FOUND, "the schema refers to '%s', but the registry has no version %d of subject %s",
             ref->name, ref->version, subject);
        err_url(err, x.answer.url);
        rc = SCHLOSS_E_SCHEMA_NOT_FOUND;
    }
    exchange_clear(&x);
    return rc;
}

/* Looks at one reference of the top frame: skips it, or pushes it. */
static schloss_rc descend(ref_walk_t *w, io_t *io, const http_service_t *svc, schloss_error_t *err) {
    frame_t *f = &w->stack[w->depth - 1];
    const raw_ref_t *ref = &f->p->refs[f->next];
    const void *seen = map_get(w->names, bytes_str(ref->name));
    ENSURE(seen != &in_progress, err, REGISTRY_ANSWER, "the references of the schema form a cycle through '%s'",
           ref->name);
    if (seen != NULL) {
        f->next++;
        return SCHLOSS_OK;
    }
    ENSURE(w->n_list + w->depth <= LIMIT_SCHEMA_REFS, err, LIMIT_EXCEEDED,
           "the schema has more than %u references, transitive ones counted", LIMIT_SCHEMA_REFS);
    char *subject = qualify(f->subject, ref->subject);
    if (subject == NULL) {
        return NO_MEMORY(err);
    }
    parsed_t *p = NULL;
    schloss_rc rc = fetch(ref, subject, strcmp(w->stack[0].p->schema->type, "PROTOBUF") == 0, io, svc, &p, err);
    if (rc != SCHLOSS_OK) {
        mem_free(subject);
        return rc;
    }
    if (!map_put(w->names, bytes_str(ref->name), &in_progress)) {
        mem_free(subject);
        return NO_MEMORY(err);
    }
    f->next++; /* f may move in push() */
    return push(w, p, subject, ref->name, ref->version, err);
}

static schloss_rc walk_new(parsed_t *p, const char *referrer, ref_walk_t **out, schloss_error_t *err) {
    ref_walk_t *w = MEM_NEW(ref_walk_t);
    char *subject = mem_strdup(referrer);
    if (w != NULL) {
        w->names = map_new(NULL);
    }
    if (w == NULL || subject == NULL || w->names == NULL) {
        mem_free(subject);
        ref_walk_free(w);
        return NO_MEMORY(err);
    }
    schloss_rc rc = push(w, p, subject, NULL, 0, err);
    if (rc != SCHLOSS_OK) {
        ref_walk_free(w);
        return rc;
    }
    *out = w;
    return SCHLOSS_OK;
}

/* A walk that failed is dropped: it stands between two steps, and a later run begins anew from remembered answers. */
static void walk_drop(parsed_t *p) {
    ref_walk_t *w = p->walk;
    p->walk = NULL;
    ref_walk_free(w);
}

schloss_rc refs_resolve(parsed_t *p, const char *referrer, io_t *io, const http_service_t *svc, schloss_error_t *err) {
    if (p->resolved) {
        return SCHLOSS_OK;
    }
    if (p->walk == NULL) {
        TRY(walk_new(p, referrer, &p->walk, err));
    }
    ref_walk_t *w = p->walk;
    while (w->depth != 0) {
        const frame_t *f = &w->stack[w->depth - 1];
        schloss_rc rc = f->next < f->p->n_refs ? descend(w, io, svc, err) : finish_top(w, err);
        if (rc != SCHLOSS_OK) {
            if (rc < 0) {
                walk_drop(p);
            }
            return rc;
        }
    }
    p->schema->references = w->list;
    p->schema->n_references = w->n_list;
    w->list = NULL;
    w->n_list = 0;
    p->resolved = true;
    walk_drop(p);
    return SCHLOSS_OK;
}
