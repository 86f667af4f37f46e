/* $ref: resources by $id, anchors, JSON pointers, references of the registry by name. Nothing is ever fetched. */
#include "base/limits.h"
#include "base/text.h"
#include "codec/json/parse.h"
#include <ctype.h>

static size_t scheme_len(const char *uri) {
    size_t n = 0;
    if (!isalpha((unsigned char)uri[0])) {
        return 0;
    }
    while (isalnum((unsigned char)uri[n]) || (uri[n] != '\0' && strchr("+-.", uri[n]) != NULL)) {
        n++;
    }
    return uri[n] == ':' ? n + 1 : 0;
}

/* Takes "." and ".." out of path in place (RFC 3986 5.2.4). */
static void remove_dots(char *path) {
    char *out = path;
    const char *in = path;
    while (*in != '\0') {
        const char *end = strchr(in + 1, '/');
        size_t n = end == NULL ? strlen(in) : (size_t)(end - in);
        size_t skip = in[0] == '/' ? 1 : 0;
        if (n - skip == 1 && in[skip] == '.') {
            if (end == NULL && skip) {
                *out++ = '/';
            }
        } else if (n - skip == 2 && in[skip] == '.' && in[skip + 1] == '.') {
            while (out > path && *--out != '/') {
            }
            if (end == NULL && skip) {
                *out++ = '/';
            }
        } else {
            memmove(out, in, n);
            out += n;
        }
        in += n;
    }
    *out = '\0';
}

/* ref seen from base, both without fragment. NULL: out of memory. */
static const char *resolve_uri(arena_t *a, const char *base, const char *ref, size_t len) {
    char *text = arena_strndup(a, ref, len);
    size_t own = text == NULL ? 0 : scheme_len(text);
    if (own != 0 && strncmp(text + own, "//", 2) == 0) {
        char *from = text + own + 2 + strcspn(text + own + 2, "/");
        if (*from == '/') {
            remove_dots(from);
        }
    }
    if (text == NULL || own != 0 || *base == '\0') {
        return text;
    }
    size_t scheme = scheme_len(base);
    const char *path = base + scheme;
    if (strncmp(path, "//", 2) == 0) {
        path += 2;
        path += strcspn(path, "/");
    }
    size_t keep = (size_t)(path - base);
    if (strncmp(text, "//", 2) == 0) {
        keep = scheme;
    } else if (text[0] != '/') {
        const char *slash = strrchr(path, '/');
        size_t dir = slash == NULL ? 0 : (size_t)(slash - path) + 1;
        char *out = arena_printf(a, "%.*s%s%.*s%s", (int)keep, base, dir == 0 && keep > scheme ? "/" : "", (int)dir,
                                 path, text);
        if (out != NULL) {
            remove_dots(out + keep);
        }
        return out;
    }
    char *out = arena_printf(a, "%.*s%s", (int)keep, base, text);
    if (out != NULL && keep != scheme) {
        remove_dots(out + keep);
    }
    return out;
}

static schloss_rc add_resource(json_parser_t *p, const char *uri, const json_t *root, const json_resource_t **out) {
    json_resource_t *r = ARENA_NEW(&p->s->arena, json_resource_t);
    ENSURE(r != NULL && uri != NULL, p->err, NO_MEMORY, "out of memory");
    *r = (json_resource_t){uri, root};
    ENSURE(map_get(p->by_uri, bytes_str(uri)) != NULL || map_put(p->by_uri, bytes_str(uri), r), p->err, NO_MEMORY,
           "out of memory");
    ENSURE(map_put(p->by_root, json_ptr_key(&root), r), p->err, NO_MEMORY, "out of memory");
    *out = r;
    return SCHLOSS_OK;
}

static schloss_rc add_anchor(json_parser_t *p, const json_resource_t *r, const json_t *name, const json_t *target) {
    char *key = arena_printf(&p->s->arena, "%s#%s", r->uri, json_string_value(name));
    ENSURE(key != NULL, p->err, NO_MEMORY, "out of memory");
    if (map_get(p->by_anchor, bytes_str(key)) == NULL) {
        ENSURE(map_put(p->by_anchor, bytes_str(key), (void *)(uintptr_t)target), p->err, NO_MEMORY, "out of memory");
    }
    return SCHLOSS_OK;
}

static const char *const no_schemas[] = {"enum", "const", "default", "examples", "example", "confluent:tags"};

static schloss_rc index_value(json_parser_t *p, const json_t *v, const json_resource_t *r, bool draft4, bool is_root) {
    if (json_is_array(v)) {
        for (size_t i = 0; i < json_array_size(v); i++) {
            TRY(index_value(p, json_array_get(v, i), r, draft4, false));
        }
        return SCHLOSS_OK;
    }
    if (!json_is_object(v)) {
        return SCHLOSS_OK;
    }
    json_t *id = json_object_get(v, "$id");
    if (!json_is_string(id) && (draft4 || is_root)) {
        id = json_object_get(v, "id");
    }
    if (json_is_string(id)) {
        const char *text = json_string_value(id);
        size_t n = strcspn(text, "#");
        if (n > 0) {
            TRY(add_resource(p, resolve_uri(&p->s->arena, r->uri, text, n), v, &r));
        }
        if (text[n] == '#' && text[n + 1] != '\0' && text[n + 1] != '/') {
            json_t *name = json_string(text + n + 1);
            ENSURE(name != NULL, p->err, NO_MEMORY, "out of memory");
            schloss_rc rc = add_anchor(p, r, name, v);
            json_decref(name);
            TRY(rc);
        }
    }
    static const char *const anchors[] = {"$anchor", "$dynamicAnchor"};
    for (size_t i = 0; i < COUNT_OF(anchors); i++) {
        const json_t *name = json_object_get(v, anchors[i]);
        if (json_is_string(name)) {
            TRY(add_anchor(p, r, name, v));
        }
    }
    const char *key = NULL;
    json_t *member = NULL;
    json_object_foreach((json_t *)(uintptr_t)v, key, member) {
        bool plain = false;
        for (size_t i = 0; i < COUNT_OF(no_schemas); i++) {
            plain = plain || strcmp(key, no_schemas[i]) == 0;
        }
        if (!plain || json_is_object(member)) { /* a property may have that name */
            TRY(index_value(p, member, r, draft4, false));
        }
    }
    return SCHLOSS_OK;
}

