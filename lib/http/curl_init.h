/* Initialising libcurl, once per process. Internal to this room. */
#ifndef HTTP_CURL_INIT_H
#define HTTP_CURL_INIT_H

#include <curl/curl.h>

CURLcode curl_init_once(void);

#endif
