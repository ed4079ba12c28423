/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lower block device: opened with and without bdev files, and asked for what
 * it is.
 * SPDX-FileCopyrightText: 2026 The twostep.hotswap authors
 */
#ifndef _TWOSTEP_COMPAT_BDEV_H
#define _TWOSTEP_COMPAT_BDEV_H

#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/file.h>

struct twostep_bdev {
	struct block_device *bdev;
#ifdef TWOSTEP_HAVE_BDEV_FILE
	struct file *file;
#endif
};

/* Opens @path for reading and writing, exclusively for @holder. */
static inline int twostep_bdev_open(struct twostep_bdev *lower, const char *path,
				    void *holder)
{
#ifdef TWOSTEP_HAVE_BDEV_FILE
	struct file *file = bdev_file_open_by_path(path, BLK_OPEN_READ | BLK_OPEN_WRITE,
						   holder, NULL);

	if (IS_ERR(file))
		return PTR_ERR(file);
	lower->file = file;
	lower->bdev = file_bdev(file);
#else
	struct block_device *bdev = blkdev_get_by_path(path, FMODE_READ | FMODE_WRITE |
						       FMODE_EXCL, holder);

	if (IS_ERR(bdev))
		return PTR_ERR(bdev);
	lower->bdev = bdev;
#endif
	return 0;
}

static inline void twostep_bdev_close(struct twostep_bdev *lower)
{
#ifdef TWOSTEP_HAVE_BDEV_FILE
	fput(lower->file);
#else
	blkdev_put(lower->bdev, FMODE_READ | FMODE_WRITE | FMODE_EXCL);
#endif
	lower->bdev = NULL;
}

#ifndef TWOSTEP_HAVE_BDEV_ROT
static inline bool bdev_rot(struct block_device *bdev)
{
	return !bdev_nonrot(bdev);
}
#endif

#endif /* _TWOSTEP_COMPAT_BDEV_H */
