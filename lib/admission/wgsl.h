/* SPDX-License-Identifier: MIT */
/*
 * WGSL as admission sees it: tokens, and what is declared at the module's
 * level.  Nothing here judges whether it is valid: its compiler does.
 */
#ifndef LIBVGPU_INTERNAL_WGSL_H
#define LIBVGPU_INTERNAL_WGSL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message.h"

#define VGPU_WGSL_MAX_TOKENS	(4u << 20)
#define VGPU_WGSL_NONE		0xffffffffu

/* A word (identifier, keyword, number) or one sign. */
struct vgpu_wgsl_token {
	uint32_t at;
	uint32_t len;
};

enum vgpu_wgsl_kind {
	VGPU_WGSL_VAR,
	VGPU_WGSL_CONST,
	VGPU_WGSL_OVERRIDE,
	VGPU_WGSL_ALIAS,
	VGPU_WGSL_STRUCT,
	VGPU_WGSL_FN,
};

/**
 * struct vgpu_wgsl_decl - a declaration at the module's level
 * @name: the token of its name
 * @type: first token of its type, alias or members; NONE: not given
 * @value: first token of its value, or of a function's parameters, or NONE
 * @end: the token after it
 * @space: first token in the <> of a var, or NONE
 * @group: token of the attribute's argument, or NONE; likewise the next two
 * @size: first token of workgroup_size's arguments, or NONE
 * @compute: it has @compute
 */
struct vgpu_wgsl_decl {
	enum vgpu_wgsl_kind kind;
	uint32_t name;
	uint32_t type;
	uint32_t value;
	uint32_t end;
	uint32_t space;
	uint32_t group;
	uint32_t binding;
	uint32_t id;
	uint32_t size;
	bool compute;
};

/**
 * struct vgpu_wgsl - a module
 * @decls: sorted by name
 * @enables: tokens of what is enabled
 */
struct vgpu_wgsl {
	const char *text;
	struct vgpu_wgsl_token *tokens;
	uint32_t n_tokens;
	struct vgpu_wgsl_decl *decls;
	uint32_t n_decls;
	uint32_t *enables;
	uint32_t n_enables;
};

int vgpu_wgsl_parse(struct vgpu_wgsl *w, const char *text, size_t bytes,
		    struct vgpu_message *msg);
void vgpu_wgsl_fini(struct vgpu_wgsl *w);

/* Past the last token all are empty. */
bool vgpu_wgsl_is(const struct vgpu_wgsl *w, uint32_t token, const char *word);
bool vgpu_wgsl_is_name(const struct vgpu_wgsl *w, uint32_t token);
/* A number without sign, decimal or hexadecimal, with or without suffix. */
bool vgpu_wgsl_number(const struct vgpu_wgsl *w, uint32_t token,
		      uint32_t *value);
/* The declaration that a token names, or NULL. */
struct vgpu_wgsl_decl *vgpu_wgsl_find(const struct vgpu_wgsl *w,
				      uint32_t token);
/* How many bytes a type takes; 0: not known here. */
uint32_t vgpu_wgsl_size(const struct vgpu_wgsl *w, uint32_t type);

/*
 * Mark each declaration that a function reaches, by calls too; @reached has a
 * byte for each declaration.
 */
int vgpu_wgsl_reach(const struct vgpu_wgsl *w, const struct vgpu_wgsl_decl *fn,
		    uint8_t *reached, struct vgpu_message *msg);

/* For "%.*s". */
#define VGPU_WGSL_TEXT(w, token)					\
	(int)((w)->tokens[token].len < 64 ? (w)->tokens[token].len : 64), \
	(w)->text + (w)->tokens[token].at

#endif /* LIBVGPU_INTERNAL_WGSL_H */
