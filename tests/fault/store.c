/* fault_store [--every K]: the n-th call of the SQLite VFS fails, for every n, under the servers' store and under a
 * whole registry: with an I/O error or a full disk, once or until the disk is repaired. Then: nothing crashes, what was
 * acknowledged is there when the file is opened again, the file is sound, and the service goes on without a restart.
 * Prints `N passed, M failed, K skipped`. */
#include "store_faults.h"
#include "vfs.h"

#include <fcntl.h>
#include <schloss/log.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/schloss-fault-XXXXXX";
static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};

void store_path(char out[128]) {
    snprintf(out, 128, "%s/store.db", folder);
}

void store_remove(void) {
    char path[128], file[160];
    store_path(path);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(file, sizeof file, "%s%s", path, suffixes[i]);
        unlink(file);
    }
}

bool finding(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    printf("     ");
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
    return false;
}

static void no_log(int level, const char *component, const char *message, void *user) {
    (void)level, (void)component, (void)message, (void)user;
}

/* One kind of failure under one subject, for every n. */
static bool sweep(const char *name, bool (*once)(const char *what), vfs_kind_t kind, bool forever, uint64_t every,
                  uint64_t first) {
    unsigned runs = 0, findings = 0;
    bool hit = true;
    for (uint64_t n = first; hit && findings < 5; n += every) {
        char what[160];
        snprintf(what, sizeof what, "%s, %s %s at call %llu", name, kind == VFS_FULL ? "disk full" : "I/O error",
                 forever ? "for long" : "once", (unsigned long long)n);
        store_remove();
        vfs_arm(kind, n, forever);
        bool ok = once(what);
        hit = vfs_fired();
        vfs_disarm();
        findings += !ok;
        runs += hit;
    }
    printf("%s %s, %s %s: %u calls failed\n", findings == 0 ? "ok  " : "FAIL", name,
           kind == VFS_FULL ? "disk full" : "I/O error", forever ? "for long" : "once", runs);
    return findings == 0;
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0); /* a sanitizer that ends the process must not take the findings along */
    uint64_t every = argc > 2 && strcmp(argv[1], "--every") == 0 ? strtoull(argv[2], NULL, 10) : 1;
    every = every == 0 ? 1 : every;
    if (mkdtemp(folder) == NULL) {
        perror("mkdtemp");
        return 2;
    }
    schloss_log_set(no_log, NULL, SCHLOSS_LOG_ERROR);
    vfs_install();
    static const struct {
        const char *name;
        bool (*once)(const char *what);
        uint64_t stride; /* a whole registry takes longer */
    } subjects[] = {{"store", store_once, 1}, {"registry", registry_once, 3}};
    unsigned passed = 0, failed = 0;
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        for (int k = 0; k < 4; k++) {
            uint64_t stride = every == 1 ? 1 : every * subjects[i].stride;
            bool ok = sweep(subjects[i].name, subjects[i].once, k < 2 ? VFS_ERROR : VFS_FULL, k % 2 == 1, stride,
                            1 + (uint64_t)k % stride);
            passed += ok;
            failed += !ok;
        }
    }
    store_remove();
    rmdir(folder);
    printf("%u passed, %u failed, 0 skipped\n", passed, failed);
    return failed != 0;
}
