/*
 * address.h
 *		Addresses of the network that a webhook may be delivered to.
 */
#ifndef LEADTERRA_WORKER_ADDRESS_H
#define LEADTERRA_WORKER_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include <glib.h>

/* A network: the first `length` bits of an address. */
typedef struct AddressNetwork
{
	int			family;			/* AF_INET or AF_INET6 */
	unsigned char bytes[16];	/* the first 4 for AF_INET; what is behind the length is 0 */
	int			length;
} AddressNetwork;

extern bool address_network_read(const char *text, AddressNetwork *network);
extern bool address_may_be_reached(const struct sockaddr *address, const GArray *allowed);

#endif
