/*
 * verify.h
 *		Finds out which addresses take mail, as far as that can be known from here.
 */
#ifndef LEADTERRA_WORKER_VERIFY_H
#define LEADTERRA_WORKER_VERIFY_H

#include "config.h"

extern int	verify_run(const Config *config, const Options *options);

#endif
