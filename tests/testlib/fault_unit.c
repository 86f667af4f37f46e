/* Sweeps allocation failures over a unit test that knows nothing of it: a constructor, asleep unless tests/fault/run
 * sets SCHLOSS_FAULT_SWEEP=<every>[,<seconds>].
 *
 * For n = 1, 1 + every, ... it forks; in the child the n-th allocation fails and the test runs as always. The child may
 * report failed assertions (the test asked for what it could not get) but must not be killed by a signal, hang, or be
 * stopped by a sanitizer inside the library. A crash inside the test's own code (it used what it did not get) is not
 * the library's fault and is told apart by the first frame of the report that lies in the repository. The sweep ends
 * at the first n that is larger than the number of allocations, or when its seconds are over (with every > 1).
 *
 * SCHLOSS_FAULT_ALLOC=<n> runs once with the n-th allocation failing: to look at one finding. The sanitizers' options
 * come from tests/fault/run: an exit code of their own, signals to them and not to cmocka, no leak check (a failed
 * assertion leaves objects behind; leaks are looked for by tests/fault/scenarios.c). */
#include "testlib/fault.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SANITIZER_EXIT 99
#define CHILD_SECONDS 120

/* True when the first frame of a report that lies in the repository is the test's. */
static bool blames_test(char *report) {
    char *p = strstr(report, "#0 ");
    char *save = NULL;
    for (char *line = p == NULL ? NULL : strtok_r(p, "\n", &save); line != NULL && strchr(line, '#') != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        if (strstr(line, SOURCE_DIR "/tests/") != NULL) {
            return true;
        }
        if (strstr(line, SOURCE_DIR "/lib/") != NULL) {
            return false;
        }
    }
    return false;
}

static char *read_report(FILE *f) {
    static char text[256 * 1024];
    fflush(f);
    rewind(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = 0;
    return text;
}

static void in_child(FILE *report, unsigned long n) {
    dup2(fileno(report), STDOUT_FILENO);
    dup2(fileno(report), STDERR_FILENO);
    unsetenv("SCHLOSS_FAULT_SWEEP");
    alarm(CHILD_SECONDS);
    fault_arm(n);
}

__attribute__((constructor)) static void sweep(void) {
    const char *single = getenv("SCHLOSS_FAULT_ALLOC"), *plan = getenv("SCHLOSS_FAULT_SWEEP");
    if (single == NULL && plan == NULL) {
        return;
    }
    fault_share();
    fault_install();
    if (plan == NULL) {
        fault_arm(strtoul(single, NULL, 10));
        return;
    }
    char *rest = NULL;
    unsigned long every = strtoul(plan, &rest, 10);
    time_t limit = *rest == ',' ? time(NULL) + atol(rest + 1) : 0;
    unsigned long runs = 0, bad = 0, own = 0;
    for (unsigned long n = 1;; n += every == 0 ? 1 : every) {
        FILE *report = tmpfile();
        fault_arm(n); /* the shared state, before the child can be seen */
        pid_t pid = report == NULL ? -1 : fork();
        if (pid < 0) {
            perror("fault sweep");
            _exit(2);
        }
        if (pid == 0) {
            in_child(report, n);
            return; /* to main */
        }
        int status = 0;
        waitpid(pid, &status, 0);
        bool fired = fault_fired();
        runs += fired;
        if (WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == SANITIZER_EXIT)) {
            char *text = read_report(report);
            char *copy = strdup(text);
            if (WIFEXITED(status) && fired && copy != NULL && blames_test(copy)) {
                own++;
            } else {
                bad++;
                fprintf(stderr, "FAIL allocation %lu: %s %d\n%s\n", n, WIFSIGNALED(status) ? "signal" : "exit",
                        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), text);
            }
            free(copy);
        }
        fclose(report);
        if (!fired || (limit != 0 && time(NULL) >= limit) || bad >= 5) {
            break;
        }
    }
    printf("allocations failed %lu, in test code %lu, findings %lu\n", runs, own, bad);
    fflush(stdout);
    _exit(bad != 0);
}
