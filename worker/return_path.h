/*
 * return_path.h
 *		Where bounces go to: an address that names the message and proves that it was ours.
 *
 * bounces@example.com becomes bounces+TOKEN@example.com (VERP).  The token is base32, lower
 * case and without padding, of the 16 bytes of the message id and the first 8 of
 * HMAC-SHA256(key, "leadterra return path" NUL id).
 */
#ifndef LEADTERRA_WORKER_RETURN_PATH_H
#define LEADTERRA_WORKER_RETURN_PATH_H

#include <glib.h>
#include <stdbool.h>

typedef struct ReturnPath ReturnPath;

/*
 * Makes one of an address and a key of at least 16 bytes.  Null and an error where the address
 * is none, where its local part leaves no room for a token, or where the key is too short.
 */
extern ReturnPath *return_path_new(const char *address, const char *key, gsize key_length,
							GError **error);
extern void return_path_free(ReturnPath *return_path);

/* Returns the address for a message, to be freed; null where the id is no UUID. */
extern char *return_path_address(const ReturnPath *return_path, const char *message_id);

/*
 * Reads the id of a message from an address, in any letter case.  True proves that we sent
 * the message: its code is right.  Where it is false, the id is "".
 */
extern bool return_path_read(const ReturnPath *return_path, const char *address,
							 char message_id[37]);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReturnPath, return_path_free)

#endif
