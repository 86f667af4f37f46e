/* The library in an event loop: nothing here blocks but one poll. Prepares say which HTTP request they need, curl's
 * multi interface carries the requests, and records of several topics wait for their keys at the same time.
 *
 *     event_loop TOPIC...     environment: SCHLOSS_REGISTRY, LOCAL_SECRET
 *
 * Links libcurl. Keys are unwrapped through the same requests when their KMS speaks HTTP. */
#include "example.h"
#include <curl/curl.h>
#include <schloss/ext/prepare.h>

#define MAX_BODY ((size_t)8 << 20)

/* One record on its way: a serializer, what is to be written, and the request under way. */
typedef struct {
    schloss_serializer_t *ser;
    schloss_target_t target;
    schloss_prepare_t *prepare; /* NULL: not begun */
    CURL *curl;                 /* NULL: no request under way */
    struct curl_slist *headers;
    char *body;
    size_t len, requests;
    bool done;
} job_t;

static size_t collect(char *ptr, size_t size, size_t n, void *user) {
    job_t *job = user;
    size_t len = size * n;
    char *more = len > MAX_BODY - job->len ? NULL : realloc(job->body, job->len + len);
    if (more == NULL) {
        return 0;
    }
    memcpy(more + job->len, ptr, len);
    job->body = more;
    job->len += len;
    return len;
}

/* Hands the wanted request to curl; everything is borrowed until the answer is fed. */
static void send_request(CURLM *loop, job_t *job) {
    const schloss_http_request_t *req = schloss_prepare_request(job->prepare);
    job->curl = curl_easy_init();
    job->len = 0;
    job->requests++;
    for (size_t i = 0; i < req->n_headers; i++) {
        char line[1024];
        (void)snprintf(line, sizeof(line), "%s: %s", req->headers[i].name, req->headers[i].value);
        job->headers = curl_slist_append(job->headers, line);
    }
    curl_easy_setopt(job->curl, CURLOPT_URL, req->url);
    curl_easy_setopt(job->curl, CURLOPT_CUSTOMREQUEST, req->method);
    curl_easy_setopt(job->curl, CURLOPT_HTTPHEADER, job->headers);
    if (req->body.len > 0) {
        curl_easy_setopt(job->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.len);
        curl_easy_setopt(job->curl, CURLOPT_POSTFIELDS, (const char *)req->body.ptr);
    }
    curl_easy_setopt(job->curl, CURLOPT_TIMEOUT_MS, (long)req->timeout_ms);
    curl_easy_setopt(job->curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(job->curl, CURLOPT_WRITEDATA, job);
    curl_easy_setopt(job->curl, CURLOPT_PRIVATE, job);
    curl_multi_add_handle(loop, job->curl);
}

/* A request has ended: feed what came. */
static void feed(CURLM *loop, const CURLMsg *msg, schloss_error_t *err) {
    job_t *job = NULL;
    long status = 0;
    curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &job);
    curl_easy_getinfo(msg->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    if (msg->data.result == CURLE_OK) {
        must(schloss_prepare_feed(job->prepare, (int)status, schloss_bytes(job->body, job->len), 0, err), err);
    } else {
        must(schloss_prepare_feed_failure(job->prepare, SCHLOSS_E_CONNECT, curl_easy_strerror(msg->data.result), err),
             err);
    }
    curl_multi_remove_handle(loop, job->curl);
    curl_easy_cleanup(job->curl);
    curl_slist_free_all(job->headers);
    job->curl = NULL;
    job->headers = NULL;
}

/* Goes as far as it can without waiting. Returns the milliseconds after which to call again. */
static int advance(CURLM *loop, job_t *job, schloss_bytes_t record, schloss_error_t *err) {
    for (;;) {
        if (job->prepare == NULL) {
            schloss_encoded_t encoded;
            schloss_rc rc = schloss_serialize_try(job->ser, &job->target, record, &encoded, err);
            if (rc != SCHLOSS_NEED_KEY) {
                must(rc, err);
                (void)printf("%s: %zu bytes after %zu requests\n", job->target.topic, encoded.value.len, job->requests);
                job->done = true;
                return 0;
            }
            must(schloss_serializer_prepare_begin(job->ser, &job->target, &job->prepare, err), err);
        }
        schloss_rc rc = schloss_prepare_step(job->prepare, err);
        if (rc == SCHLOSS_NEED_IO) {
            send_request(loop, job);
            return 1000;
        }
        if (rc == SCHLOSS_NEED_WAIT) { /* back-off, or another job is fetching the same thing */
            return (int)schloss_prepare_wait_ms(job->prepare);
        }
        must(rc, err);
        schloss_prepare_free(job->prepare);
        job->prepare = NULL;
    }
}

int main(int argc, char **argv) {
    static const uint8_t record[] = "\2\6Ada\36ada@example.org\026078-05-1120\14London"; /* a customer, Avro binary */
    size_t n = argc < 2 ? 0 : (size_t)argc - 1;
    job_t *jobs = calloc(n + 1, sizeof(*jobs));
    const char *const settings[] = {"schloss.refresh.thread", "false", NULL};
    schloss_error_t *err = schloss_error_new();
    schloss_client_t *client = connect_client(settings, err);
    CURLM *loop = curl_multi_init();
    for (size_t i = 0; i < n; i++) {
        jobs[i].target.topic = argv[i + 1];
        must(schloss_serializer_new(client, NULL, &jobs[i].ser, err), err);
    }
    for (size_t left = n; left > 0;) {
        int running = 0, wait = 1000;
        left = 0;
        for (size_t i = 0; i < n; i++) {
            if (!jobs[i].done && jobs[i].curl == NULL) {
                int ms = advance(loop, &jobs[i], schloss_bytes(record, sizeof(record) - 1), err);
                wait = ms < wait ? ms : wait;
            }
            left += !jobs[i].done;
        }
        curl_multi_poll(loop, NULL, 0, left > 0 ? wait : 0, NULL); /* an application's own sockets fit in here */
        curl_multi_perform(loop, &running);
        for (const CURLMsg *msg; (msg = curl_multi_info_read(loop, &running)) != NULL;) {
            feed(loop, msg, err);
        }
    }
    for (size_t i = 0; i < n; i++) {
        schloss_serializer_free(jobs[i].ser);
        free(jobs[i].body);
    }
    free(jobs);
    curl_multi_cleanup(loop);
    schloss_client_free(client);
    schloss_error_free(err);
    return 0;
}
