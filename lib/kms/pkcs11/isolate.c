/* Jobs in a helper process, schloss-pkcs11-helper: a module that crashes, hangs or writes where it should not does so
 * there. An idle helper is kept in an atomic slot (no lock that a fork could leave taken) and remembers its parent: a
 * forked child leaves it alone. Helpers end by themselves when their socket closes. */
#include "kms/pkcs11/wire.h"

#include "base/time.h"
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define IDLE_MAX 2u
#define HELPER "schloss-pkcs11-helper"
#define PATH_LEN 4096u

typedef struct helper {
    pid_t pid, parent;
    int fd;
} helper_t;

static helper_t *_Atomic idle[IDLE_MAX];

/* ---- where it is ---- */

static bool in_folder_of(char *out, const char *file) {
    static const char *const folders[] = {
        "", "../libexec/schloss/", "../../libexec/schloss/", "../../../libexec/schloss/", "../bin/", "../../bin/"};
    const char *slash = strrchr(file, '/');
    for (size_t i = 0; slash != NULL && i < COUNT_OF(folders); i++) {
        int n = snprintf(out, PATH_LEN, "%.*s%s%s", (int)(slash - file + 1), file, folders[i], HELPER);
        if (n > 0 && (size_t)n < PATH_LEN && access(out, X_OK) == 0) {
            return true;
        }
    }
    return false;
}

/* SCHLOSS_LIBEXEC_PATH, else beside the library or program that holds this code, or in its libexec. */
static bool find_helper(char *out) {
    const char *folder = secure_getenv("SCHLOSS_LIBEXEC_PATH");
    if (folder != NULL && *folder != '\0') {
        int n = snprintf(out, PATH_LEN, "%s/%s", folder, HELPER);
        return n > 0 && (size_t)n < PATH_LEN && access(out, X_OK) == 0;
    }
    Dl_info info;
    static const char here = 0;
    if (dladdr(&here, &info) != 0 && info.dli_fname != NULL && in_folder_of(out, info.dli_fname)) {
        return true;
    }
    char self[PATH_LEN];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n < 0 ? 0 : n] = '\0';
    return n > 0 && in_folder_of(out, self);
}

/* ---- life ---- */

/* Ends it; says by which signal it had ended by itself, 0: by none. */
static int helper_end(helper_t *h) {
    int status = 0;
    if (h->fd >= 0) {
        (void)close(h->fd);
    }
    if (h->parent == getpid()) {
        /* A helper that has crashed is already dead, so its own signal is what we learn. */
        pid_t ended = waitpid(h->pid, &status, WNOHANG);
        if (ended == 0) {
            (void)kill(h->pid, SIGKILL);
            while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR) {
            }
            status = 0;
        } else if (ended < 0) {
            status = 0; /* the application has waited for it */
        }
    }
    mem_free(h);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static schloss_rc spawn(helper_t *h, const p11_job_t *job, const char *path, schloss_error_t *err) {
    int fds[2];
    ENSURE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, err, KMS_BUSY,
           "%s://%s: no socket pair for the helper process: errno %d", P11_TYPE, job->key_id, errno);
    char name[] = HELPER;
    char *argv[] = {name, NULL};
    posix_spawn_file_actions_t actions;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed == 0) {
        /* dup2 onto itself would leave the descriptor close-on-exec; glibc's spawn clears the flag then */
        failed = posix_spawn_file_actions_adddup2(&actions, fds[1], P11_HELPER_FD);
        failed = failed != 0 ? failed : posix_spawn(&h->pid, path, &actions, NULL, argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
    }
    (void)close(fds[1]);
    if (failed != 0) {
        (void)close(fds[0]);
        return FAIL(err, KMS_BUSY, "%s://%s: the helper process cannot be started: errno %d", P11_TYPE, job->key_id,
                    failed);
    }
    h->fd = fds[0];
    h->parent = getpid();
    return SCHLOSS_OK;
}

