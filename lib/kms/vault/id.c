/* Key ids of hcvault and the text form of transit's ciphertexts (spec client-encryption 4.6). */
#include "kms/vault/vault.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

static bool host_is_good(const char *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)p[i]) && strchr(".-_:[]", p[i]) == NULL) {
            return false;
        }
    }
    return n != 0;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

/* The byte that the escape at p stands for; -1: it is none, or one that a server may take for a part of the path. */
static int escaped(const char *p, size_t n) {
    int high = n > 2 ? hex_digit(p[1]) : -1, low = high < 0 ? -1 : hex_digit(p[2]);
    int c = low < 0 ? -1 : high << 4 | low;
    return c < 0x20 || c == 0x7f || strchr("/\\%?#", c) != NULL ? -1 : c;
}

/* Path characters that need no escape, or are escapes already; no segment is empty, "." or "..", escaped or not. */
static bool path_is_good(const char *p, size_t n) {
    size_t segment = 0;
    bool dots = true;
    for (size_t i = 0; i <= n; i++) {
        if (i == n || p[i] == '/') {
            if (segment == 0 || (dots && segment <= 2)) {
                return false;
            }
            segment = 0;
            dots = true;
            continue;
        }
        int c = p[i] == '%' ? escaped(p + i, n - i) : p[i];
        if (c < 0 || (p[i] != '%' && !isalnum((unsigned char)c) && strchr("-_.~", c) == NULL)) {
            return false;
        }
        i += p[i] == '%' ? 2 : 0;
        dots = dots && c == '.';
        segment++;
    }
    return true;
}

static bool copy(char *out, const char *p, size_t n) {
    if (n == 0 || n >= VAULT_PART_MAX) {
        return false;
    }
    memcpy(out, p, n);
    out[n] = '\0';
    return true;
}

bool vault_id_parse(const char *text, vault_id_t *out) {
    memset(out, 0, sizeof *out);
    bool https = strncasecmp(text, "https://", 8) == 0;
    bool http = strncasecmp(text, "http://", 7) == 0;
    const char *host = https ? text + 8 : http ? text + 7 : text;
    size_t n = strcspn(host, "/");
    if (!host_is_good(host, n) || host[n] != '/' || n + 9 > VAULT_PART_MAX) {
        return false;
    }
    (void)snprintf(out->base, sizeof out->base, "%s%.*s", http ? "http://" : "https://", (int)n, host);
    const char *path = host + n + 1;
    size_t len = strlen(path);
    while (len > 0 && path[len - 1] == '/') {
        len--;
    }
    /* mount "/keys/" name: the last two segments are keys and the name */
    size_t name = len;
    while (name > 0 && path[name - 1] != '/') {
        name--;
    }
    static const char keys[] = "/keys/";
    size_t k = sizeof keys - 1;
    return path_is_good(path, len) && name > k && memcmp(path + name - k, keys, k) == 0 &&
           copy(out->mount, path, name - k) && copy(out->name, path + name, len - name);
}

bool vault_is_ciphertext(bytes_t text) {
    static const char prefix[] = "vault:v";
    size_t i = sizeof prefix - 1;
    if (text.len <= i || memcmp(text.ptr, prefix, i) != 0) {
        return false;
    }
    size_t digits = i;
    while (i < text.len && isdigit(text.ptr[i])) {
        i++;
    }
    if (i == digits || i + 1 >= text.len || text.ptr[i] != ':') {
        return false;
    }
    for (i++; i < text.len; i++) {
        if (!isalnum(text.ptr[i]) && strchr("+/=", text.ptr[i]) == NULL) {
            return false;
        }
    }
    return true;
}
