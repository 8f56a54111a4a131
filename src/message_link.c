/*
 * message_link.c
 *		The links by which people unsubscribe.
 *
 * A link ends in a token: workspace, message, and 16 bytes of an HMAC-SHA256
 * over both (RFC 2104), in base64url (RFC 4648, section 5).  The key is the
 * workspace's own, so that whoever knows the ids of messages can make no token.  It is
 * made with the first address that links begin with.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/base64.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "compat.h"
#include "context.h"
#include "digest.h"
#include "error.h"
#include "message.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_set_unsubscribe_url);

#define MAC_LENGTH 16
#define SIGNED_LENGTH (2 * UUID_LEN)
#define TOKEN_BYTES (SIGNED_LENGTH + MAC_LENGTH)
#define TOKEN_LENGTH (TOKEN_BYTES / 3 * 4)
#define URL_MAX 1000

static Statement find_links = STATEMENT(
	"SELECT unsubscribe_url, link_key FROM leadterra.links"
	" WHERE workspace_id = $1",
	SPI_OK_SELECT, UUIDOID);

/* Of two that come first, the key of one stays, whoever has the last word on the address. */
static Statement set_url = STATEMENT(
	"INSERT INTO leadterra.links (workspace_id, unsubscribe_url)"
	" VALUES ($1, $2)"
	" ON CONFLICT (workspace_id) DO UPDATE SET unsubscribe_url = excluded.unsubscribe_url",
	SPI_OK_INSERT, UUIDOID, TEXTOID);

static Statement remove_url = STATEMENT(
	"UPDATE leadterra.links SET unsubscribe_url = NULL"
	" WHERE workspace_id = $1",
	SPI_OK_UPDATE, UUIDOID);

/* Reads what the links of a workspace are made with.  Runs in SPI. */
void
message_links_read(MessageLinks *links, Datum workspace)
{
	Datum		values[2];
	bool		nulls[2] = {true, true};

	memset(links, 0, sizeof(MessageLinks));
	links->workspace = workspace;
	if (statement_execute(&find_links, &workspace, NULL) > 0)
		statement_row(0, values, nulls);
	if (!nulls[0])
	{
		text	   *base = DatumGetTextPCopy(values[0]);

		/* A longer one was written by hand. */
		if (VARSIZE_ANY_EXHDR(base) <= URL_MAX)
			links->base = (LeadString) {VARDATA_ANY(base), VARSIZE_ANY_EXHDR(base)};
	}
	if (!nulls[1])
	{
		bytea	   *key = DatumGetByteaPCopy(values[1]);

		links->key = (LeadString) {VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key)};
	}
}

/* Computes the code of what is signed. */
static void
compute_mac(const LeadString *key, const uint8 *data, uint8 *mac)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];

	digest_hmac(key->data, key->length, data, SIGNED_LENGTH, digest);
	memcpy(mac, digest, MAC_LENGTH);
}

/* Returns the link of a message, empty where the workspace has no address for it. */
LeadString
message_link(const MessageLinks *links, const pg_uuid_t *message_id)
{
	uint8		bytes[TOKEN_BYTES];
	char	   *link;

	if (links->base.data == NULL)
		return (LeadString) {NULL, 0};
	memcpy(bytes, DatumGetUUIDP(links->workspace), UUID_LEN);
	memcpy(bytes + UUID_LEN, message_id, UUID_LEN);
	compute_mac(&links->key, bytes, bytes + SIGNED_LENGTH);

	link = palloc(links->base.length + TOKEN_LENGTH + 1);
	memcpy(link, links->base.data, links->base.length);
	if (pg_b64_encode((void *) bytes, TOKEN_BYTES, link + links->base.length, TOKEN_LENGTH) != TOKEN_LENGTH)
		elog(ERROR, "could not encode a token");
	for (char *c = link + links->base.length; c < link + links->base.length + TOKEN_LENGTH; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	return (LeadString) {link, links->base.length + TOKEN_LENGTH};
}

/* Compares codes in a time that does not tell where they differ. */
static bool
macs_equal(const uint8 *a, const uint8 *b)
{
	volatile uint8 difference = 0;

	for (int i = 0; i < MAC_LENGTH; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}

/*
 * Reads a token; false if it is none that message_link() made.  Runs in SPI.
 */
bool
message_link_parse(const char *token, int length, pg_uuid_t *workspace, pg_uuid_t *message_id)
{
	char		standard[TOKEN_LENGTH];
	uint8		bytes[TOKEN_BYTES];
	uint8		mac[MAC_LENGTH];
	MessageLinks links;

	if (length != TOKEN_LENGTH)
		return false;
	for (int i = 0; i < TOKEN_LENGTH; i++)
	{
		/* One token has one spelling. */
		if (token[i] == '+' || token[i] == '/')
			return false;
		standard[i] = token[i] == '-' ? '+' : token[i] == '_' ? '/' : token[i];
	}
	if (pg_b64_decode(standard, TOKEN_LENGTH, (void *) bytes, TOKEN_BYTES) != TOKEN_BYTES)
		return false;
	memcpy(workspace, bytes, UUID_LEN);
	memcpy(message_id, bytes + UUID_LEN, UUID_LEN);
	message_links_read(&links, UUIDPGetDatum(workspace));
	if (links.key.data == NULL)
		return false;
	compute_mac(&links.key, bytes, mac);
	return macs_equal(mac, bytes + SIGNED_LENGTH);
}

/* SQL: lt_set_unsubscribe_url(base_url) */
Datum
lt_set_unsubscribe_url(PG_FUNCTION_ARGS)
{
	Datum		values[] = {context_enter("workspaces:update"), PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0)};

	if (!PG_ARGISNULL(0))
	{
		char	   *url = text_to_cstring(PG_GETARG_TEXT_PP(0));

		if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
			error_raise(ERROR_INVALID_REQUEST, "base_url must begin with \"https://\" or \"http://\"");
		if (strlen(url) > URL_MAX)
			error_raise(ERROR_INVALID_REQUEST, "base_url must have at most %d bytes", URL_MAX);
		for (const char *c = url; *c; c++)
		{
			if (*c <= ' ' || *c >= 0x7f || strchr("\"<>\\^`{|}", *c))
				error_raise(ERROR_INVALID_REQUEST, "base_url \"%s\" has characters that a URL has not", url);
		}
	}
	statement_connect();
	context_ensure_workspace();
	statement_execute(PG_ARGISNULL(0) ? &remove_url : &set_url, values, NULL);
	statement_finish();
	PG_RETURN_VOID();
}
