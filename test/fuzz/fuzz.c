/*
 * fuzz.c
 *		Runs libFuzzer in a backend, and what the fuzz targets share.
 *
 * The targets call the module's own code, and that calls the server: numbers,
 * jsonb, errors and memory are the real ones.  So the module, these files and
 * libFuzzer are linked into one library, which a single-user backend loads.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "fuzz.h"

PG_FUNCTION_INFO_V1(fuzz);

/* Of libFuzzer: exits when it is done. */
extern int	LLVMFuzzerRunDriver(int *argc, char ***argv,
								int (*run) (const uint8 *data, size_t size));

#define ARGUMENTS_MAX 32

static const struct
{
	const char *name;
	void		(*run) (const char *data, int length);
}			targets[] =
{
	{"email", fuzz_email},
	{"template", fuzz_template},
	{"typeid", fuzz_typeid},
	{"json", fuzz_json},
	{"lead", fuzz_lead},
	{"error", fuzz_error},
	{"answer", fuzz_answer},
};

static void (*run_target) (const char *data, int length);

/* Runs the target on one input. */
static int
run(const uint8 *data, size_t size)
{
	/*
	 * With block sizes that are not the usual ones, for the server keeps the
	 * blocks of such contexts, and the sanitizer would not see them go.
	 */
	MemoryContext context = AllocSetContextCreate(TopMemoryContext, "fuzz input",
												  0, 4096, 1024 * 1024);
	MemoryContext old_context = MemoryContextSwitchTo(context);

	PG_TRY();
	{
		run_target((const char *) data, size);
	}
	PG_CATCH();
	{
		EmitErrorReport();
		fuzz_fail("no error but those that are expected", __FILE__, __LINE__);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	return 0;
}

/*
 * SQL: fuzz(program, target, arguments)
 *
 * libFuzzer starts the program with the target and other arguments to have them
 * run by another process.  Its arguments are separated by spaces.
 */
Datum
fuzz(PG_FUNCTION_ARGS)
{
	char	   *program = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *arguments[ARGUMENTS_MAX + 1] = {psprintf("%s %s", program, name)};
	char	  **argv = arguments;
	int			argc = 1;

	for (size_t i = 0; i < lengthof(targets); i++)
	{
		if (strcmp(targets[i].name, name) == 0)
			run_target = targets[i].run;
	}
	if (run_target == NULL)
		elog(ERROR, "there is no fuzz target \"%s\"", name);
	for (char *argument = strtok(text_to_cstring(PG_GETARG_TEXT_PP(2)), " ");
		 argument != NULL && argc < ARGUMENTS_MAX; argument = strtok(NULL, " "))
		arguments[argc++] = argument;
	PG_RETURN_INT32(LLVMFuzzerRunDriver(&argc, &argv, run));
}

void
fuzz_fail(const char *promise, const char *file, int line)
{
	fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, promise);
	abort();
}

/*
 * Returns the next part of an input.  It is a copy, so that the sanitizer knows
 * where it ends.
 */
LeadString
fuzz_next_part(const char **data, const char *end)
{
	const char *start = *data;
	const char *stop = memchr(start, FUZZ_SEPARATOR, end - start);
	int			length = (stop ? stop : end) - start;
	char	   *copy = palloc(length);

	memcpy(copy, start, length);
	*data = stop ? stop + 1 : end;
	return (LeadString) {copy, length};
}

/* Says whether a text in UTF-8 has a control character, C0, DEL or C1. */
bool
fuzz_has_control(const char *data, int length)
{
	for (int i = 0; i < length; i++)
	{
		unsigned char c = data[i];

		if (c < ' ' || c == 0x7f)
			return true;
		if (c == 0xc2 && i + 1 < length && (unsigned char) data[i + 1] < 0xa0)
			return true;
	}
	return false;
}

/* Says whether a text is one that a database in UTF-8 takes. */
bool
fuzz_is_utf8(const char *data, int length)
{
	return pg_verify_mbstr(PG_UTF8, data, length, true);
}

/*
 * Calls an SQL function of one or two arguments.  Returns false if it raised an
 * error, which has to be one that a caller can cause.
 */
bool
fuzz_call(PGFunction function, Datum first, Datum second, Datum *result)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool done = false;

	PG_TRY();
	{
		*result = DirectFunctionCall2(function, first, second);
		done = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		FUZZ_CHECK(error->sqlerrcode != ERRCODE_INTERNAL_ERROR);
		FUZZ_CHECK(error->message != NULL && error->message[0] != '\0');
	}
	PG_END_TRY();
	return done;
}

/* Reads a text as jsonb; NULL if it is none. */
Jsonb *
fuzz_jsonb(LeadString text)
{
	Datum		result;

	/* The server checks what clients send before a function sees it. */
	if (!fuzz_is_utf8(text.data, text.length) ||
		!fuzz_call(jsonb_in, CStringGetDatum(pnstrdup(text.data, text.length)), (Datum) 0, &result))
		return NULL;
	return DatumGetJsonbP(result);
}

/* Returns the text of a jsonb value, as the server writes it. */
char *
fuzz_jsonb_text(JsonbValue *value)
{
	Jsonb	   *jsonb = JsonbValueToJsonb(value);

	return JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));
}
