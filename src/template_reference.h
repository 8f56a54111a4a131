/*
 * template_reference.h
 *		Character references of HTML.
 */
#ifndef LEADTERRA_TEMPLATE_REFERENCE_H
#define LEADTERRA_TEMPLATE_REFERENCE_H

extern int	template_read_reference(const char *text, const char *end, unsigned int *code_point);

#endif							/* LEADTERRA_TEMPLATE_REFERENCE_H */
