/* See canary_scan.h. Memory is read through /proc/self/mem: pages that cannot be read are passed over, and a sanitizer
 * does not object. */
#include "canary_scan.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK (1u << 20)
#define REGION_MAX ((size_t)1 << 30) /* larger ones are a sanitizer's shadow */

static uint8_t *vault_base;
static size_t vault_used;

uint8_t *vault(void) {
    if (vault_base == NULL) {
        vault_base = mmap(NULL, VAULT_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (vault_base == MAP_FAILED) {
            abort();
        }
        vault_used = CHUNK + 4096; /* the scan's buffer comes first */
    }
    return vault_base;
}

void *vault_take(size_t n) {
    uint8_t *p = vault() + vault_used;
    vault_used += (n + 63) / 64 * 64;
    if (vault_used > VAULT_SIZE) {
        abort();
    }
    return p;
}

needle_t needle_of(const void *bytes_in_vault, size_t n) {
    needle_t out = {.len = n};
    if (n == 0 || n > sizeof out.masked) {
        abort();
    }
    for (size_t i = 0; i < n; i++) {
        out.masked[i] = (uint8_t)(((const uint8_t *)bytes_in_vault)[i] ^ NEEDLE_MASK);
    }
    return out;
}

char *vault_join(const char *half, const char *other_half) {
    size_t n = strlen(half), m = strlen(other_half);
    char *out = vault_take(n + m + 1);
    for (size_t i = 0; i < n; i++) {
        out[i] = half[i];
    }
    for (size_t i = 0; i <= m; i++) {
        out[n + i] = other_half[i];
    }
    return out;
}

static const uint8_t *find(const needle_t *n, const uint8_t *p, size_t len) {
    uint8_t first = (uint8_t)(n->masked[0] ^ NEEDLE_MASK);
    for (size_t i = 0; i + n->len <= len; i++) {
        const uint8_t *at = memchr(p + i, first, len - n->len + 1 - i);
        if (at == NULL) {
            return NULL;
        }
        size_t k = 1;
        while (k < n->len && (at[k] ^ NEEDLE_MASK) == n->masked[k]) {
            k++;
        }
        if (k == n->len) {
            return at;
        }
        i = (size_t)(at - p);
    }
    return NULL;
}

bool scan_bytes(const needle_t *n, const void *p, size_t len) {
    return find(n, p, len) != NULL;
}

static size_t scan_region(int mem, const needle_t *n, uintptr_t from, uintptr_t to, const char *mapping,
                          void (*found)(const void *at, const char *mapping)) {
    uint8_t *buf = vault_base;
    size_t places = 0;
    for (uintptr_t at = from; at < to;) {
        size_t want = to - at < CHUNK + n->len ? to - at : CHUNK + n->len; /* overlap: a needle across the border */
        ssize_t got = pread(mem, buf, want, (off_t)at);
        if (got <= 0) {
            at += 4096;
            continue;
        }
        size_t have = (size_t)got;
        const uint8_t *p = buf;
        while ((p = find(n, p, have - (size_t)(p - buf))) != NULL) {
            size_t offset = (size_t)(p - buf);
            if (offset < CHUNK) {
                places++;
                if (found != NULL) {
                    found((const void *)(at + offset), mapping);
                }
            }
            p++;
        }
        at += have < CHUNK ? have : CHUNK;
    }
    memset(buf, 0, CHUNK + 64);
    return places;
}

size_t scan_memory(const needle_t *n, void (*found)(const void *at, const char *mapping)) {
    vault();
    /* The list is read as a whole first: stdio's buffers would move what is looked at. */
    static char maps[1u << 20];
    int list = open("/proc/self/maps", O_RDONLY | O_CLOEXEC), mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    for (ssize_t got; (got = read(list, maps + len, sizeof maps - 1 - len)) > 0;) {
        len += (size_t)got;
    }
    maps[len] = 0;
    size_t places = 0;
    char *save = NULL;
    for (char *line = strtok_r(maps, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        unsigned long from, to;
        char mode[8];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[0] != 'r' || to - from > REGION_MAX ||
            strstr(line, "[v") != NULL || (from < (uintptr_t)vault_base + VAULT_SIZE && to > (uintptr_t)vault_base)) {
            /* a mapping that the kernel merged with the vault: the parts beside it */
            if (mode[0] == 'r' && from < (uintptr_t)vault_base + VAULT_SIZE && to > (uintptr_t)vault_base) {
                places += scan_region(mem, n, from, (uintptr_t)vault_base, line, found);
                places += scan_region(mem, n, (uintptr_t)vault_base + VAULT_SIZE, to, line, found);
            }
            continue;
        }
        places += scan_region(mem, n, from, to, line, found);
    }
    close(list);
    close(mem);
    return places;
}
