/* Signals. Handlers only set a flag, arm a timer, write a text made beforehand, and exit: nothing else is safe there.
 */
#include "cli/stop.h"
#include "cli/exit.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define GRACE_US 850000

static volatile sig_atomic_t received;
static volatile sig_atomic_t is_server;
static char deadline_text[160];
static volatile sig_atomic_t deadline_len;

static int code_of(int sig) {
    return sig == SIGTERM ? CLI_EXIT_TERMINATED : CLI_EXIT_INTERRUPTED;
}

static void on_alarm(int sig) {
    (void)sig;
    if (received != 0) {
        _exit(code_of(received));
    }
    if (deadline_len != 0) {
        (void)!write(STDERR_FILENO, deadline_text, (size_t)deadline_len);
    }
    _exit(CLI_EXIT_UNREACHABLE);
}

static void on_stop(int sig) {
    int saved = errno;
    if (received != 0) {
        _exit(code_of(sig));
    }
    received = sig;
    if (!is_server) {
        struct itimerval t = {{0, 0}, {0, GRACE_US}};
        (void)setitimer(ITIMER_REAL, &t, NULL);
    }
    errno = saved;
}

static void handle(int sig, void (*handler)(int)) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = handler; /* no SA_RESTART: a read of standard input shall end */
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(sig, &action, NULL);
}

void stop_install(stop_kind_t kind) {
    is_server = kind == STOP_SERVER;
    handle(SIGINT, on_stop);
    handle(SIGTERM, on_stop);
    handle(SIGALRM, on_alarm);
    handle(SIGPIPE, SIG_IGN);
}

int stop_requested(void) {
    return received;
}

int stop_exit_code(void) {
    return code_of(received);
}

void stop_wait(void) {
    sigset_t block;
    sigset_t old;
    (void)sigemptyset(&block);
    (void)sigaddset(&block, SIGINT);
    (void)sigaddset(&block, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &block, &old);
    while (received == 0) {
        /* The timeout covers a signal that another thread took. */
        struct timespec limit = {0, 200000000};
        (void)ppoll(NULL, 0, &limit, &old);
    }
    (void)sigprocmask(SIG_SETMASK, &old, NULL);
}

void stop_deadline(unsigned seconds) {
    struct itimerval t = {{0, 0}, {(time_t)seconds, 0}};
    if (seconds != 0) {
        int n = snprintf(deadline_text, sizeof(deadline_text),
                         "schloss: no answer within %u s\n  hint: Check that the server runs and can be reached, or "
                         "give it longer with --timeout.\n",
                         seconds);
        deadline_len = n > 0 && (size_t)n < sizeof(deadline_text) ? n : 0;
    }
    if (received == 0) {
        (void)setitimer(ITIMER_REAL, &t, NULL);
    }
}
