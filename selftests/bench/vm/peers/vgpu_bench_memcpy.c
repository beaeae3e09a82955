// SPDX-License-Identifier: MIT
/*
 * What the kernel's memcpy() takes for memory like a client's VRAM: pages of
 * shared memory, taken one by one and copied in the direct map, piece by piece
 * where neighbours are neighbours there.
 *
 * Write "BYTES COPIES" to debugfs/vgpu_bench_memcpy, then read it: nanoseconds
 * of one copy between pages that are resident; the same between two mappings of
 * them that are contiguous; and of taking the pages of the target and the first
 * copy into them.
 */
#include <linux/debugfs.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#define MAX_PAGES	(64ul << 20 >> PAGE_SHIFT)
#define MAX_COPIES	100000u

struct side {
	struct file *file;
	struct page **pages;
	void *vaddr;
};

static DEFINE_MUTEX(lock);
static struct dentry *entry;
static u64 figures[3];

static void side_end(struct side *s, unsigned long n)
{
	unsigned long i;

	if (s->vaddr)
		vunmap(s->vaddr);
	for (i = 0; s->pages && i < n; i++)
		if (s->pages[i])
			put_page(s->pages[i]);
	kvfree(s->pages);
	if (s->file)
		fput(s->file);
}

static int side_init(struct side *s, unsigned long n)
{
	struct file *file = shmem_file_setup("vgpu_bench", n << PAGE_SHIFT,
					     VM_NORESERVE);

	if (IS_ERR(file))
		return PTR_ERR(file);
	s->file = file;
	mapping_set_gfp_mask(file->f_mapping, GFP_HIGHUSER);
	s->pages = kvcalloc(n, sizeof(*s->pages), GFP_KERNEL);
	return s->pages ? 0 : -ENOMEM;
}

static int side_take(struct side *s, unsigned long n)
{
	struct page *page;
	unsigned long i;

	for (i = 0; i < n; i++) {
		page = shmem_read_mapping_page_gfp(s->file->f_mapping, i,
						   GFP_KERNEL);
		if (IS_ERR(page))
			return PTR_ERR(page);
		s->pages[i] = page;
	}
	return 0;
}

static void copy_pages(struct page **to, struct page **from, u64 bytes)
{
	u64 done, n;

	for (done = 0; done < bytes; done += n) {
		struct page **d = &to[done >> PAGE_SHIFT];
		struct page **s = &from[done >> PAGE_SHIFT];
		u64 i = 0;

		/* What is contiguous on both sides, in one go. */
		do {
			i++;
			n = i << PAGE_SHIFT;
		} while (done + n < bytes && d[i] == d[0] + i &&
			 s[i] == s[0] + i);
		n = min(n, bytes - done);
		memcpy(page_address(d[0]), page_address(s[0]), n);
	}
}

static int run(u64 bytes, u32 copies)
{
	unsigned long n = DIV_ROUND_UP(bytes, PAGE_SIZE);
	struct side to = { 0 }, from = { 0 };
	u64 t;
	u32 i;
	int ret;

	ret = side_init(&to, n) ?: side_init(&from, n) ?: side_take(&from, n);
	if (ret)
		goto out;
	for (i = 0; i < n; i++)
		memset(page_address(from.pages[i]), 1, PAGE_SIZE);
	t = ktime_get_ns();
	ret = side_take(&to, n);
	if (ret)
		goto out;
	copy_pages(to.pages, from.pages, bytes);
	figures[2] = ktime_get_ns() - t;
	ret = -ENOMEM;
	to.vaddr = vmap(to.pages, n, VM_MAP, PAGE_KERNEL);
	from.vaddr = vmap(from.pages, n, VM_MAP, PAGE_KERNEL);
	if (!to.vaddr || !from.vaddr)
		goto out;
	ret = 0;
	t = ktime_get_ns();
	for (i = 0; i < copies; i++)
		copy_pages(to.pages, from.pages, bytes);
	figures[0] = div_u64(ktime_get_ns() - t, copies);
	cond_resched();
	t = ktime_get_ns();
	for (i = 0; i < copies; i++)
		memcpy(to.vaddr, from.vaddr, bytes);
	figures[1] = div_u64(ktime_get_ns() - t, copies);
out:
	side_end(&to, n);
	side_end(&from, n);
	return ret;
}

static ssize_t bench_write(struct file *file, const char __user *buf,
			   size_t count, loff_t *pos)
{
	char text[64] = "";
	u32 copies;
	u64 bytes;
	int ret;

	if (count >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, buf, count))
		return -EFAULT;
	if (sscanf(text, "%llu %u", &bytes, &copies) != 2 || !bytes ||
	    bytes > MAX_PAGES << PAGE_SHIFT || !copies || copies > MAX_COPIES)
		return -EINVAL;
	mutex_lock(&lock);
	ret = run(bytes, copies);
	mutex_unlock(&lock);
	return ret ?: count;
}

static ssize_t bench_read(struct file *file, char __user *buf, size_t count,
			  loff_t *pos)
{
	char text[80];
	int n;

	mutex_lock(&lock);
	n = scnprintf(text, sizeof(text), "%llu %llu %llu\n", figures[0],
		      figures[1], figures[2]);
	mutex_unlock(&lock);
	return simple_read_from_buffer(buf, count, pos, text, n);
}

static const struct file_operations bench_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = bench_read,
	.write = bench_write,
	.llseek = default_llseek,
};

static int __init bench_init(void)
{
	entry = debugfs_create_file("vgpu_bench_memcpy", 0600, NULL, NULL,
				    &bench_fops);
	return PTR_ERR_OR_ZERO(entry);
}

static void __exit bench_exit(void)
{
	debugfs_remove(entry);
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_DESCRIPTION("Times memcpy(), for benchmarks of vgpu");
MODULE_LICENSE("Dual MIT/GPL");