static schloss_rc helper_take(helper_t **out, const p11_job_t *job, schloss_error_t *err) {
    for (size_t i = 0; i < IDLE_MAX; i++) {
        helper_t *h = atomic_exchange(&idle[i], NULL);
        if (h != NULL && h->parent == getpid()) {
            *out = h;
            return SCHLOSS_OK;
        }
        if (h != NULL) {
            (void)helper_end(h);
        }
    }
    char path[PATH_LEN];
    if (!find_helper(path)) {
        FAIL(err, KMS_CONF, "%s://%s: the program %s is not found", P11_TYPE, job->key_id, HELPER);
        err_hint(err, "it is installed in libexec/schloss; set the environment variable SCHLOSS_LIBEXEC_PATH to its "
                      "folder");
        return SCHLOSS_E_KMS_CONF;
    }
    helper_t *h = MEM_NEW(helper_t);
    if (h == NULL) {
        return NO_MEMORY(err);
    }
    schloss_rc rc = spawn(h, job, path, err);
    if (rc != SCHLOSS_OK) {
        mem_free(h);
        return rc;
    }
    *out = h;
    return SCHLOSS_OK;
}

static void helper_put(helper_t *h) {
    for (size_t i = 0; i < IDLE_MAX; i++) {
        helper_t *none = NULL;
        if (atomic_compare_exchange_strong(&idle[i], &none, h)) {
            return;
        }
    }
    (void)helper_end(h);
}

/* ---- jobs ---- */

/* A closed socket is seen before the kernel has made the dead process waitable. */
static void await_death(const helper_t *h) {
    siginfo_t info;
    for (int i = 0; i < 100; i++) {
        info.si_pid = 0;
        if (waitid(P_PID, (id_t)h->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0) {
            return;
        }
        (void)usleep(2000);
    }
}

static schloss_rc lost(helper_t *h, int failed, uint32_t timeout_ms, const p11_job_t *job, schloss_error_t *err) {
    if (failed == EPIPE) {
        await_death(h);
    }
    int signal = helper_end(h);
    switch (failed) {
    case ETIMEDOUT:
        FAIL(err, KMS_BUSY, "%s://%s: the PKCS#11 module has not answered within %u ms", P11_TYPE, job->key_id,
             timeout_ms);
        break;
    case ENOMEM:
        return NO_MEMORY(err);
    case EBADMSG:
        FAIL(err, KMS_ANSWER, "%s://%s: the helper process of the PKCS#11 module answers nonsense", P11_TYPE,
             job->key_id);
        break;
    default:
        FAIL(err, KMS_BUSY, "%s://%s: the PKCS#11 module has ended its helper process (signal %d)", P11_TYPE,
             job->key_id, signal);
        break;
    }
    err_hint(err, "the next call gets a new helper process; is the module of the vendor's latest version?");
    return failed == EBADMSG ? SCHLOSS_E_KMS_ANSWER : SCHLOSS_E_KMS_BUSY;
}

static schloss_rc run_in(helper_t *h, const p11_job_t *job, bytes_t request, uint32_t timeout_ms, buf_t *answer,
                         buf_t *out, schloss_error_t *err) {
    int64_t deadline = time_mono_ms() + timeout_ms;
    int failed = p11_wire_send(h->fd, request, deadline);
    if (failed == 0) {
        failed = p11_wire_recv(h->fd, answer, deadline);
    }
    schloss_rc rc = SCHLOSS_OK;
    bytes_t result = {0};
    if (failed == 0 && !p11_wire_read_result(&rc, err, &result, buf_view(answer))) {
        failed = EBADMSG;
    }
    if (failed != 0) {
        return lost(h, failed, timeout_ms, job, err);
    }
    helper_put(h);
    if (rc == SCHLOSS_OK) {
        buf_put(out, result.ptr, result.len);
        rc = buf_check(out, err);
    }
    return rc;
}

schloss_rc p11_run_isolated(const p11_job_t *job, uint32_t timeout_ms, buf_t *out, schloss_error_t *err) {
    buf_t request, answer;
    buf_init(&request, P11_FRAME_MAX, "PKCS#11 job", true);
    buf_init(&answer, P11_FRAME_MAX + 1, "PKCS#11 result", true);
    p11_wire_put_job(&request, job);
    schloss_rc rc = buf_check(&request, err);
    helper_t *h = NULL;
    if (rc == SCHLOSS_OK) {
        rc = helper_take(&h, job, err);
    }
    if (rc == SCHLOSS_OK) {
        rc = run_in(h, job, buf_view(&request), timeout_ms, &answer, out, err);
    }
    buf_clear(&request);
    buf_clear(&answer);
    return rc;
}
