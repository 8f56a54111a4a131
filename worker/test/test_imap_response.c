/*
 * test_imap_response.c
 *		What servers answer, whole and byte by byte.
 */
#include <string.h>

#include "imap_response.h"
#include "tap.h"

#define MAIL \
	"* 12 FETCH (FLAGS (\\Seen $Forwarded (\"a\" NIL)) UID 4827313 RFC822.SIZE 44827" \
	" BODY[HEADER.FIELDS (\"TO\" CC)]<0> {8}\r\nL1 OK\r\n))\r\n"

typedef struct ScanCase
{
	const char *name;
	const char *bytes;
	gsize		length;			/* of the first response; 0: it is not whole */
} ScanCase;

static const ScanCase scans[] = {
	{"a line", "* 23 EXISTS\r\n* 1 RECENT\r\n", 13},
	{"a line that ends without a carriage return", "* 23 EXISTS\n", 12},
	{"a part of a line", "* 23 EXISTS\r", 0},
	{"a literal", MAIL "more", sizeof(MAIL) - 1},
	{"a literal that is to come", "* 1 FETCH (BODY[] {5}\r\n1234", 0},
	{"what follows a literal is to come", "* 1 FETCH (BODY[] {5}\r\n12345)", 0},
	{"two literals", "* 1 FETCH (BODY[1] {1}\r\n\n BODY[2] {2}\r\n\r\n)\r\nL1 OK\r\n", 44},
	{"an empty literal", "* 1 FETCH (BODY[] {0}\r\n)\r\n", 26},
	{"a literal of another kind", "* 1 FETCH (BODY[] {3+}\r\n\n\n\n)\r\n", 30},
	{"free text that looks like one", "* OK see {1000}\r\n", 17},
	{"free text of a command", "L1 NO no such {10}\r\n", 20},
	{"a continuation", "+ {10}\r\n", 8},
	{"braces without a number", "* 1 FETCH (X {}\r\n", 17},
	{"a sign", "* 1 FETCH (X {-1}\r\n", 19},
	{"no opening brace", "* 1 FETCH (X 10}\r\n", 18},
};

static void
check_scan(void)
{
	static const char *const broken[] = {
		"* 1 FETCH (BODY[] {33554433}\r\n",
		"* 1 FETCH (BODY[] {99999999999999999999999999999}\r\n",
		"* 1 FETCH (BODY[] {18446744073709551615}\r\n",
	};
	GString    *line = g_string_new("* SEARCH");
	ImapScan	scan = {.at = 0};

	for (size_t i = 0; i < G_N_ELEMENTS(scans); i++)
	{
		gsize		size = strlen(scans[i].bytes);
		gsize		given = 0;
		ImapScanned state = IMAP_MORE;
		ImapScan	pieces = {.at = 0};

		scan = (ImapScan) {.at = 0};
		ok(imap_scan(&scan, scans[i].bytes, size) ==
				   (scans[i].length ? IMAP_COMPLETE : IMAP_MORE) &&
			   (scans[i].length == 0 || scan.at == scans[i].length),
		   "%s", scans[i].name);
		while (state == IMAP_MORE && given++ < size)
			state = imap_scan(&pieces, scans[i].bytes, given);
		ok(state == (scans[i].length ? IMAP_COMPLETE : IMAP_MORE) &&
		   (scans[i].length == 0 || (pieces.at == scans[i].length && given == scans[i].length)),
		   "%s, byte by byte", scans[i].name);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(broken); i++)
	{
		scan = (ImapScan) {.at = 0};
		ok(imap_scan(&scan, broken[i], strlen(broken[i])) == IMAP_BROKEN, "%.*s",
		   (int) strcspn(broken[i], "\r"), broken[i]);
	}
	scan = (ImapScan) {.at = 0};
	while (line->len <= IMAP_RESPONSE_MAX)
		g_string_append(line, " 4294967295 4294967295 4294967295 4294967295 4294967295");
	ok(imap_scan(&scan, line->str, line->len) == IMAP_BROKEN, "a line without an end");
	g_string_free(line, TRUE);
}

static ImapKind
kind(const char *response)
{
	return imap_read_kind(response, strlen(response), "L1");
}

