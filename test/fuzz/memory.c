/*
 * memory.c
 *		Memory of the server in pieces whose ends the sanitizer knows.
 *
 * palloc() cuts pieces out of blocks, and behind a piece lies the next, so that
 * AddressSanitizer sees nothing wrong with a write across.  The linker leads the
 * calls of the module and of the targets (--wrap) to here, where a few bytes
 * behind each piece are marked.  The server's own pieces stay as they are.
 */
#include "postgres.h"

#include <sanitizer/asan_interface.h>

#include "utils/memutils.h"

#define FENCE 16

extern void *__real_palloc(Size size);
extern void *__real_palloc0(Size size);
extern void *__real_repalloc(void *pointer, Size size);
extern void *__real_repalloc_huge(void *pointer, Size size);
extern void *__real_MemoryContextAllocHuge(MemoryContext context, Size size);
extern void __real_pfree(void *pointer);

extern void *__wrap_palloc(Size size);
extern void *__wrap_palloc0(Size size);
extern void *__wrap_repalloc(void *pointer, Size size);
extern void *__wrap_repalloc_huge(void *pointer, Size size);
extern void *__wrap_MemoryContextAllocHuge(MemoryContext context, Size size);
extern void __wrap_pfree(void *pointer);

/* Marks what is behind a piece. */
static void *
fence(void *pointer, Size size)
{
	ASAN_POISON_MEMORY_REGION((char *) pointer + size, FENCE);
	return pointer;
}

/* Takes the marks away from a piece that the server is to have back. */
static void *
unfence(void *pointer)
{
	/* With its header, of which there are 8 bytes at least. */
	ASAN_UNPOISON_MEMORY_REGION(pointer, GetMemoryChunkSpace(pointer) - 8);
	return pointer;
}

void *
__wrap_palloc(Size size)
{
	return fence(__real_palloc(size + FENCE), size);
}

void *
__wrap_palloc0(Size size)
{
	return fence(__real_palloc0(size + FENCE), size);
}

void *
__wrap_repalloc(void *pointer, Size size)
{
	return fence(__real_repalloc(unfence(pointer), size + FENCE), size);
}

void *
__wrap_repalloc_huge(void *pointer, Size size)
{
	return fence(__real_repalloc_huge(unfence(pointer), size + FENCE), size);
}

void *
__wrap_MemoryContextAllocHuge(MemoryContext context, Size size)
{
	return fence(__real_MemoryContextAllocHuge(context, size + FENCE), size);
}

void
__wrap_pfree(void *pointer)
{
	__real_pfree(unfence(pointer));
}
