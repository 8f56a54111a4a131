/*
 * fuzz_config.c
 *		Fuzz target: configurations.
 */
#include <stdint.h>
#include <stdlib.h>

#include "config.h"

#define CHECK(condition) do { if (!(condition)) abort(); } while (0)

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GError	   *error = NULL;
	Config	   *config = config_parse((const char *) data, size, "file", &error);

	/* Either there is a configuration that is whole, or it is said what is wrong. */
	CHECK((config == NULL) == (error != NULL));
	if (error)
		CHECK(g_str_has_prefix(error->message, "file: "));
	else
	{
		CHECK(config->name && config->state && config->schema && config->connection);
		for (guint i = 0; i < config->transports->len; i++)
		{
			const ConfigTransport *transport = g_ptr_array_index(config->transports, i);

			CHECK(transport->name && transport->host && transport->port > 0 &&
				  transport->connections > 0 && transport->timeout > 0);
			CHECK((transport->user == NULL) == (transport->password == NULL));
		}
	}
	config_free(config);
	g_clear_error(&error);
	return 0;
}