static void
check_lines(void)
{
	g_autoptr(GArray) uids = g_array_new(FALSE, FALSE, sizeof(guint32));
	const char *code = "* OK [UIDNEXT 4294967295] Predicted\r\n";
	const char *big = "* OK [UIDNEXT 4294967296]\r\n";
	const char *search = "* SEARCH 3 4294967295 17\r\n";
	const char *broken = "* SEARCH 5 x 6\r\n";
	guint32		number = 0;

	ok(kind("L1 OK done\r\n") == IMAP_OK, "done");
	ok(kind("L1 no [ALERT]\r\n") == IMAP_NO, "refused");
	ok(kind("L1 BAD what\r\n") == IMAP_BAD, "not understood");
	ok(kind("L11 OK done\r\n") == IMAP_UNTAGGED, "the tag of another command");
	ok(kind("L1\r\n") == IMAP_UNTAGGED, "a tag alone");
	ok(kind("* OK hi\r\n") == IMAP_UNTAGGED, "a status");
	ok(kind("+ go on\r\n") == IMAP_CONTINUATION, "a continuation");

	ok(imap_read_code(code, strlen(code), "UIDNEXT", &number) && number == G_MAXUINT32,
	   "a number in a status");
	ok(!imap_read_code(code, strlen(code), "UIDVALIDITY", &number), "another one");
	ok(!imap_read_code(big, strlen(big), "UIDNEXT", &number), "a number that is too large");
	ok(!imap_read_code("* OK [UIDNEXT 0]", 16, "UIDNEXT", &number), "no number of a mail");

	imap_read_search(search, strlen(search), uids);
	ok(uids->len == 3 && g_array_index(uids, guint32, 1) == G_MAXUINT32 &&
	   g_array_index(uids, guint32, 2) == 17, "what a search found");
	imap_read_search(broken, strlen(broken), uids);
	ok(uids->len == 4, "as far as it can be read");
	imap_read_search("* SEARCH\r\n", 10, uids);
	imap_read_search("* 5 EXISTS\r\n", 12, uids);
	ok(uids->len == 4, "nothing found");
}

typedef struct FetchCase
{
	const char *name;
	const char *response;
	guint32		uid;			/* 0: it is not what a fetch returns */
	const char *data;
} FetchCase;

static const FetchCase fetches[] = {
	{"a mail", MAIL, 4827313, "L1 OK\r\n)"},
	{"a string in quotes", "* 1 FETCH (BODY[] \"a \\\"b\\\\ {3}\" UID 5)\r\n", 5, "a \"b\\ {3}"},
	{"nothing", "* 1 FETCH (UID 5 BODY[] NIL)\r\n", 5, NULL},
	{"an empty mail", "* 1 FETCH (UID 5 BODY[] {0}\r\n)\r\n", 5, ""},
	{"flags alone", "* 1 FETCH (FLAGS (\\Seen) UID 5)\r\n", 5, NULL},
	{"any letter case", "* 1 fetch (uid 5 body[] {1}\r\nx)\r\n", 5, "x"},
	{"the first of two", "* 1 FETCH (UID 5 BODY[] {1}\r\nx BODY[] {1}\r\ny)\r\n", 5, "x"},
	{"a list of strings", "* 1 FETCH (X (\"a\" ({1}\r\nb NIL)) UID 5)\r\n", 5, NULL},
	{"a part of it", "* 1 FETCH (UID 5 BODY[]<0> {1}\r\nx)\r\n", 5, "x"},
	{"another response", "* 23 EXISTS\r\n", 0, NULL},
	{"no end", "* 1 FETCH (UID 5 BODY[] {1}\r\nx\r\n", 0, NULL},
	{"a literal that is too short", "* 1 FETCH (UID 5 BODY[] {9}\r\nx)\r\n", 0, NULL},
	{"quotes without an end", "* 1 FETCH (UID 5 BODY[] \"x)\r\n", 0, NULL},
	{"a backslash at the end", "* 1 FETCH (UID 5 BODY[] \"x\\", 0, NULL},
	{"no value", "* 1 FETCH (UID 5 BODY[])\r\n", 0, NULL},
	{"no UID", "* 1 FETCH (UID x BODY[] NIL)\r\n", 0, NULL},
	{"a UID that is too large", "* 1 FETCH (UID 4294967296 BODY[] NIL)\r\n", 0, NULL},
	{"too many lists", "* 1 FETCH (X (((((((((((((((((((((a)))))))))))))))))))))))\r\n", 0, NULL},
	{"a list without an end", "* 1 FETCH (X (a UID 5", 0, NULL},
};

static void
check_fetch(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(fetches); i++)
	{
		gsize		length = strlen(fetches[i].response);
		char	   *response = g_memdup2(fetches[i].response, length);
		ImapMail	mail;
		bool		is_read = imap_read_fetch(response, length, &mail);

		ok(is_read == (fetches[i].uid != 0) &&
		   (!is_read || (mail.uid == fetches[i].uid &&
						 g_strcmp0(mail.data, fetches[i].data) == 0 &&
						 mail.length == (mail.data ? strlen(mail.data) : 0))),
		   "%s", fetches[i].name);
		g_free(mail.data);
		g_free(response);
	}
}

int
main(void)
{
	check_scan();
	check_lines();
	check_fetch();
	return done_testing();
}
