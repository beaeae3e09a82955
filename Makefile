# SPDX-License-Identifier: MIT
# Builds the library, the tools and the examples, and checks everything.
# Everything that is made lies below build/.  `make help` lists the targets.

VERSION := 0.1.0
PREFIX	?= /usr/local
CFLAGS	?= -O2 -g
CLANG	?= clang
# Seconds that each fuzzer runs in `make check`, and in `make soak`; how many times as
# long other tests loop there.
FUZZ_S	?= 20
SOAK_S	?= 600
SOAK_TIMES ?= 20
# The directory of kselftest_harness.h; from linux-source-6.12 by default.
KSFT_DIR ?= build/deps/linux-6.12/tools/testing/selftests

export CC CXX

# Every source is found by its place.
LIB_SRC		:= $(wildcard lib/*.c kernel/model/*.c lib/executor/*.c \
		   lib/admission/*.c lib/admission/*.cc)
# In the worker alone, and in internal.a: what needs webgpu.h.
WGPU_SRC	:= $(wildcard lib/wgpu/*.c)
WORKER_SRC	:= $(wildcard tools/worker*.c)
CTL_SRC		:= $(wildcard tools/vgpuctl*.c)
DEMO_SRC	:= $(wildcard tools/demo*.c)
EXAMPLES	:= $(patsubst lib/%.c,build/%,$(wildcard lib/examples/*.c))
TESTS		:= $(basename $(wildcard selftests/unit/test_*.c))
SHADERS		:= $(wildcard lib/examples/*.comp tools/*.comp selftests/shaders/*.comp \
		   selftests/shaders/*.spvasm)
FUZZERS		:= $(basename $(wildcard selftests/fuzz/fuzz_*.c))
BENCHES		:= $(patsubst selftests/bench/bench_%.c,%,\
		   $(wildcard selftests/bench/bench_*.c))
HEADERS		:= $(wildcard lib/include/vgpu/*.h)
UAPI_HEADERS	:= $(wildcard uapi/*.h)
MAN		:= $(wildcard lib/man/*.[0-9])

PRODUCTS := build/libvgpu.so.0 build/libvgpu.so build/libvgpu.a build/vgpu.pc \
	    $(if $(CTL_SRC),build/vgpuctl) $(if $(WORKER_SRC),build/vgpu-worker) \
	    $(EXAMPLES)

## all:		the library, vgpuctl and the examples
all: $(PRODUCTS)

# What benchmarks need beside libvgpu.  A program bench_NAME is made of
# bench_NAME.c, bench_NAME_*.c and *.cc, and BENCH_NAME_SRC (which may be
# unpacked first); BENCH_NAME_LIBS are linked in; flags are by source file.
BENCH_kick_CFLAGS = -Ikernel/model -Iselftests/unit
BENCH_kick_LIBS = -luring
# Not by pkg-config, which would add -march=corei7.
BENCH_ring_CFLAGS = -isystem /usr/include/dpdk \
	-isystem /usr/include/$(shell $(CC) -print-multiarch)/dpdk -include rte_config.h
BENCH_ring_LIBS = -lrte_ring -lrte_eal -lck -lurcu-common -lurcu
BENCH_alloc_drm_CFLAGS = -Ibuild/deps/bench_alloc/include -Iselftests/bench
BENCH_alloc_SRC := $(addprefix build/deps/bench_alloc/,lib/rbtree.c \
		   drivers/gpu/drm/drm_mm.c drivers/gpu/drm/drm_buddy.c)

BENCH_kernel_CFLAGS = -Ibuild/shaders
BENCH_kernel_wgpu_CFLAGS = -isystem build/deps/wgpu/include

# How things are compiled and linked.
# -----------------------------------
WARNINGS := -Wall -Wextra -Wno-unused-parameter -Wmissing-prototypes \
	    -Wstrict-prototypes -Wshadow -Wvla $(if $(WERROR),-Werror)
CXX_WARNINGS := -Wall -Wextra -Wno-unused-parameter -Wshadow $(if $(WERROR),-Werror)
DRM_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags libdrm))
INCLUDES := -Iuapi -Ikernel/model -Ilib -Ilib/include $(DRM_CFLAGS)
BASE_CFLAGS := -fPIC -fvisibility=hidden -pthread $(INCLUDES) -MMD -MP
SANITIZE := address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

# Shaders become SPIR-V, and C initialisers: build/shaders/NAME.spv and .inc.
SHADER_SPVS := $(addprefix build/shaders/,$(addsuffix .spv,\
	       $(basename $(notdir $(SHADERS)))))
SHADER_INCS := $(SHADER_SPVS:.spv=.inc)
vpath %.comp lib/examples tools selftests/shaders
vpath %.spvasm selftests/shaders

# The ways of compiling.  A way's objects lie in build/WAY/, beside internal.a:
# the library with its insides, for tests, fuzzers and benchmarks.
WAYS := plain asan tsan fuzz v3
plain_CFLAGS = $(CFLAGS)
asan_CFLAGS = -O1 -g -fsanitize=$(SANITIZE)
tsan_CFLAGS = -O1 -g -fsanitize=thread
fuzz_CFLAGS = -O1 -g -fsanitize=fuzzer-no-link,$(SANITIZE)
fuzz_CC = $(CLANG)
fuzz_CXX = $(CLANG)++
v3_CFLAGS = -O2 -g -march=x86-64-v3

# Silent like the kernel's build; V=1 prints the commands.
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(patsubst build/%,%,$@);)
mkdir = @mkdir -p $(@D)

# $(call cc,WAY) and $(call cxx,WAY): compile and link in this way.
cc = $(or $($(1)_CC),$(CC)) -std=gnu11 $(WARNINGS) $(CPPFLAGS) $(BASE_CFLAGS) \
     $($(1)_CFLAGS)
cxx = $(or $($(1)_CXX),$(CXX)) -std=c++17 $(CXX_WARNINGS) $(CPPFLAGS) $(BASE_CFLAGS) \
      $($(1)_CFLAGS)

# What admission is made of: SPIRV-Tools, which Debian has as archives only, and
# SPIRV-Cross; and libdrm, for vgpu.ko.  Vulkan and WebGPU are loaded at run
# time.
LIBS := -lSPIRV-Tools -lspirv-cross-c-shared -ldrm -lstdc++ -lm

# $(call objects,WAY,SOURCES)
objects = $(patsubst %,build/$(1)/%.o,$(basename $(2)))

# $(call shared,DIRECTORY,ORIGIN): link with the library in DIRECTORY, and find
# it there, that is at ORIGIN as seen from the program.
shared = -L$(1) -lvgpu -Wl,-rpath,'$$ORIGIN$(2)'

define way_rules
$(1)_LIB_OBJ := $$(call objects,$(1),$$(LIB_SRC))
$(1)_WGPU_OBJ := $$(call objects,$(1),$$(WGPU_SRC))

build/$(1)/%.o: %.c build/$(1)/flags
	$$(mkdir)
	$$(call say,CC) $$(call cc,$(1)) $$(EXTRA_CFLAGS) -c -o $$@ $$<

build/$(1)/%.o: %.cc build/$(1)/flags
	$$(mkdir)
	$$(call say,CXX) $$(call cxx,$(1)) $$(EXTRA_CFLAGS) -c -o $$@ $$<

# Changes when the flags do, so that everything is compiled anew.
build/$(1)/flags: FORCE
	$$(mkdir)
	@flags='$$(call cc,$(1)) $$(LDFLAGS)'; \
		[ "$$$$(cat $$@ 2>&1)" = "$$$$flags" ] || echo "$$$$flags" >$$@

build/$(1)/internal.a: $$($(1)_LIB_OBJ) $$($(1)_WGPU_OBJ)
	@rm -f $$@
	$$(call say,AR) ar qcsT $$@ $$^

build/$(1)/libvgpu.so.0: $$($(1)_LIB_OBJ) lib/libvgpu.map
	$$(call say,LD) $$(call cc,$(1)) $$(LDFLAGS) -shared -Wl,-z,defs \
		-Wl,-soname,libvgpu.so.0 -Wl,--version-script=lib/libvgpu.map \
		-o $$@ $$($(1)_LIB_OBJ) $$(LIBS)

build/$(1)/libvgpu.so: build/$(1)/libvgpu.so.0
	@ln -sf libvgpu.so.0 $$@

build/$(1)/selftests/unit/%: build/$(1)/selftests/unit/%.o build/$(1)/internal.a
	$$(call say,LD) $$(call cc,$(1)) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) \
		build/$(1)/internal.a $$(LIBS)

# With stand-ins for vgpu.ko and for VFIO.
$$(addprefix build/$(1)/selftests/unit/,test_mdev test_passthrough test_device \
	test_device_memory test_device_mt test_sim): $$(call objects,$(1),$$(wildcard selftests/fake/drm*.c \
	selftests/fake/vfio*.c))

build/$(1)/vgpu-worker: $$(call objects,$(1),$$(WORKER_SRC)) build/$(1)/internal.a
	$$(call say,LD) $$(call cc,$(1)) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)

# Programs that tests start: a worker made of the real one's parts.
build/$(1)/selftests/fake/%: build/$(1)/selftests/fake/%.o build/$(1)/internal.a
	$$(call say,LD) $$(call cc,$(1)) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) \
		build/$(1)/internal.a $$(LIBS)

build/$(1)/selftests/fake/worker: \
	$$(call objects,$(1),$$(filter-out tools/worker.c,$$(WORKER_SRC)))

$$(addprefix build/$(1)/selftests/unit/,test_worker test_worker_mt): \
	| build/$(1)/selftests/fake/worker

$$($(1)_WGPU_OBJ): EXTRA_CFLAGS = -isystem build/deps/wgpu/include
$$($(1)_WGPU_OBJ): | build/deps/wgpu/include/webgpu/webgpu.h

build/$(1)/selftests/unit/test_vulkan: | build/deps/vulkan/done

$$(TESTS:%=build/$(1)/%.o): EXTRA_CFLAGS = -isystem $(KSFT_DIR) -Ibuild/shaders
$$(TESTS:%=build/$(1)/%.o): | $(KSFT_DIR)/kselftest_harness.h $(SHADER_INCS)
endef
$(foreach w,$(WAYS),$(eval $(call way_rules,$(w))))

# Providers and drivers that fail, for tests.
build/fake/%.so: selftests/fake/%.c | build/deps/wgpu/include/webgpu/webgpu.h
	$(mkdir)
	$(call say,LD) $(CC) -g -O1 -Wall -shared -fPIC \
		-isystem build/deps/wgpu/include $(FAKE_LDFLAGS) -o $@ $<

# Who loads it first, has it in the place of the loader.
build/fake/vulkan_stub.so: FAKE_LDFLAGS = -Wl,-soname,libvulkan.so.1

$(foreach w,$(WAYS),$(addprefix build/$(w)/selftests/unit/,test_wgpu test_wgpu_mt)): | build/fake/wgpu_provider.so \
	build/deps/vulkan/done

build/shaders/%.spv: %.comp
	$(mkdir)
	$(call say,GLSLC) glslc -O --target-env=vulkan1.1 -o $@ $<

build/shaders/%.inc: %.comp
	$(mkdir)
	$(Q)glslc -O --target-env=vulkan1.1 -mfmt=c -o $@ $<

# What GLSL has no words for.
build/shaders/%.spv: %.spvasm
	$(mkdir)
	$(call say,SPIRVAS) spirv-as --target-env spv1.3 -o $@ $<

build/shaders/%.inc: build/shaders/%.spv
	$(Q){ echo '{'; od -An -v -tx4 $< | sed 's/[0-9a-f]\{8\}/0x&,/g'; \
		echo '}'; } >$@

# The products.
# -------------
build/vgpu-worker: build/plain/vgpu-worker
	$(call say,COPY) cp $< $@

build/libvgpu.so.0: build/plain/libvgpu.so.0
	$(call say,COPY) cp $< $@

build/libvgpu.so: build/libvgpu.so.0
	@ln -sf libvgpu.so.0 $@

# One object, of which only what is public stays global.
build/libvgpu.a: $(plain_LIB_OBJ)
	@rm -f $@
	$(Q)$(CC) -r -nostdlib -o build/plain/libvgpu.o $^
	$(Q)objcopy --localize-hidden --wildcard --localize-symbol='_Z*' build/plain/libvgpu.o
	$(call say,AR) ar qcs $@ build/plain/libvgpu.o

# Installed as it is in build/plain; the one in build/ finds the library there.
build/plain/vgpuctl: $(CTL_SRC:%.c=build/plain/%.o) build/libvgpu.so
	$(call say,LD) $(call cc,plain) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		-Lbuild -lvgpu

build/vgpuctl: $(CTL_SRC:%.c=build/plain/%.o) build/libvgpu.so
	$(call say,LD) $(call cc,plain) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(call shared,build)

$(EXAMPLES:build/%=build/plain/lib/%.o): EXTRA_CFLAGS = -Ibuild/shaders
$(EXAMPLES:build/%=build/plain/lib/%.o): | $(SHADER_INCS)
build/plain/lib/examples/mandelbrot.o: EXTRA_CFLAGS += $(shell pkg-config --cflags libpng)
build/examples/mandelbrot: EXAMPLE_LIBS = $$(pkg-config --libs libpng)
$(EXAMPLES): build/examples/%: build/plain/lib/examples/%.o build/libvgpu.so
	$(mkdir)
	$(call say,LD) $(call cc,plain) $(LDFLAGS) -o $@ $< \
		$(call shared,build,/..) $(EXAMPLE_LIBS)

build/plain/tools/demo%.o: EXTRA_CFLAGS = -Ibuild/shaders \
	$(shell pkg-config --cflags libpng)
build/plain/tools/demo%.o: | $(SHADER_INCS)
build/demo: $(DEMO_SRC:%.c=build/plain/%.o) build/libvgpu.so
	$(call say,LD) $(call cc,plain) $(LDFLAGS) -o $@ $(filter %.o,$^) \
		$(call shared,build) $$(pkg-config --libs libpng)

build/vgpu.pc: lib/vgpu.pc.in FORCE
	$(mkdir)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' $< >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

# WebGPU's header, and the providers that tests use.
build/deps/wgpu/include/webgpu/webgpu.h: tools/wgpu-providers.sh
	$(call say,EXTRACT) $< build/deps/wgpu

# Vulkan drivers that run on the CPU, for tests.
build/deps/vulkan/done: tools/vulkan-drivers.sh
	$(call say,EXTRACT) $< build/deps/vulkan

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

## debug-kernel:	the kernel that the module is tested on, 6.12 with all checks;
##		prints where its image is
debug-kernel: deps-debug
	$(Q)tools/debug-kernel.sh build/deps

## modules:	the kernel module, for KDIR=/path/to/kernel/headers, or a release;
##		build/modules/RELEASE/vgpu.ko
KDIR ?= /lib/modules/$(shell uname -r)/build
modules:
	$(Q)tools/build-module.sh $(KDIR) build/modules/RELEASE

# Programs that run on the module, in a virtual machine.
VM_PROGRAMS := $(patsubst %.c,build/vm/%,$(wildcard selftests/drm/test_*.c \
	       selftests/drm/fuzz_*.c selftests/vfio/test_*.c))
# Those that start virtual machines of their own have one for themselves.
VM_NESTED_TESTS := $(addprefix selftests/vm/,test_mdev.sh test_crash.sh test_two.sh \
	test_libvirt.sh test_function.sh test_passthrough_guest.sh)
VM_TESTS := $(VM_PROGRAMS) $(filter-out $(VM_NESTED_TESTS),$(wildcard selftests/vm/test_*.sh))
# Those that want a kernel with fault injection, or with KUnit.
VM_DEBUG_PROGRAMS := $(patsubst %.c,build/vm/%,$(wildcard selftests/drm/debug_*.c \
		     selftests/vfio/debug_*.c))
VM_DEBUG_TESTS := $(VM_DEBUG_PROGRAMS) $(wildcard selftests/vm/debug_*.sh)
# Those that use VFIO's type1, by choice or because the library does.
VM_TYPE1_TESTS := $(filter build/vm/selftests/vfio/%,$(VM_PROGRAMS)) \
		  selftests/vm/test_passthrough.sh
# What the scripts among them run.
VM_LIBRARY := build/vgpuctl $(addprefix build/vm/selftests/vm/,hostile foreign) \
	      $(addprefix build/plain/selftests/unit/,test_device test_device_memory \
	      test_sim test_device_mt test_manager)

build/vm/selftests/%: selftests/%.c $(KSFT_DIR)/kselftest_harness.h
	$(mkdir)
	$(call say,CC) $(CC) -std=gnu11 $(WARNINGS) -Wno-missing-prototypes $(CPPFLAGS) \
		$(CFLAGS) -D_GNU_SOURCE -pthread -Iuapi $$(pkg-config --cflags libdrm) -isystem $(KSFT_DIR) \
		-MMD -MP $(LDFLAGS) -o $@ $< \
		-Wl,--as-needed $$(pkg-config --libs libdrm) $(VM_LIBS)

# It finds the library beside itself, in the guest.
build/vm/selftests/vm/foreign: build/libvgpu.so
build/vm/selftests/vm/foreign: VM_LIBS = -Ilib/include -Lbuild -lvgpu -Wl,-rpath,'$$ORIGIN'

# Checks.
# -------
# In order: what others build on first, the slow ones last.
PARTS := build unit backends asan tsan headers symbols kbuild spin cli examples \
	 install style fuzz

## check:		everything that needs no device; a summary at the end
check: deps
	+$(Q)WERROR=1 CHECK_MAKE='$(MAKE)$(jobs)' selftests/check.sh build/check $(PARTS)

# The drivers in build/deps beside those that the system has.
DRIVERS := $(CURDIR)/build/deps/vulkan/swiftshader_icd.json:$(CURDIR)/build/deps/vulkan/lavapipe25_icd.json
with_drivers = VK_ADD_DRIVER_FILES=$(DRIVERS)

# As many jobs as processors, unless the caller said how many.
jobs = $(if $(filter -j%,$(MAKEFLAGS)),, -j$(shell nproc))

# Each part alone: make check-unit, make check-kbuild, ...  Their results are
# lines "ok" and "not ok".
check-build: $(PRODUCTS) $(if $(DEMO_SRC),build/demo)
	@for f in $^; do test -e $$f && echo "ok $$f" || echo "not ok $$f"; done

# Tests of kernels find drivers and providers in build/deps, and the worker
# beside them.
KERNEL_DEPS := build/deps/vulkan/done build/deps/wgpu/include/webgpu/webgpu.h

check-unit: $(TESTS:%=build/plain/%) build/plain/vgpu-worker | $(KERNEL_DEPS)
	$(Q)selftests/run-tests.sh $(filter-out %/vgpu-worker,$^)

## check-backends:	the tests of the interface on other backends than the simulator
check-backends: $(addprefix build/plain/selftests/unit/,test_device test_device_memory test_sim)
	$(Q)selftests/check-backends.sh $^

# The redzone: the leak checker of gcc 12 takes the memory of a library's thread
# variables for something else if it begins 16 bytes behind a page's start, and
# reads what is not there.
export ASAN_OPTIONS ?= detect_leaks=1:detect_stack_use_after_return=1:redzone=32
export UBSAN_OPTIONS ?= print_stacktrace=1
export TSAN_OPTIONS ?= halt_on_error=1:second_deadlock_stack=1

check-asan: $(TESTS:%=build/asan/%) build/asan/vgpu-worker | $(KERNEL_DEPS)
	$(Q)selftests/run-tests.sh $(filter-out %/vgpu-worker,$^)

# TSan of gcc 12 knows no address space layout with more than 28 random bits,
# which newer kernels have: run without.
check-tsan: $(patsubst %,build/tsan/%,$(filter %_mt,$(TESTS))) build/tsan/vgpu-worker | $(KERNEL_DEPS)
	$(Q)TEST_WRAPPER="setarch -R" selftests/run-tests.sh $(filter-out %/vgpu-worker,$^)
	$(Q)for b in mdev-fake passthrough-fake; do \
		TEST_WRAPPER="setarch -R" selftests/check-backends.sh --only $$b \
			build/tsan/selftests/unit/test_device_mt || exit; \
	done

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

check-cli: build/vgpuctl build/vgpu-worker build/demo $(SHADER_SPVS) build/deps/vulkan/done
	$(Q)$(with_drivers) VGPUCTL=$(CURDIR)/$< DEMO=$(CURDIR)/build/demo \
		SHADERS=$(CURDIR)/build/shaders selftests/run-tests.sh \
		$(wildcard selftests/cli/*.sh)

# In build/, where they may leave pictures.
check-examples: $(EXAMPLES) build/vgpu-worker build/deps/vulkan/done
	$(Q)cd build && $(with_drivers) ../selftests/run-tests.sh $(EXAMPLES:build/%=%)

check-install: all build/plain/vgpuctl build/deps/vulkan/done
	+$(Q)$(with_drivers) CHECK_MAKE='$(MAKE)' selftests/check-install.sh build/check/install

check-style: build/deps/linux-6.12/scripts/checkpatch.pl
	$(Q)selftests/check-style.sh $<

## check-fuzz:	run each fuzzer for FUZZ_S seconds
check-fuzz: $(FUZZERS:%=build/fuzz/%)
	$(Q)selftests/check-fuzz.sh $(FUZZ_S) $^

$(FUZZERS:%=build/fuzz/%): %: %.o build/fuzz/internal.a
	$(call say,LD) $(call cxx,fuzz) -fsanitize=fuzzer -o $@ $^ $(LIBS)

## soak:		fuzzers for SOAK_S seconds each, and tests that loop for SOAK_TIMES times
##		as long, here, in virtual machines with the module, and in check-debug
soak: export VGPU_TEST_SCALE = $(SOAK_TIMES)
soak: export VGPU_FUZZ_S = $(SOAK_S)
soak: export TEST_LIMIT = 7200
soak: export VM_LIMIT = 20000
soak: deps
	+$(Q)$(MAKE) check-fuzz FUZZ_S=$(SOAK_S)
	+$(Q)$(MAKE) check-tsan
	+$(Q)$(MAKE) check-vm-$(KERNEL)
	+$(Q)$(MAKE) check-debug

## test:		run one program, T=test_vram, or one case of it, T=test_vram.limit;
##		WAY=asan or tsan with a sanitizer; ARGS= for the harness (ARGS=-l lists)
WAY ?= plain
test: T_PROGRAM = build/$(WAY)/selftests/unit/$(firstword $(subst ., ,$(T)))
test: T_CASE = $(word 2,$(subst ., ,$(T)))
test: check-T
	+$(Q)$(MAKE) --no-print-directory $(T_PROGRAM) \
		$(if $(WORKER_SRC),build/$(WAY)/vgpu-worker)
	$(Q)selftests/run-tests.sh -a '$(ARGS) $(T_CASE:%=-t %)' $(T_PROGRAM)

# In a virtual machine, with the module.
# --------------------------------------
# The kernel, of those that are installed, by version or release.
KERNEL ?= 6.12
# The nested ones have one processor each.
VM_PARTS := vm-6.12 vm-6.1 vm-nested-6.12+vm-nested-6.1
VM_DEBUG_PARTS := vm-debug vm-debug-type1 vm-debug-guest
vfio_type1 := VGPU_VFIO=type1 VGPU_LOG_ALLOW=selftests/vm/kernel-log.type1

## check-vm:	the module's tests, in virtual machines with both kernels
check-vm: deps
	+$(Q)WERROR=1 CHECK_MAKE='$(MAKE)$(jobs)' selftests/check.sh build/check $(VM_PARTS)

check-vm-6.12 check-vm-6.1: check-vm-%: $(VM_PROGRAMS) $(VM_LIBRARY)
	$(Q)selftests/vm/check.sh $* build/check $(VM_TESTS)

check-vm-nested-6.12 check-vm-nested-6.1: check-vm-nested-%: $(VM_PROGRAMS) $(VM_LIBRARY)
	$(Q)VM_NESTED=y TEST_LIMIT=$${TEST_LIMIT:-1500} \
		selftests/vm/check.sh $* build/check $(VM_NESTED_TESTS)

## check-debug:	the same and more on a kernel that looks for everything, which is built
##		first (a quarter of an hour, once)
check-debug: deps deps-debug
	+$(Q)WERROR=1 CHECK_MAKE='$(MAKE)$(jobs)' selftests/check.sh build/check $(VM_DEBUG_PARTS)

# Over iommufd, because lock checking has an end with the first report, and type1
# is reported at once: it has a boot of its own.
check-vm-debug: $(VM_PROGRAMS) $(VM_DEBUG_PROGRAMS) $(VM_LIBRARY)
	$(Q)VM_LIMIT=$${VM_LIMIT:-7200} TEST_LIMIT=$${TEST_LIMIT:-1800} \
		VGPU_VFIO=iommufd selftests/vm/check.sh debug build/check \
		$(filter-out %/test_passthrough.sh,$(VM_TESTS)) $(VM_DEBUG_TESTS)

check-vm-debug-type1: $(VM_PROGRAMS) $(VM_LIBRARY)
	$(Q)VM_LIMIT=$${VM_LIMIT:-7200} TEST_LIMIT=$${TEST_LIMIT:-1800} \
		VM_NAME=type1 $(vfio_type1) selftests/vm/check.sh debug build/check \
		$(VM_TYPE1_TESTS)

# The driver of a guest, where the host is a common one.
check-vm-debug-guest: $(VM_PROGRAMS) $(VM_LIBRARY)
	$(Q)VM_LIMIT=$${VM_LIMIT:-7200} TEST_LIMIT=$${TEST_LIMIT:-5400} VM_NESTED=y \
		VM_GUEST=debug VM_NAME=debug-guest selftests/vm/check.sh 6.12 build/check \
		selftests/vm/test_function.sh

## test-vm:	one program of selftests/drm or vfio, or script of selftests/vm, or one case,
##		T=test_device.open; KERNEL=6.1; ARGS=; VFIO=iommufd or type1
VFIO ?= $(if $(filter debug,$(KERNEL)),iommufd,type1)
test-vm: T_SCRIPT = $(wildcard selftests/vm/$(firstword $(subst ., ,$(T))).sh)
test-vm: T_PROGRAM = $(or $(T_SCRIPT),$(filter %/$(firstword $(subst ., ,$(T))),$(VM_PROGRAMS) $(VM_DEBUG_PROGRAMS)))
test-vm: T_CASE = $(word 2,$(subst ., ,$(T)))
test-vm: check-T
	+$(Q)$(MAKE) --no-print-directory $(T_PROGRAM) $(if $(T_SCRIPT),$(VM_PROGRAMS) $(VM_LIBRARY))
	$(Q)$(if $(filter $(VM_NESTED_TESTS),$(T_SCRIPT)),VM_NESTED=y TEST_LIMIT=$${TEST_LIMIT:-1500}) \
		$(if $(filter type1,$(VFIO)),$(vfio_type1),VGPU_VFIO=$(VFIO)) \
		selftests/vm/check.sh -a '$(ARGS) $(T_CASE:%=-t %)' $(KERNEL) \
		build/vm/log $(T_PROGRAM)

## vm:		a command in a virtual machine, as root: C='uname -a'; KERNEL=6.1;
##		VM_ARGS= for selftests/vm/boot.sh
vm: export COMMAND = $(value C)
vm:
	@test -n "$$COMMAND" || { echo "say what: make vm C='...'" >&2; false; }
	$(Q)selftests/vm/boot.sh -k $(KERNEL) -w build/vm/log -l build/vm/log/console \
		$(VM_ARGS) bash -c "$$COMMAND"

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
		build/$(1)/internal.a $$(BENCH_$$(*:bench_%=%)_LIBS) $$(LIBS)

build/$(1)/selftests/bench/%.o: EXTRA_CFLAGS = -DBENCH_FLAGS='"$$($(1)_CFLAGS)"' \
	$$(BENCH_$$(patsubst bench_%.o,%,$$(@F))_CFLAGS)
build/bench/$(1)/bench_kernel: | build/$(1)/vgpu-worker build/fake/vulkan_stub.so
build/$(1)/selftests/bench/bench_kernel.o: | $$(SHADER_INCS)
build/$(1)/selftests/bench/bench_kernel_wgpu.o: | build/deps/wgpu/include/webgpu/webgpu.h
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

# Benchmarks of the module: selftests/bench/vm.
VM_BENCHES := $(patsubst %.c,build/vm/%,$(wildcard selftests/bench/vm/bench_*.c))

build/vm/selftests/bench/vm/%: selftests/bench/vm/%.c $(KSFT_DIR)/kselftest_harness.h
	$(mkdir)
	$(call say,CC) $(CC) -std=gnu11 $(WARNINGS) $(CPPFLAGS) $(CFLAGS) -pthread \
		-D_GNU_SOURCE -DBENCH_FLAGS='"$(CFLAGS)"' -Iuapi -Iselftests/drm \
		$$(pkg-config --cflags libdrm) -isystem $(KSFT_DIR) -MMD -MP $(LDFLAGS) \
		-o $@ $< -Wl,--as-needed $$(pkg-config --libs libdrm) -luring

## bench-vm:	the benchmarks of the module, in virtual machines: time, and then
##		instructions; results in build/bench/vm-*.json; B=submit: one of them
bench-vm: deps-bench
	+$(Q)$(MAKE) --no-print-directory run-bench-vm

run-bench-vm: $(if $(B),build/vm/selftests/bench/vm/bench_$(B),$(VM_BENCHES))
	$(Q)rc=0; \
	$(if $(filter-out %/bench_guest,$^),selftests/bench/vm/run.sh $(KERNEL) build/bench \
		$(filter-out %/bench_guest,$^) || rc=1;) \
	$(if $(filter %/bench_guest,$^),selftests/bench/vm/guest.sh $(KERNEL) build/bench \
		$(filter %/bench_guest,$^) || rc=1;) \
	exit $$rc

## demo:		build and run the demo, also on the module in a virtual machine; its
##		pictures go to build/
demo: deps
	+$(Q)$(MAKE) --no-print-directory build/demo build/vgpuctl build/vgpu-worker build/deps/vulkan/done \
		$(addprefix build/plain/selftests/unit/,test_device test_device_memory \
		test_device_mt)
	$(Q)cd build && $(with_drivers) ./demo
	$(Q)selftests/vm/demo.sh $(KERNEL)

# The system.
# -----------
## deps:		install what is missing (Debian), or say what is needed
deps:
	$(Q)tools/deps.sh

## deps-bench:	likewise, with the peers that the benchmarks compare with
deps-bench:
	$(Q)tools/deps.sh bench

## deps-debug:	likewise, with what debug-kernel is built with
deps-debug:
	$(Q)tools/deps.sh debug

# mdevctl looks into the first since 1.3, into the second in every version, and
# whatever our prefix is.
CALLOUT = lib/mdevctl/scripts.d/callouts/vgpu
OLD_CALLOUT = $(DESTDIR)/etc/mdevctl.d/scripts.d/callouts/vgpu
RULES = lib/udev/rules.d/60-vgpu-instances.rules
UNIT = lib/systemd/system/vgpu-instances@.service

## install:	to PREFIX, /usr/local by default, below DESTDIR
DEST = $(DESTDIR)$(PREFIX)
install: all build/plain/vgpuctl build/plain/vgpu-worker
	install -d $(DEST)/bin $(DEST)/lib/pkgconfig $(DEST)/include/vgpu/uapi $(DEST)/libexec/vgpu
	install -m 755 build/plain/vgpu-worker $(DEST)/libexec/vgpu
	install -m 755 build/libvgpu.so.0 $(DEST)/lib
	ln -sf libvgpu.so.0 $(DEST)/lib/libvgpu.so
	install -m 644 build/libvgpu.a $(DEST)/lib
	install -m 644 build/vgpu.pc $(DEST)/lib/pkgconfig
	install -m 644 $(HEADERS) $(DEST)/include/vgpu
	install -m 644 $(UAPI_HEADERS) $(DEST)/include/vgpu/uapi
	install -m 755 build/plain/vgpuctl $(DEST)/bin
	$(foreach m,$(MAN),install -m 644 -D $(m) $(DEST)/$(call man,$(m));)
	tools/man-links.sh install $(DEST)/share/man $(MAN)
	install -m 755 -D tools/mdevctl-callout.sh $(DEST)/$(CALLOUT)
	install -d $(dir $(OLD_CALLOUT))
	ln -sf $(PREFIX)/$(CALLOUT) $(OLD_CALLOUT)
	install -m 644 -D tools/60-vgpu-instances.rules $(DEST)/$(RULES)
	install -m 644 -D tools/vgpu-instances@.service $(DEST)/$(UNIT)
	$(if $(DESTDIR),,-ldconfig)

# lib/man/vgpu_queue_create.3 goes to share/man/man3/.
man = share/man/man$(subst .,,$(suffix $(1)))/$(notdir $(1))

## uninstall:	what install installed, from the same PREFIX and DESTDIR
uninstall:
	rm -f $(DEST)/bin/vgpuctl $(DEST)/lib/pkgconfig/vgpu.pc
	rm -f $(addprefix $(DEST)/lib/,libvgpu.so.0 libvgpu.so libvgpu.a)
	rm -f $(foreach m,$(MAN),$(DEST)/$(call man,$(m)))
	tools/man-links.sh uninstall $(DEST)/share/man $(MAN)
	rm -f $(DEST)/$(CALLOUT) $(OLD_CALLOUT) $(DEST)/$(RULES) $(DEST)/$(UNIT)
	rm -rf $(DEST)/include/vgpu $(DEST)/libexec/vgpu
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
	@echo 'Variables: PREFIX DESTDIR CC CXX CFLAGS LDFLAGS WERROR=1 V=1 FUZZ_S SOAK_S SOAK_TIMES'

.PHONY: all debug-kernel modules check $(PARTS:%=check-%) check-vm check-debug $(patsubst %,check-%,$(subst +, ,$(VM_PARTS)) $(VM_DEBUG_PARTS)) \
	check-T soak test test-vm vm symbols bench \
	run-bench bench-vm run-bench-vm demo deps deps-bench deps-debug install uninstall clean distclean help FORCE
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(WAYS:%=build/%) build/vm -name '*.d' 2>/dev/null)
