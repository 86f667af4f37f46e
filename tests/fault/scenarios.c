/* fault_scenarios [--every K] [NAME]: runs every scenario (scenarios.h) with each allocation
 * failing in turn; with K > 1 only every K-th, beginning at a different one for each scenario. Prints one line per
 * scenario and `N passed, M failed, K skipped`. */
#include "scenarios.h"
#include "testlib/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(SCHLOSS_SANITIZED) && defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
static bool leaks(void) {
    return __lsan_do_recoverable_leak_check() != 0;
}
#else
static bool leaks(void) {
    return false;
}
#endif

/* What a step may return when the allocation failed. curl turns some failed allocations of its own into "could not
 * resolve" or "empty reply". */
static bool may_return(schloss_rc rc) {
    return rc == SCHLOSS_E_NO_MEMORY || (fault_door() == FAULT_CURL && (rc == SCHLOSS_E_CONNECT || rc == SCHLOSS_E_IO));
}

/* One n. false: a finding, printed. *fired: the allocation came. */
static bool run_one(const scenario_t *s, uint64_t n, bool *fired) {
    struct schloss_error err = {0};
    void *ctx = s->open();
    fault_arm(n);
    schloss_rc rc = s->step(ctx, &err);
    fault_disarm();
    *fired = fault_fired();
    bool ok = true;
    if (rc != SCHLOSS_OK && (!*fired || !may_return(rc))) {
        printf("     %s, allocation %llu: %s: %s\n", s->name, (unsigned long long)n, schloss_rc_name(rc), err.message);
        ok = false;
    }
    if (rc != SCHLOSS_OK && err.code != rc) {
        printf("     %s, allocation %llu: the error object is not filled\n", s->name, (unsigned long long)n);
        ok = false;
    }
    if (ok && rc != SCHLOSS_OK) {
        rc = s->step(ctx, &err);
        if (rc != SCHLOSS_OK) {
            printf("     %s, allocation %llu: unusable afterwards: %s: %s\n", s->name, (unsigned long long)n,
                   schloss_rc_name(rc), err.message);
            ok = false;
        }
    }
    if (ok && !s->check(ctx)) {
        printf("     %s, allocation %llu: wrong result\n", s->name, (unsigned long long)n);
        ok = false;
    }
    s->close(ctx);
    return ok;
}

/* false: at least one finding. */
static bool run_scenario(const scenario_t *s, uint64_t every, uint64_t first) {
    unsigned findings = 0, runs = 0;
    bool fired = false;
    uint64_t n = first;
    if (!run_one(s, 0, &fired)) { /* once without a fault, so that what is made once per process is made */
        return false;
    }
    do {
        findings += !run_one(s, n, &fired);
        runs += fired;
        n += every;
    } while (fired && findings < 5);
    static bool leaked; /* what leaked once is found again and again */
    if (!leaked && leaks()) {
        printf("     %s: leaks\n", s->name);
        findings++;
        leaked = true;
    }
    printf("%s %s: %u allocations failed\n", findings == 0 ? "ok  " : "FAIL", s->name, runs);
    return findings == 0;
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0); /* a sanitizer that ends the process must not take the findings along */
    uint64_t every = 1;
    const char *only = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--every") == 0 && i + 1 < argc) {
            every = strtoull(argv[++i], NULL, 10);
        } else {
            only = argv[i];
        }
    }
    every = every == 0 ? 1 : every;
    fault_install();
    const struct {
        const scenario_t *list;
        size_t n;
    } groups[] = {
        {scenarios_codec, n_scenarios_codec}, {scenarios_net, n_scenarios_net}, {scenarios_serde, n_scenarios_serde}};
    unsigned passed = 0, failed = 0;
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
        for (size_t i = 0; i < groups[g].n; i++) {
            if (only == NULL || strstr(groups[g].list[i].name, only) != NULL) {
                bool ok = run_scenario(&groups[g].list[i], every, 1 + i % every);
                passed += ok;
                failed += !ok;
            }
        }
    }
    printf("%u passed, %u failed, 0 skipped\n", passed, failed);
    return failed != 0;
}
