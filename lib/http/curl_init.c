/* Initialises libcurl with an allocator that wipes what it frees: curl's buffers see the keys of shared KEKs and
 * credentials. It allocates through base/mem.h, so curl's allocations fail in fault tests like our own.
 *
 * libcurl counts initialisations and the first one wins. So a host program that initialised libcurl before keeps its
 * own allocator, and a test may put in other hooks by calling curl_global_init_mem() before the first transport is
 * made. */
#include "http/curl_init.h"

#include "base/mem.h"
#include <malloc.h>
#include <pthread.h>
#include <string.h>

static void curl_free_wiped(void *p) {
    if (p != NULL) {
        mem_wipe(p, malloc_usable_size(p));
        mem_free(p);
    }
}

/* A copy even when the block could grow in place: the old one must not stay behind unwiped. */
static void *curl_realloc_wiped(void *p, size_t n) {
    void *q = mem_alloc(n);
    if (q != NULL && p != NULL) {
        size_t had = malloc_usable_size(p);
        memcpy(q, p, had < n ? had : n);
        curl_free_wiped(p);
    }
    return q;
}

static CURLcode result;

static void init(void) {
    result = curl_global_init_mem(CURL_GLOBAL_DEFAULT, mem_alloc, curl_free_wiped, curl_realloc_wiped, mem_strdup,
                                  mem_calloc);
}

CURLcode curl_init_once(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, init);
    return result;
}