schloss_rc json_index_document(json_parser_t *p, const json_t *doc, const char *uri) {
    const json_resource_t *r = NULL;
    const char *draft = json_string_value(json_object_get(doc, "$schema"));
    bool draft4 = draft != NULL && (strstr(draft, "draft-04") != NULL || strstr(draft, "draft-03") != NULL);
    size_t n = strcspn(uri, "#");
    const char *name = arena_strndup(&p->s->arena, uri, n);
    ENSURE(name != NULL, p->err, NO_MEMORY, "out of memory");
    TRY(add_resource(p, name, doc, &r));
    return index_value(p, doc, r, draft4, true);
}

const json_resource_t *json_resource_at(const json_parser_t *p, const json_t *v, const json_resource_t *dflt) {
    const json_resource_t *r = map_get(p->by_root, json_ptr_key(&v));
    return r == NULL ? dflt : r;
}

/* One step of a JSON pointer. */
static const json_t *step(const json_t *v, const char *token, size_t len) {
    if (json_is_object(v)) {
        return json_object_getn(v, token, len);
    }
    if (!json_is_array(v) || len == 0 || len > 9 || (len > 1 && token[0] == '0')) {
        return NULL;
    }
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        if (token[i] < '0' || token[i] > '9') {
            return NULL;
        }
        at = at * 10 + (size_t)(token[i] - '0');
    }
    return json_array_get(v, at);
}

/* Follows a pointer (after percent-decoding), noting resources on its way. NULL: leads nowhere. */
static const json_t *follow(const json_parser_t *p, const json_t *v, buf_t *path, const json_resource_t **base) {
    char *at = (char *)path->ptr, *end = at + path->len;
    while (at < end && v != NULL) {
        char *out = ++at, *token = at;
        for (; at < end && *at != '/'; at++) {
            *out = *at;
            if (*at == '~' && at + 1 < end && (at[1] == '0' || at[1] == '1')) {
                *out = *++at == '0' ? '~' : '/';
            }
            out++;
        }
        v = step(v, token, (size_t)(out - token));
        if (v != NULL) {
            *base = json_resource_at(p, v, *base);
        }
    }
    return v;
}

static schloss_rc find_fragment(json_parser_t *p, const json_resource_t *r, const char *fragment, const json_t **target,
                                const json_resource_t **base) {
    *target = NULL;
    *base = r;
    buf_t text;
    buf_init(&text, LIMIT_SCHEMA_BYTES, "LIMIT_SCHEMA_BYTES", false);
    bool ok = url_unescape(&text, fragment, strlen(fragment), false);
    schloss_rc rc = buf_check(&text, p->err);
    if (rc == SCHLOSS_OK && ok) {
        if (text.len == 0) {
            *target = r->root;
        } else if (text.ptr[0] == '/') {
            *target = follow(p, r->root, &text, base);
        } else {
            const char *key = arena_printf(&p->s->arena, "%s#%s", r->uri, buf_cstr(&text));
            if (key == NULL) {
                rc = NO_MEMORY(p->err);
            } else {
                *target = map_get(p->by_anchor, bytes_str(key));
                *base = *target == NULL ? r : json_resource_at(p, *target, r);
            }
        }
    }
    buf_clear(&text);
    return rc;
}

schloss_rc json_resolve(json_parser_t *p, const json_node_t *from, const char *ref, const json_t **target,
                        const json_resource_t **base) {
    size_t n = strcspn(ref, "#");
    const json_resource_t *r = from->base;
    if (n > 0) {
        r = map_get(p->by_uri, bytes(ref, n)); /* a reference's name as it stands */
        if (r == NULL) {
            const char *uri = resolve_uri(&p->s->arena, from->base->uri, ref, n);
            ENSURE(uri != NULL, p->err, NO_MEMORY, "out of memory");
            r = map_get(p->by_uri, bytes_str(uri));
        }
    }
    *target = NULL;
    if (r != NULL) {
        TRY(find_fragment(p, r, ref[n] == '#' ? ref + n + 1 : "", target, base));
    }
    if (*target == NULL) {
        char where[160];
        json_node_where(from, where, sizeof where);
        schloss_rc rc = FAIL(p->err, SCHEMA_PARSE, "at #%s: \"$ref\": \"%s\" leads nowhere", where, ref);
        err_hint(p->err, "a schema outside must be among the references of the registered schema; nothing is fetched");
        return rc;
    }
    return SCHLOSS_OK;
}
