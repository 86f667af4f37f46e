/* See json_text.h. Works on spans, so that numbers keep every digit: integers stay as written, others become what
 * Java's BigDecimal prints (schema-registry-api 17.2). */
#include "registry/schema/json_text.h"
#include "base/map.h"
#include "registry/schema/name.h"
#include <stdlib.h>

typedef struct member {
    const char *name; /* decoded, in the names buffer */
    size_t at, len;   /* there */
    json_span_t value;
    bool gone; /* a later member of that name took the value's place */
} member_t;

static schloss_rc put_value(json_span_t v, bool sorted, buf_t *out, schloss_error_t *err);

/* -?digits[.digits][e[+-]digits] as unscaled value and scale, printed as BigDecimal.toString does. */
static void put_number(json_span_t v, buf_t *out) {
    const char *p = v.ptr, *end = v.ptr + v.len;
    bool negative = *p == '-', integer = true;
    p += negative;
    const char *digits = p;
    for (const char *q = p; q < end; q++) {
        integer = integer && *q >= '0' && *q <= '9';
    }
    if (integer) {
        /* -0 is 0 */
        buf_put_str(out, negative && !(end - p == 1 && *p == '0') ? "-" : "");
        buf_put(out, p, (size_t)(end - p));
        return;
    }
    int64_t scale = 0, exponent = 0;
    size_t n = 0;
    const char *q = p;
    for (bool fraction = false; q < end && *q != 'e' && *q != 'E'; q++) {
        if (*q == '.') {
            fraction = true;
        } else {
            scale += fraction;
            n++;
        }
    }
    const char *mantissa_end = q;
    if (q < end) {
        q++;
        bool minus = q < end && *q == '-';
        q += q < end && (*q == '-' || *q == '+');
        for (; q < end && exponent < 1000000000; q++) {
            exponent = exponent * 10 + (*q - '0');
        }
        exponent = minus ? -exponent : exponent;
    }
    scale -= exponent;
    /* leading zeros of the unscaled value go, one digit stays */
    while (n > 1 && (*digits == '0' || *digits == '.')) {
        n -= *digits == '0';
        digits++;
    }
    digits += *digits == '.';
    bool zero = n == 1 && *digits == '0';
    int64_t adjusted = (int64_t)n - 1 - scale;
    bool plain = scale >= 0 && adjusted >= -6;
    buf_put_str(out, negative && !zero ? "-" : "");
    if (plain && scale >= (int64_t)n) {
        buf_put_str(out, "0.");
        for (int64_t i = scale; i > (int64_t)n; i--) {
            buf_put_u8(out, '0');
        }
    }
    size_t i = 0;
    for (; digits < mantissa_end; digits++) {
        if (*digits == '.') {
            continue;
        }
        bool point = plain ? scale > 0 && i != 0 && (int64_t)(n - i) == scale : i == 1;
        buf_put_str(out, point ? "." : "");
        buf_put_u8(out, (uint8_t)*digits);
        i++;
    }
    if (!plain && adjusted != 0) {
        buf_printf(out, "E%s%lld", adjusted > 0 ? "+" : "", (long long)adjusted);
    }
}

static schloss_rc put_decoded(json_span_t s, buf_t *out, schloss_error_t *err) {
    buf_t text;
    buf_init(&text, s.len + 1, "JSON string", false);
    schloss_rc rc = json_str_decode(s, &text, err);
    rc = rc != 0 ? rc : buf_check(&text, err);
    if (rc == 0 && text.len != 0 && memchr(text.ptr, 0, text.len) != NULL) {
        rc = FAIL(err, BAD_JSON, "a string holds U+0000");
    }
    if (rc == 0) {
        json_put_string(out, text.len == 0 ? "" : (const char *)text.ptr, text.len);
    }
    buf_clear(&text);
    return rc;
}

static int by_name(const void *a, const void *b) {
    return utf16_compare(((const member_t *)a)->name, ((const member_t *)b)->name);
}

