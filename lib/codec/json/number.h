/* JSON numbers compared and divided exactly as decimals, up to 27 digits; beyond that as doubles. */
#ifndef CODEC_JSON_NUMBER_H
#define CODEC_JSON_NUMBER_H

#include "codec/json/scan.h"

int json_number_compare(json_span_t a, json_span_t b); /* -1, 0, 1 */
bool json_number_is_integer(json_span_t a);
bool json_number_is_multiple(json_span_t a, json_span_t of); /* of > 0 */

#endif
