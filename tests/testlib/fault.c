/* Counting and failing allocations; see fault.h. The state is one struct of atomics, in shared memory when a sweep
 * forks a child for each n. */
#include "testlib/fault.h"

#include "base/mem.h"
#include <curl/curl.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef struct fault_state {
    _Atomic uint64_t seen, nth;
    _Atomic bool fired, armed;
    _Atomic int door;
} fault_state_t;

static fault_state_t own_state;
static fault_state_t *state = &own_state;
static _Thread_local unsigned paused;

static bool must_fail(fault_door_t door) {
    if (paused != 0 || !atomic_load_explicit(&state->armed, memory_order_relaxed)) {
        return false;
    }
    if (atomic_fetch_add(&state->seen, 1) + 1 != atomic_load(&state->nth)) {
        return false;
    }
    atomic_store(&state->door, door);
    atomic_store(&state->fired, true);
    return true;
}

static bool mem_door(void *user) {
    (void)user;
    return must_fail(FAULT_MEM);
}

static void *jansson_malloc(size_t n) {
    return must_fail(FAULT_JANSSON) ? NULL : malloc(n);
}

static void *curl_malloc(size_t n) {
    return must_fail(FAULT_CURL) ? NULL : malloc(n);
}

static void *curl_realloc(void *p, size_t n) {
    return must_fail(FAULT_CURL) ? NULL : realloc(p, n);
}

static void *curl_calloc(size_t n, size_t size) {
    return must_fail(FAULT_CURL) ? NULL : calloc(n, size);
}

static char *curl_strdup(const char *s) {
    return must_fail(FAULT_CURL) ? NULL : strdup(s);
}

static void door_free(void *p) {
    free(p);
}

void fault_install(void) {
    static bool installed;
    if (installed) {
        return;
    }
    installed = true;
    mem_set_fault(mem_door, NULL);
    json_set_alloc_funcs(jansson_malloc, door_free);
    (void)curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc, door_free, curl_realloc, curl_strdup, curl_calloc);
}

void fault_share(void) {
    void *p = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED) {
        state = p;
    }
}

void fault_arm(uint64_t nth) {
    atomic_store(&state->seen, 0);
    atomic_store(&state->fired, false);
    atomic_store(&state->nth, nth);
    atomic_store(&state->armed, true);
}

void fault_disarm(void) {
    atomic_store(&state->armed, false);
}

bool fault_fired(void) {
    return atomic_load(&state->fired);
}

fault_door_t fault_door(void) {
    return (fault_door_t)atomic_load(&state->door);
}

uint64_t fault_seen(void) {
    return atomic_load(&state->seen);
}

void fault_pause(void) {
    paused++;
}

void fault_resume(void) {
    paused--;
}

bool fault_paused(void) {
    return paused != 0;
}
