/*
 * fuzz.h
 *		What the fuzz targets share.
 *
 * A target reads an input, calls the code, and checks what the code promises.
 * It runs in a memory context of its own, which is deleted behind it.
 */
#ifndef LEADTERRA_FUZZ_H
#define LEADTERRA_FUZZ_H

#include "fmgr.h"
#include "utils/jsonb.h"

#include "lead_field.h"

/* Ends the run, and libFuzzer keeps the input, where a promise is broken. */
#define FUZZ_CHECK(promise) \
	do { \
		if (!(promise)) \
			fuzz_fail(#promise, __FILE__, __LINE__); \
	} while (0)

/* What stands between the parts of an input: a control character that nothing else needs. */
#define FUZZ_SEPARATOR '\x1e'

extern void fuzz_fail(const char *promise, const char *file, int line);
extern LeadString fuzz_next_part(const char **data, const char *end);
extern bool fuzz_has_control(const char *data, int length);
extern bool fuzz_is_utf8(const char *data, int length);
extern bool fuzz_call(PGFunction function, Datum first, Datum second, Datum *result);
extern Jsonb *fuzz_jsonb(LeadString text);
extern char *fuzz_jsonb_text(JsonbValue *value);

extern void fuzz_email(const char *data, int length);
extern void fuzz_template(const char *data, int length);
extern void fuzz_typeid(const char *data, int length);
extern void fuzz_json(const char *data, int length);
extern void fuzz_lead(const char *data, int length);
extern void fuzz_error(const char *data, int length);
extern void fuzz_answer(const char *data, int length);

#endif							/* LEADTERRA_FUZZ_H */
