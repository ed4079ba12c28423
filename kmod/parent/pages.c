// SPDX-License-Identifier: GPL-2.0-only
/*
 * twostep parent: pages that children hand to each other without a copy.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 *
 * The same pages are mapped twice, once read-only. The address to write to is
 * told to one instance only, the writer; it changes when a hold is won.
 */
#include <linux/vmalloc.h>

#include "parent.h"

struct twostep_pages {
	struct kref ref;
	u64 bytes;
	void *writable;
	const void *readable;
	const void *writer;	/* instance data; changes only within a hold */
};

static void twostep_pages_free(struct kref *ref)
{
	struct twostep_pages *pages = container_of(ref, struct twostep_pages, ref);

	if (pages->readable)
		vunmap(pages->readable);
	vfree(pages->writable);
	kfree(pages);
}

static int twostep_pages_map(struct twostep_pages *pages)
{
	unsigned int count = DIV_ROUND_UP_ULL(pages->bytes, PAGE_SIZE);
	struct page **list;
	unsigned int i;

	pages->writable = vzalloc(pages->bytes);
	list = kvmalloc_array(count, sizeof(*list), GFP_KERNEL);
	if (pages->writable && list) {
		for (i = 0; i < count; i++)
			list[i] = vmalloc_to_page(pages->writable + i * PAGE_SIZE);
		pages->readable = vmap(list, count, VM_MAP, PAGE_KERNEL_RO);
	}
	kvfree(list);
	return pages->readable ? 0 : -ENOMEM;
}

struct twostep_pages *twostep_pages_alloc(const void *data, u64 bytes)
{
	struct twostep_pages *pages;
	int err;

	if (!bytes || bytes > (u64)INT_MAX << PAGE_SHIFT)
		return ERR_PTR(-EINVAL);
	pages = kzalloc(sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return ERR_PTR(-ENOMEM);
	kref_init(&pages->ref);
	pages->bytes = bytes;
	pages->writer = data;
	err = twostep_pages_map(pages);
	if (err) {
		twostep_pages_put(pages);
		return ERR_PTR(err);
	}
	return pages;
}
EXPORT_SYMBOL_GPL(twostep_pages_alloc);

void twostep_pages_put(struct twostep_pages *pages)
{
	kref_put(&pages->ref, twostep_pages_free);
}
EXPORT_SYMBOL_GPL(twostep_pages_put);

const void *twostep_pages_read(const struct twostep_pages *pages)
{
	return pages->readable;
}
EXPORT_SYMBOL_GPL(twostep_pages_read);

void *twostep_pages_write(struct twostep_pages *pages, const void *data)
{
	return READ_ONCE(pages->writer) == data ? pages->writable : NULL;
}
EXPORT_SYMBOL_GPL(twostep_pages_write);

struct twostep_pages *twostep_pages_get(struct twostep_pages *pages)
{
	kref_get(&pages->ref);
	return pages;
}

u64 twostep_pages_bytes(const struct twostep_pages *pages)
{
	return pages->bytes;
}

/* The hold is won: from now on the instance with @data writes. slot->lock. */
void twostep_pages_give(struct twostep_pages *pages, const void *data)
{
	WRITE_ONCE(pages->writer, data);
}
