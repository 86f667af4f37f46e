/* Sweeps allocation failures over a unit test that knows nothing of it: a constructor, asleep unless tests/fault/run
 * sets SCHLOSS_FAULT_SWEEP=<every>[,<seconds>].
 *
 * For each n it forks; in the child the n-th allocation fails and the test runs as always. The child may report failed
 * assertions (the test asked for what it could not get) but must not be killed by a signal, hang, or be stopped by a
 * sanitizer inside the library. A crash inside the test's own code (it used what it did not get) is not the library's
 * fault and is told apart by the first frame of the report that lies in the repository.
 *
 * Without seconds, n goes up in steps of <every> until it is larger than the number of allocations. With seconds, the
 * allocations are counted first and 1 of <every> is tried, spread over the whole run, until the time is over.
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

typedef struct sweep {
    unsigned long runs, bad, own;
} sweep_t;

typedef enum { IN_CHILD, IN_PARENT } side_t;

/* One n: the child returns to main with the allocation armed. */
static side_t try_one(sweep_t *s, unsigned long n) {
    FILE *report = tmpfile();
    fault_arm(n); /* the shared state, before the child can be seen */
    pid_t pid = report == NULL ? -1 : fork();
    if (pid < 0) {
        perror("fault sweep");
        _exit(2);
    }
    if (pid == 0) {
        in_child(report, n);
        return IN_CHILD;
    }
    int status = 0;
    waitpid(pid, &status, 0);
    s->runs += fault_fired();
    if (WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == SANITIZER_EXIT)) {
        char *text = read_report(report);
        char *copy = strdup(text);
        if (WIFEXITED(status) && fault_fired() && copy != NULL && blames_test(copy)) {
            s->own++;
        } else {
            s->bad++;
            fprintf(stderr, "FAIL allocation %lu: %s %d\n%s\n", n, WIFSIGNALED(status) ? "signal" : "exit",
                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), text);
        }
        free(copy);
    }
    fclose(report);
    return IN_PARENT;
}

static side_t every_nth(sweep_t *s, unsigned long every) {
    unsigned long n = 1;
    do {
        if (try_one(s, n) == IN_CHILD) {
            return IN_CHILD;
        }
        n += every;
    } while (fault_fired() && s->bad < 5);
    return IN_PARENT;
}

static side_t sampled(sweep_t *s, unsigned long every, long seconds) {
    if (try_one(s, 0) == IN_CHILD) {
        return IN_CHILD;
    }
    unsigned long total = (unsigned long)fault_seen();
    time_t end = time(NULL) + seconds;
    for (unsigned long k = 0; k * every < total && s->bad < 5 && time(NULL) < end; k++) {
        double part = (double)k * 0.6180339887498949; /* steps of the golden ratio cover a range evenly at any length */
        unsigned long n = 1 + (unsigned long)((part - (double)(unsigned long)part) * (double)total);
        if (try_one(s, n) == IN_CHILD) {
            return IN_CHILD;
        }
    }
    return IN_PARENT;
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
    sweep_t s = {0, 0, 0};
    unsigned long every = strtoul(plan, &rest, 10);
    every = every == 0 ? 1 : every;
    side_t side = *rest == ',' ? sampled(&s, every, atol(rest + 1)) : every_nth(&s, every);
    if (side == IN_CHILD) {
        return; /* to main */
    }
    printf("allocations failed %lu, in test code %lu, findings %lu\n", s.runs, s.own, s.bad);
    fflush(stdout);
    _exit(s.bad != 0);
}
