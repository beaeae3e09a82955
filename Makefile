# SPDX-License-Identifier: MIT
# Builds the library, the tools and the examples, and checks everything.
# Everything that is made lies below build/.  `make help` lists the targets.

VERSION := 0.1.0
PREFIX	?= /usr/local
CFLAGS	?= -O2 -g
CLANG	?= clang
# Seconds that each fuzzer runs in `make check`, and in `make soak`.
FUZZ_S	?= 20
SOAK_S	?= 600
# The directory of kselftest_harness.h; from linux-source-6.12 by default.
KSFT_DIR ?= build/deps/linux-6.12/tools/testing/selftests

export CC CXX

# Every source is found by its place.
LIB_SRC		:= $(wildcard lib/*.c kernel/model/*.c)
CTL_SRC		:= $(wildcard tools/vgpuctl*.c)
DEMO_SRC	:= $(wildcard tools/demo*.c)
EXAMPLES	:= $(patsubst lib/%.c,build/%,$(wildcard lib/examples/*.c))
TESTS		:= $(basename $(wildcard selftests/unit/test_*.c))
FUZZERS		:= $(basename $(wildcard selftests/fuzz/fuzz_*.c))
BENCHES		:= $(patsubst selftests/bench/bench_%.c,%,\
		   $(wildcard selftests/bench/bench_*.c))
HEADERS		:= $(wildcard lib/include/vgpu/*.h)
UAPI_HEADERS	:= $(wildcard uapi/*.h)
MAN		:= $(wildcard lib/man/*.[0-9])

PRODUCTS := build/libvgpu.so.0 build/libvgpu.so build/libvgpu.a build/vgpu.pc \
	    $(if $(CTL_SRC),build/vgpuctl) $(EXAMPLES)

## all:		the library, vgpuctl and the examples
all: $(PRODUCTS)

# What benchmarks need beside libvgpu.  A program bench_NAME is made of
# bench_NAME.c, bench_NAME_*.c and *.cc, and BENCH_NAME_SRC (which may be
# unpacked first); BENCH_NAME_LIBS are linked in; flags are by source file.
# Not by pkg-config, which would add -march=corei7.
BENCH_ring_CFLAGS = -isystem /usr/include/dpdk \
	-isystem /usr/include/$(shell $(CC) -print-multiarch)/dpdk -include rte_config.h
BENCH_ring_LIBS = -lrte_ring -lrte_eal -lck -lurcu-common -lurcu
BENCH_alloc_drm_CFLAGS = -Ibuild/deps/bench_alloc/include -Iselftests/bench
BENCH_alloc_SRC := $(addprefix build/deps/bench_alloc/,lib/rbtree.c \
		   drivers/gpu/drm/drm_mm.c drivers/gpu/drm/drm_buddy.c)

# How things are compiled and linked.
# -----------------------------------
WARNINGS := -Wall -Wextra -Wno-unused-parameter -Wmissing-prototypes \
	    -Wstrict-prototypes -Wshadow -Wvla $(if $(WERROR),-Werror)
CXX_WARNINGS := -Wall -Wextra -Wno-unused-parameter -Wshadow $(if $(WERROR),-Werror)
INCLUDES := -Iuapi -Ikernel/model -Ilib -Ilib/include
BASE_CFLAGS := -fPIC -fvisibility=hidden -pthread $(INCLUDES) -MMD -MP
SANITIZE := address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

# The ways of compiling.  A way's objects lie in build/WAY/, beside internal.a:
# the library with its insides, for tests, fuzzers and benchmarks.
WAYS := plain asan tsan fuzz v3
plain_CFLAGS = $(CFLAGS)
asan_CFLAGS = -O1 -g -fsanitize=$(SANITIZE)
tsan_CFLAGS = -O1 -g -fsanitize=thread
fuzz_CFLAGS = -O1 -g -fsanitize=fuzzer-no-link,$(SANITIZE)
fuzz_CC = $(CLANG)
v3_CFLAGS = -O2 -g -march=x86-64-v3

# Silent like the kernel's build; V=1 prints the commands.
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(patsubst build/%,%,$@);)
mkdir = @mkdir -p $(@D)

# $(call cc,WAY) and $(call cxx,WAY): compile and link in this way.
cc = $(or $($(1)_CC),$(CC)) -std=gnu11 $(WARNINGS) $(CPPFLAGS) $(BASE_CFLAGS) \
     $($(1)_CFLAGS)
cxx = $(CXX) -std=c++17 $(CXX_WARNINGS) $(CPPFLAGS) $(BASE_CFLAGS) \
      $($(1)_CFLAGS)

# $(call shared,DIRECTORY,ORIGIN): link with the library in DIRECTORY, and find
# it there, that is at ORIGIN as seen from the program.
shared = -L$(1) -lvgpu -Wl,-rpath,'$$ORIGIN$(2)'

define way_rules
$(1)_LIB_OBJ := $$(LIB_SRC:%.c=build/$(1)/%.o)

build/$(1)/%.o: %.c build/$(1)/flags
	$$(mkdir)
	$$(call say,CC) $$(call cc,$(1)) $$(EXTRA_CFLAGS) -c -o $$@ $$<

build/$(1)/%.o: %.cc build/$(1)/flags
	$$(mkdir)
	$$(call say,CXX) $$(call cxx,$(1)) $$(EXTRA_CFLAGS) -c -o $$@ $$<

# Changes when the flags do, so that everything is compiled anew.
build/$(1)/flags: FORCE
	$$(mkdir)
	@echo '$$(call cc,$(1)) $$(LDFLAGS)' >$$@.new
	@cmp -s $$@.new $$@ && rm $$@.new || mv $$@.new $$@

build/$(1)/internal.a: $$($(1)_LIB_OBJ)
	@rm -f $$@
	$$(call say,AR) ar qcsT $$@ $$^

build/$(1)/libvgpu.so.0: $$($(1)_LIB_OBJ) lib/libvgpu.map
	$$(call say,LD) $$(call cc,$(1)) $$(LDFLAGS) -shared -Wl,-z,defs \
		-Wl,-soname,libvgpu.so.0 -Wl,--version-script=lib/libvgpu.map \
		-o $$@ $$($(1)_LIB_OBJ)

build/$(1)/libvgpu.so: build/$(1)/libvgpu.so.0
	@ln -sf libvgpu.so.0 $$@

build/$(1)/selftests/unit/%: build/$(1)/selftests/unit/%.o build/$(1)/internal.a
	$$(call say,LD) $$(call cc,$(1)) $$(LDFLAGS) -o $$@ $$^

$$(TESTS:%=build/$(1)/%.o): EXTRA_CFLAGS = -isystem $(KSFT_DIR)
$$(TESTS:%=build/$(1)/%.o): | $(KSFT_DIR)/kselftest_harness.h
endef
$(foreach w,$(WAYS),$(eval $(call way_rules,$(w))))

# The products.
# -------------
build/libvgpu.so.0: build/plain/libvgpu.so.0
	$(call say,COPY) cp $< $@

build/libvgpu.so: build/libvgpu.so.0
	@ln -sf libvgpu.so.0 $@

# One object, of which only what is public stays global.
build/libvgpu.a: $(plain_LIB_OBJ)
	@rm -f $@
	$(Q)$(CC) -r -nostdlib -o build/plain/libvgpu.o $^
	$(Q)objcopy --localize-hidden build/plain/libvgpu.o
	$(call say,AR) ar qcs $@ build/plain/libvgpu.o

# Installed as it is in build/plain; the one in build/ finds the library there.
build/plain/vgpuctl: $(CTL_SRC:%.c=build/plain/%.o) build/libvgpu.so
	$(call say,LD) $(call cc,plain) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		-Lbuild -lvgpu

build/vgpuctl: $(CTL_SRC:%.c=build/plain/%.o) build/libvgpu.so
	$(call say,LD) $(call cc,plain) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(call shared,build)

$(EXAMPLES): build/examples/%: build/plain/lib/examples/%.o build/libvgpu.so
	$(mkdir)
	$(call say,LD) $(call cc,plain) $(LDFLAGS) -o $@ $< \
		$(call shared,build,/..)

build/plain/tools/demo%.o: EXTRA_CFLAGS = $(shell pkg-config --cflags libpng)
build/demo: $(DEMO_SRC:%.c=build/plain/%.o) build/libvgpu.so
	$(call say,LD) $(call cc,plain) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(call shared,build) $$(pkg-config --libs libpng)

build/vgpu.pc: lib/vgpu.pc.in FORCE
	$(mkdir)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' $< >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# The kernel's files that tests use; not copied into this tree.
build/deps/linux-6.12/tools/testing/selftests/kselftest_harness.h \
build/deps/linux-6.12/scripts/checkpatch.pl &:
	$(call say,EXTRACT) tools/kernel-source.sh 6.12 build/deps/linux-6.12 \
		tools/testing/selftests/kselftest.h \
		tools/testing/selftests/kselftest_harness.h \
		scripts/checkpatch.pl scripts/spelling.txt \
		scripts/const_structs.checkpatch

$(BENCH_alloc_SRC) &: selftests/bench/bench_alloc_deps.sh
	$(call say,EXTRACT) $< build/deps/bench_alloc

## modules:	the kernel module, for KDIR=/path/to/kernel/headers
modules:
	@echo "there is no module yet" >&2; false

# Checks.
# -------
# In order: what others build on first, the slow ones last.
PARTS := build unit asan tsan headers symbols kbuild spin cli examples \
	 install style fuzz

## check:		everything that needs no device; a summary at the end
check: deps
	+$(Q)WERROR=1 CHECK_MAKE='$(MAKE)$(jobs)' selftests/check.sh build/check $(PARTS)

# As many jobs as processors, unless the caller said how many.
jobs = $(if $(filter -j%,$(MAKEFLAGS)),, -j$(shell nproc))

# Each part alone: make check-unit, make check-kbuild, ...  Their results are
# lines "ok" and "not ok".
check-build: $(PRODUCTS) $(if $(DEMO_SRC),build/demo)
	@for f in $^; do test -e $$f && echo "ok $$f" || echo "not ok $$f"; done

check-unit: $(TESTS:%=build/plain/%)
	$(Q)selftests/run-tests.sh $^

export ASAN_OPTIONS ?= detect_leaks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS ?= print_stacktrace=1
export TSAN_OPTIONS ?= halt_on_error=1:second_deadlock_stack=1

check-asan: $(TESTS:%=build/asan/%)
	$(Q)selftests/run-tests.sh $^

# TSan of gcc 12 knows no address space layout with more than 28 random bits,
# which newer kernels have: run without.
check-tsan: $(patsubst %,build/tsan/%,$(filter %_mt,$(TESTS)))
	$(Q)TEST_WRAPPER="setarch -R" selftests/run-tests.sh $^

check-headers:
	$(Q)selftests/check-headers.sh

check-symbols: build/libvgpu.so.0 build/libvgpu.a
	$(Q)selftests/check-symbols.sh $^

## symbols:	write lib/libvgpu.symbols anew, after a change of the interface
symbols: build/libvgpu.so.0
	$(Q)selftests/check-symbols.sh --update $^

## check-kbuild:	compile the model for the kernels whose headers are installed
check-kbuild:
	$(Q)selftests/check-kbuild.sh build

check-spin:
	$(Q)selftests/run-tests.sh selftests/spin/run selftests/spin/check-names

check-cli: build/vgpuctl build/demo
	$(Q)VGPUCTL=$(CURDIR)/$< DEMO=$(CURDIR)/build/demo selftests/run-tests.sh \
		$(wildcard selftests/cli/*.sh)

check-examples: $(EXAMPLES)
	$(Q)selftests/run-tests.sh $^

check-install: all build/plain/vgpuctl
	+$(Q)CHECK_MAKE='$(MAKE)' selftests/check-install.sh build/check/install

check-style: build/deps/linux-6.12/scripts/checkpatch.pl
	$(Q)selftests/check-style.sh $<

## check-fuzz:	run each fuzzer for FUZZ_S seconds
check-fuzz: $(FUZZERS:%=build/fuzz/%)
	$(Q)selftests/check-fuzz.sh $(FUZZ_S) $^

$(FUZZERS:%=build/fuzz/%): %: %.o build/fuzz/internal.a
	$(call say,LD) $(call cc,fuzz) -fsanitize=fuzzer -o $@ $^

## soak:		fuzzers for SOAK_S seconds each, concurrent tests 20 times longer
soak: deps
	+$(Q)$(MAKE) check-fuzz FUZZ_S=$(SOAK_S)
	+$(Q)VGPU_TEST_SCALE=20 TEST_LIMIT=7200 $(MAKE) check-tsan

## test:		run one program, T=test_vram, or one case of it, T=test_vram.limit;
##		WAY=asan or tsan with a sanitizer; ARGS= for the harness (ARGS=-l lists)
WAY ?= plain
test: T_PROGRAM = build/$(WAY)/selftests/unit/$(firstword $(subst ., ,$(T)))
test: T_CASE = $(word 2,$(subst ., ,$(T)))
test: check-T
	+$(Q)$(MAKE) --no-print-directory $(T_PROGRAM)
	$(Q)selftests/run-tests.sh -a '$(ARGS) $(T_CASE:%=-t %)' $(T_PROGRAM)

check-T:
	@test -n '$(T)' || { echo 'say which: make test T=test_...' >&2; false; }

# Benchmarks and the demo.
# ------------------------
# Each benchmark is built twice, with the library: with the flags that are
# shipped, and for x86-64-v3.  It gets the public interface from the shared
# library, and what it wants of the insides from internal.a.
define bench_rules
build/bench/$(1)/%: build/$(1)/selftests/bench/%.o build/$(1)/libvgpu.so \
		    build/$(1)/internal.a
	$$(mkdir)
	$$(call say,LD) $$(CXX) $$($(1)_CFLAGS) -pthread -o $$@ \
		$$(filter %.o,$$^) $$(call shared,build/$(1),/../../$(1)) \
		build/$(1)/internal.a $$(BENCH_$$(*:bench_%=%)_LIBS) -lm

build/$(1)/selftests/bench/%.o: EXTRA_CFLAGS = -DBENCH_FLAGS='"$$($(1)_CFLAGS)"' \
	$$(BENCH_$$(patsubst bench_%.o,%,$$(@F))_CFLAGS)
# Not ours to warn about.
build/$(1)/build/deps/bench_alloc/%.o: EXTRA_CFLAGS = -w $(BENCH_alloc_drm_CFLAGS)
endef

# $(call bench_parts,WAY,NAME): the objects of bench_NAME beside bench_NAME.o.
bench_parts = $(patsubst %,build/$(1)/%.o,$(basename $(BENCH_$(2)_SRC) \
	$(wildcard selftests/bench/bench_$(2)_*.c selftests/bench/bench_$(2)_*.cc)))

define bench_program_rules
build/bench/$(1)/bench_$(2): $(call bench_parts,$(1),$(2))
build/$(1)/selftests/bench/bench_$(2).o $(call bench_parts,$(1),$(2)): | $(BENCH_$(2)_SRC)
endef
# bench_ring_boost.cc and the like are no programs of their own.
BENCH_NAMES := $(foreach b,$(BENCHES),$(if $(findstring _,$(b)),,$(b)))
BENCH_WAYS := plain v3
BENCH_PROGRAMS := $(foreach w,$(BENCH_WAYS),$(BENCH_NAMES:%=build/bench/$(w)/bench_%))
$(foreach w,$(BENCH_WAYS),$(eval $(call bench_rules,$(w)))\
	$(foreach n,$(BENCH_NAMES),$(eval $(call bench_program_rules,$(w),$(n)))))

## bench:		build and run the benchmarks; results in build/bench/*.json
bench: deps-bench
	+$(Q)$(MAKE) --no-print-directory run-bench

# Benchmarks print tables; --json FILE writes the same as JSON.
run-bench: $(BENCH_PROGRAMS)
	@for p in $^; do \
		json=build/bench/$${p##*/bench_}-$$(basename $${p%/*}).json; \
		echo "== $$p, to $$json"; \
		$$p --json $$json || exit; \
	done

## demo:		build and run the demo; its pictures go to build/
demo: deps
	+$(Q)$(MAKE) --no-print-directory build/demo
	$(Q)cd build && ./demo

# The system.
# -----------
## deps:		install what is missing (Debian), or say what is needed
deps:
	$(Q)tools/deps.sh

## deps-bench:	likewise, with the peers that the benchmarks compare with
deps-bench:
	$(Q)tools/deps.sh bench

## install:	to PREFIX, /usr/local by default, below DESTDIR
DEST = $(DESTDIR)$(PREFIX)
install: all build/plain/vgpuctl
	install -d $(DEST)/bin $(DEST)/lib/pkgconfig $(DEST)/include/vgpu/uapi
	install -m 755 build/libvgpu.so.0 $(DEST)/lib
	ln -sf libvgpu.so.0 $(DEST)/lib/libvgpu.so
	install -m 644 build/libvgpu.a $(DEST)/lib
	install -m 644 build/vgpu.pc $(DEST)/lib/pkgconfig
	install -m 644 $(HEADERS) $(DEST)/include/vgpu
	install -m 644 $(UAPI_HEADERS) $(DEST)/include/vgpu/uapi
	install -m 755 build/plain/vgpuctl $(DEST)/bin
	$(foreach m,$(MAN),install -m 644 -D $(m) $(DEST)/$(call man,$(m));)
	$(if $(DESTDIR),,-ldconfig)

# lib/man/vgpu_queue_create.3 goes to share/man/man3/.
man = share/man/man$(subst .,,$(suffix $(1)))/$(notdir $(1))

## uninstall:	what install installed, from the same PREFIX and DESTDIR
uninstall:
	rm -f $(DEST)/bin/vgpuctl $(DEST)/lib/pkgconfig/vgpu.pc
	rm -f $(addprefix $(DEST)/lib/,libvgpu.so.0 libvgpu.so libvgpu.a)
	rm -f $(foreach m,$(MAN),$(DEST)/$(call man,$(m)))
	rm -rf $(DEST)/include/vgpu
	$(if $(DESTDIR),,-ldconfig)

## clean:		remove what was built
clean:
	rm -rf $(filter-out build/deps,$(wildcard build/*))

## distclean:	remove build/
distclean:
	rm -rf build

## help:		this text
help:
	@sed -n 's/^## *//p' $(firstword $(MAKEFILE_LIST))
	@echo 'Variables: PREFIX DESTDIR CC CXX CFLAGS LDFLAGS WERROR=1 V=1 FUZZ_S SOAK_S'

.PHONY: all modules check $(PARTS:%=check-%) check-T soak test symbols bench \
	run-bench demo deps deps-bench install uninstall clean distclean help FORCE
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(WAYS:%=build/%) -name '*.d' 2>/dev/null)
