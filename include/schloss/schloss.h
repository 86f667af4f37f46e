/* libschloss: client-side encryption for Apache Kafka. Includes everything but the librdkafka glue (kafka.h) and the
 * extension headers (ext/). */
#ifndef SCHLOSS_SCHLOSS_H
#define SCHLOSS_SCHLOSS_H

#include <schloss/avro.h>
#include <schloss/bytes.h>
#include <schloss/client.h>
#include <schloss/conf.h>
#include <schloss/error.h>
#include <schloss/log.h>
#include <schloss/serde.h>
#include <schloss/version.h>

#endif
