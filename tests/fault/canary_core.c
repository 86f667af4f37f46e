/* A real core file of a process that holds keys. */
#include "canary_scan.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK (1u << 20)

bool core_possible(void) {
#ifdef SCHLOSS_SANITIZED
    return false; /* a sanitizer's shadow would be in it */
#else
    char pattern[256] = "";
    FILE *f = fopen("/proc/sys/kernel/core_pattern", "re");
    bool here = f != NULL && fgets(pattern, sizeof pattern, f) != NULL && pattern[0] != '|' && pattern[0] != '/';
    if (f != NULL) {
        fclose(f);
    }
    return here;
#endif
}

/* Where a child of this process left its core file; false: nowhere. */
static bool leave_core(const char *folder, char path[512]) {
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
        setrlimit(RLIMIT_CORE, &all);
        prctl(PR_SET_DUMPABLE, 1);
        madvise(vault(), VAULT_SIZE, MADV_DONTDUMP); /* the test's own copies */
        signal(SIGABRT, SIG_DFL);
        if (chdir(folder) == 0) {
            abort();
        }
        _exit(1);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    DIR *d = opendir(folder);
    bool found = false;
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        if (e->d_name[0] != '.') {
            snprintf(path, 512, "%s/%s", folder, e->d_name);
            found = true;
        }
    }
    if (d != NULL) {
        closedir(d);
    }
    return found;
}

static size_t places_in(int fd, const needle_t *n) {
    uint8_t *buf = vault(); /* its first part is the scan's buffer */
    size_t places = 0, keep = 0;
    for (ssize_t got; (got = read(fd, buf + keep, CHUNK - keep)) > 0;) {
        size_t have = keep + (size_t)got;
        places += scan_bytes(n, buf, have);
        keep = have < n->len ? have : n->len - 1; /* a needle across two reads */
        memmove(buf, buf + have - keep, keep);
    }
    memset(buf, 0, CHUNK);
    return places;
}

bool core_holds(const needle_t *needles, size_t n, bool *holds) {
    char folder[] = "/tmp/schloss-core-XXXXXX", path[512];
    bool ok = mkdtemp(folder) != NULL && leave_core(folder, path);
    int fd = ok ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    for (size_t i = 0; fd >= 0 && i < n; i++) {
        lseek(fd, 0, SEEK_SET);
        holds[i] = places_in(fd, &needles[i]) != 0;
    }
    if (fd >= 0) {
        close(fd);
        unlink(path);
    }
    rmdir(folder);
    return fd >= 0;
}
