/*
 * test_apart.c
 *		What becomes of a function that crashes, hangs, or takes too much.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apart.h"
#include "tap.h"

static GVariant *
answer(void *data)
{
	return g_variant_new("(sms)", (const char *) data, NULL);
}

static GVariant *
say_nothing(void *data)
{
	(void) data;
	return NULL;
}

static GVariant *
crash(void *data)
{
	(void) data;
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
	return NULL;
}

static GVariant *
leave(void *data)
{
	(void) data;
	_exit(3);
}

static GVariant *
turn(void *data)
{
	(void) data;
	/* As a loop without an end is ended. */
	raise(SIGXCPU);
	return NULL;
}

static GVariant *
say_too_much(void *data)
{
	char	   *text = g_malloc0(1024 * 1024 + 1);

	(void) data;
	memset(text, 'x', 1024 * 1024);
	return g_variant_new("(sms)", text, NULL);
}

/* Bytes that are no value of that type. */
static GVariant *
say_nonsense(void *data)
{
	(void) data;
	return g_variant_new_string("\xc3\xa9 and more");
}

static void
check_fails(ApartFunction function, const char *name)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) value = apart_run(function, NULL, "(sms)", &error);

	ok(value == NULL && error != NULL, "%s: %s", name, error ? error->message : "no error");
}

int
main(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) value = apart_run(answer, "text", "(sms)", &error);
	g_autoptr(GVariant) nothing = apart_run(say_nothing, NULL, "(sms)", &error);
	g_autoptr(GVariant) nonsense = NULL;
	const char *text = NULL;
	const char *other = "";

	if (value)
		g_variant_get(value, "(&sm&s)", &text, &other);
	ok(g_strcmp0(text, "text") == 0 && other == NULL, "a value");
	ok(nothing == NULL && error == NULL, "no value");
	check_fails(crash, "a crash");
	check_fails(leave, "an exit");
	check_fails(turn, "a loop");
	check_fails(say_too_much, "too much");
	nonsense = apart_run(say_nonsense, NULL, "(sms)", &error);
	ok(nonsense != NULL && error == NULL && g_variant_is_normal_form(nonsense),
	   "nonsense becomes a value of the type");
	return done_testing();
}
