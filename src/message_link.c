/*
 * message_link.c
 *		The links by which people unsubscribe.
 *
 * A link ends in a token: the workspace in 26 digits, by which a gateway finds its
 * database; then, in base64url (RFC 4648, section 5), the message, the hash of the address
 * that it is sent to, and 16 bytes of an HMAC-SHA256 over all three (RFC 2104).  So what a
 * token asks for can be done when nothing is left of the message.  The keys of hash and
 * HMAC are the workspace's own and never change: whoever knows ids and addresses can make
 * no token, and a link in a mail is good for ever.  They are made with the first address
 * that links begin with.
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
#include "suppression.h"
#include "typeid.h"

PG_FUNCTION_INFO_V1(lt_set_unsubscribe_url);

#define MAC_LENGTH 16
#define TOKEN_LENGTH (TYPEID_DIGITS + SEALED_LENGTH)
#define URL_MAX 1000

/* What a token says, in the order in which it is signed; the workspace is not in SEALED_LENGTH. */
typedef struct TokenBytes
{
	pg_uuid_t	workspace;
	pg_uuid_t	message_id;
	uint8		hash[SUPPRESSION_HASH_LENGTH];
	uint8		mac[MAC_LENGTH];
} TokenBytes;

#define SIGNED_BYTES offsetof(TokenBytes, mac)
#define SEALED_BYTES (sizeof(TokenBytes) - UUID_LEN)
#define SEALED_LENGTH ((int) SEALED_BYTES / 3 * 4)

StaticAssertDecl(SEALED_BYTES % 3 == 0, "one token has one spelling");

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

/* Copies a string of a row. */
static LeadString
copy_string(Datum value)
{
	bytea	   *copy = DatumGetByteaPCopy(value);

	return (LeadString) {VARDATA_ANY(copy), VARSIZE_ANY_EXHDR(copy)};
}

/* Reads what the links of a workspace are made with.  Runs in SPI. */
static void
read_links(MessageLinks *links, Datum workspace)
{
	Datum		values[2];
	bool		nulls[2] = {true, true};

	memset(links, 0, sizeof(MessageLinks));
	links->workspace = workspace;
	if (statement_execute(&find_links, &workspace, NULL) > 0)
		statement_row(0, values, nulls);
	/* A longer one was written by hand. */
	if (!nulls[0] && VARSIZE_ANY_EXHDR(DatumGetTextPP(values[0])) <= URL_MAX)
		links->base = copy_string(values[0]);
	if (!nulls[1])
		links->key = copy_string(values[1]);
}

/* The same for who makes links.  Runs in SPI. */
void
message_links_read(MessageLinks *links, Datum workspace)
{
	read_links(links, workspace);
	if (links->base.data)
		links->address_key = suppression_ensure_key(workspace);
}

/* Computes the code of what is signed. */
static void
compute_mac(const LeadString *key, const TokenBytes *bytes, uint8 *mac)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];

	digest_hmac(key->data, key->length, bytes, SIGNED_BYTES, digest);
	memcpy(mac, digest, MAC_LENGTH);
}

/* Returns the link of a message to an address, empty where the workspace has no address for it. */
LeadString
message_link(const MessageLinks *links, const pg_uuid_t *message_id, const text *email)
{
	TokenBytes	bytes;
	char	   *link;
	char	   *sealed;

	if (links->base.data == NULL)
		return (LeadString) {NULL, 0};
	bytes.workspace = *DatumGetUUIDP(links->workspace);
	bytes.message_id = *message_id;
	suppression_hash(links->address_key, VARDATA_ANY(email), VARSIZE_ANY_EXHDR(email), bytes.hash);
	compute_mac(&links->key, &bytes, bytes.mac);

	link = palloc(links->base.length + TOKEN_LENGTH + 1);
	memcpy(link, links->base.data, links->base.length);
	typeid_write(&bytes.workspace, link + links->base.length);
	sealed = link + links->base.length + TYPEID_DIGITS;
	if (pg_b64_encode((void *) &bytes.message_id, SEALED_BYTES,
					  sealed, SEALED_LENGTH) != SEALED_LENGTH)
		elog(ERROR, "could not encode a token");
	for (char *c = sealed; c < sealed + SEALED_LENGTH; c++)
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

/* Reads what a token says; false if that is malformed. */
static bool
read_token(const char *token, int length, TokenBytes *bytes)
{
	char		standard[SEALED_LENGTH];

	if (length != TOKEN_LENGTH || !typeid_read(token, &bytes->workspace))
		return false;
	for (int i = 0; i < SEALED_LENGTH; i++)
	{
		char		c = token[TYPEID_DIGITS + i];

		/* One token has one spelling. */
		if (c == '+' || c == '/')
			return false;
		standard[i] = c == '-' ? '+' : c == '_' ? '/' : c;
	}
	return pg_b64_decode(standard, SEALED_LENGTH,
						 (void *) &bytes->message_id, SEALED_BYTES) == SEALED_BYTES;
}

/*
 * Reads a token: the workspace, the message, and the entry that stands for the address
 * that it was sent to.  False if it is none that message_link() made.  Runs in SPI.
 */
bool
message_link_parse(const text *token, MessageToken *parsed)
{
	TokenBytes	bytes;
	uint8		mac[MAC_LENGTH];
	MessageLinks links;

	if (!read_token(VARDATA_ANY(token), VARSIZE_ANY_EXHDR(token), &bytes))
		return false;
	context_require_open(&bytes.workspace, CONTEXT_WRITES);
	read_links(&links, UUIDPGetDatum(&bytes.workspace));
	if (links.key.data == NULL)
		return false;
	compute_mac(&links.key, &bytes, mac);
	if (!macs_equal(mac, bytes.mac))
		return false;
	parsed->workspace = bytes.workspace;
	parsed->message_id = bytes.message_id;
	parsed->entry = suppression_hash_entry(bytes.hash);
	return true;
}

/* SQL: lt_set_unsubscribe_url(base_url) */
Datum
lt_set_unsubscribe_url(PG_FUNCTION_ARGS)
{
	Datum		values[] = {context_enter("workspaces:update"),
	PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0)};

	if (!PG_ARGISNULL(0))
	{
		char	   *url = text_to_cstring(PG_GETARG_TEXT_PP(0));

		if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
			error_raise(ERROR_INVALID_REQUEST,
						"base_url must begin with \"https://\" or \"http://\"");
		if (strlen(url) > URL_MAX)
			error_raise(ERROR_INVALID_REQUEST, "base_url must have at most %d bytes", URL_MAX);
		for (const char *c = url; *c; c++)
		{
			if (*c <= ' ' || *c >= 0x7f || strchr("\"<>\\^`{|}", *c))
				error_raise(ERROR_INVALID_REQUEST,
							"base_url \"%s\" has characters that a URL has not", url);
		}
	}
	statement_connect();
	context_ensure_workspace();
	statement_execute(PG_ARGISNULL(0) ? &remove_url : &set_url, values, NULL);
	/* So that claims do not wait for each other to make it. */
	if (!PG_ARGISNULL(0))
		(void) suppression_ensure_key(values[0]);
	statement_finish();
	PG_RETURN_VOID();
}
