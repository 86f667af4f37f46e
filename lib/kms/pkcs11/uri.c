/* pkcs11: URIs. Attributes that we do not know are refused: to ignore one could mean another key. */
#include "kms/pkcs11/uri.h"

#include "base/text.h"
#include <stddef.h>
#include <strings.h>

#define SCHEME "pkcs11:"
#define URI_MAX 4096u

typedef struct attribute {
    const char *name;
    size_t at;       /* of its p11_value_t */
    size_t max;      /* longest value that Cryptoki can hold */
    bool is_in_path; /* else in the query */
} attribute_t;

static const attribute_t attributes[] = {
    {"token", offsetof(p11_uri_t, token), 32, true},
    {"serial", offsetof(p11_uri_t, serial), 16, true},
    {"manufacturer", offsetof(p11_uri_t, manufacturer), 32, true},
    {"model", offsetof(p11_uri_t, model), 16, true},
    {"slot-description", offsetof(p11_uri_t, slot_description), 64, true},
    {"slot-manufacturer", offsetof(p11_uri_t, slot_manufacturer), 32, true},
    {"object", offsetof(p11_uri_t, object), P11_VALUE_MAX, true},
    {"id", offsetof(p11_uri_t, id), P11_VALUE_MAX, true},
    {"module-path", offsetof(p11_uri_t, module_path), P11_VALUE_MAX, false},
    {"module-name", offsetof(p11_uri_t, module_name), P11_VALUE_MAX, false},
};

typedef struct span {
    const char *p;
    size_t n;
} span_t;

static bool span_is(span_t s, const char *text) {
    return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Characters that RFC 7512 lets stand for themselves. */
static bool is_plain(char c, bool in_path) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
        return true;
    }
    return c != '\0' &&
           (strchr("-._~:[]@!$'()*+,=", c) != NULL || c == (in_path ? '&' : '/') || (!in_path && c == '?'));
}

static const char *decode(p11_value_t *out, span_t value, size_t max, bool in_path) {
    out->set = true;
    for (size_t i = 0; i < value.n; i++) {
        uint8_t byte = (uint8_t)value.p[i];
        if (value.p[i] == '%') {
            int high = value.n - i > 2 ? hex_digit(value.p[i + 1]) : -1;
            int low = value.n - i > 2 ? hex_digit(value.p[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return "a percent sign is not followed by two hexadecimal digits";
            }
            byte = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (!is_plain(value.p[i], in_path)) {
            return "a character in it must be percent-encoded";
        }
        if (out->len == max) {
            return "a value is longer than PKCS#11 allows";
        }
        out->bytes[out->len++] = byte;
    }
    return out->len == 0 ? "an attribute has an empty value" : NULL;
}

static const char *read_slot_id(p11_uri_t *u, span_t value) {
    if (u->has_slot_id) {
        return "an attribute stands twice in it";
    }
    unsigned long v = 0;
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] < '0' || value.p[i] > '9' || v > (unsigned long)UINT32_MAX) {
            return "slot-id is no number";
        }
        v = v * 10 + (unsigned long)(value.p[i] - '0');
    }
    if (value.n == 0) {
        return "slot-id is no number";
    }
    u->has_slot_id = true;
    u->slot_id = v;
    return NULL;
}

static const char *read_attribute(p11_uri_t *u, span_t item, bool in_path) {
    const char *equals = memchr(item.p, '=', item.n);
    if (equals == NULL) {
        return "an attribute has no value";
    }
    span_t name = {item.p, (size_t)(equals - item.p)};
    span_t value = {equals + 1, item.n - name.n - 1};
    if (span_is(name, "pin-value") || span_is(name, "pin-source")) {
        return "a PIN must not stand in a key id, nor where one lies: the registry would know it";
    }
    if (in_path && span_is(name, "type")) {
        return span_is(value, "secret-key") ? NULL : "its type is not secret-key";
    }
    if (in_path && span_is(name, "slot-id")) {
        return read_slot_id(u, value);
    }
    for (size_t i = 0; i < COUNT_OF(attributes); i++) {
        const attribute_t *a = &attributes[i];
        if (a->is_in_path == in_path && span_is(name, a->name)) {
            p11_value_t *v = (p11_value_t *)(void *)((uint8_t *)u + a->at);
            return v->set ? "an attribute stands twice in it" : decode(v, value, a->max, in_path);
        }
    }
    return "it has an attribute that this driver does not know";
}

static const char *read_list(p11_uri_t *u, span_t list, char separator, bool in_path) {
    while (list.n != 0) {
        const char *end = memchr(list.p, separator, list.n);
        span_t item = {list.p, end == NULL ? list.n : (size_t)(end - list.p)};
        const char *wrong = read_attribute(u, item, in_path);
        if (wrong != NULL) {
            return wrong;
        }
        size_t used = item.n + (end != NULL);
        list = (span_t){list.p + used, list.n - used};
    }
    return NULL;
}

const char *p11_uri_read(p11_uri_t *out, const char *text) {
    *out = (p11_uri_t){0};
    size_t n = strlen(text);
    if (n > URI_MAX) {
        return "it is longer than 4096 bytes";
    }
    if (strncasecmp(text, SCHEME, sizeof SCHEME - 1) != 0) {
        return "it does not begin with pkcs11:";
    }
    const char *path = text + sizeof SCHEME - 1;
    size_t path_len = strcspn(path, "?");
    const char *wrong = read_list(out, (span_t){path, path_len}, ';', true);
    if (wrong == NULL && path[path_len] == '?') {
        wrong = read_list(out, (span_t){path + path_len + 1, n - path_len - sizeof SCHEME}, '&', false);
    }
    if (wrong == NULL && !out->object.set && !out->id.set) {
        wrong = "it names no key: object or id must be there";
    }
    return wrong;
}

static bool value_is(const p11_value_t *v, const char *text, size_t n) {
    return v->len == n && memcmp(v->bytes, text, n) == 0;
}

bool p11_uri_allows_module(const p11_uri_t *u, const char *path) {
    if (u->module_path.set && !value_is(&u->module_path, path, strlen(path))) {
        return false;
    }
    if (!u->module_name.set) {
        return true;
    }
    /* softhsm2 and libsofthsm2 both name .../libsofthsm2.so */
    const char *slash = strrchr(path, '/');
    const char *base = slash == NULL ? path : slash + 1;
    const char *dot = strchr(base, '.');
    size_t n = dot == NULL ? strlen(base) : (size_t)(dot - base);
    return value_is(&u->module_name, base, n) ||
           (n > 3 && memcmp(base, "lib", 3) == 0 && value_is(&u->module_name, base + 3, n - 3));
}

bool p11_value_fits(const p11_value_t *v, const void *field, size_t len) {
    const uint8_t *p = field;
    while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == 0)) {
        len--;
    }
    return !v->set || (v->len == len && memcmp(v->bytes, p, len) == 0);
}
