/* A header of a KMIP request of the transport hook: whom the server's certificate must name, if not the URL's host. */
#ifndef HTTP_KMIP_NAME_H
#define HTTP_KMIP_NAME_H

#define KMIP_SERVER_NAME "TLS-Server-Name"

#endif