/* Members with their names decoded into names. */
static schloss_rc read_members(json_span_t v, member_t *members, size_t n, buf_t *names, schloss_error_t *err) {
    json_iter_t it = json_iter(v);
    json_span_t key;
    for (size_t i = 0; i < n && json_next(&it, &key, &members[i].value); i++) {
        members[i].at = names->len;
        members[i].gone = false;
        TRY(json_str_decode(key, names, err));
        members[i].len = names->len - members[i].at;
        buf_put_u8(names, 0);
        TRY(buf_check(names, err));
        ENSURE(strlen((const char *)names->ptr + members[i].at) == members[i].len, err, BAD_JSON,
               "a name holds U+0000");
    }
    for (size_t i = 0; i < n; i++) {
        members[i].name = (const char *)names->ptr + members[i].at;
    }
    return SCHLOSS_OK;
}

/* The last of doubled members gives the value, the first one the place. */
static schloss_rc settle_doubles(member_t *members, size_t n, schloss_error_t *err) {
    map_t *seen = map_new(NULL);
    bool ok = seen != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        bytes_t name = bytes(members[i].name, members[i].len);
        member_t *first = map_get(seen, name);
        if (first != NULL) {
            first->value = members[i].value;
            members[i].gone = true;
        } else {
            ok = map_put(seen, name, &members[i]);
        }
    }
    map_free(seen);
    return ok ? SCHLOSS_OK : NO_MEMORY(err);
}

static schloss_rc put_members(member_t *members, size_t n, bool sorted, buf_t *out, schloss_error_t *err) {
    TRY(settle_doubles(members, n, err));
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        if (!members[i].gone) {
            members[left++] = members[i];
        }
    }
    if (sorted) {
        qsort(members, left, sizeof *members, by_name);
    }
    for (size_t i = 0; i < left; i++) {
        if (i != 0) {
            buf_put_u8(out, ',');
        }
        json_put_string(out, members[i].name, members[i].len);
        buf_put_u8(out, ':');
        TRY(put_value(members[i].value, sorted, out, err));
    }
    return SCHLOSS_OK;
}

static schloss_rc put_object(json_span_t v, bool sorted, buf_t *out, schloss_error_t *err) {
    size_t n = 0;
    json_iter_t it = json_iter(v);
    json_span_t key, value;
    while (json_next(&it, &key, &value)) {
        n++;
    }
    buf_put_u8(out, '{');
    if (n != 0) {
        buf_t names;
        member_t *members = mem_calloc(n, sizeof *members);
        if (members == NULL) {
            return NO_MEMORY(err);
        }
        buf_init(&names, v.len + n, "JSON names", false);
        schloss_rc rc = read_members(v, members, n, &names, err);
        rc = rc != 0 ? rc : put_members(members, n, sorted, out, err);
        buf_clear(&names);
        mem_free(members);
        TRY(rc);
    }
    buf_put_u8(out, '}');
    return SCHLOSS_OK;
}

static schloss_rc put_value(json_span_t v, bool sorted, buf_t *out, schloss_error_t *err) {
    json_span_t item;
    bool first = true;
    switch (v.kind) {
    case JSON_T_STRING:
        return put_decoded(v, out, err);
    case JSON_T_NUMBER:
        put_number(v, out);
        return SCHLOSS_OK;
    case JSON_T_OBJECT:
        return put_object(v, sorted, out, err);
    case JSON_T_ARRAY:
        buf_put_u8(out, '[');
        for (json_iter_t it = json_iter(v); json_next(&it, NULL, &item); first = false) {
            buf_put_str(out, first ? "" : ",");
            TRY(put_value(item, sorted, out, err));
        }
        buf_put_u8(out, ']');
        return SCHLOSS_OK;
    case JSON_T_NULL:
    case JSON_T_BOOL:
    default:
        buf_put(out, v.ptr, v.len);
        return SCHLOSS_OK;
    }
}

schloss_rc json_canonical(json_span_t value, bool sorted, buf_t *out, schloss_error_t *err) {
    TRY(put_value(value, sorted, out, err));
    return buf_check(out, err);
}
