# sqlite-encoder. `make` builds build/encoder.so; README.md explains every target.
CC       ?= cc
SAN      ?=
BUILD    := build$(if $(SAN),$(if $(filter thread,$(SAN)),/tsan,/san),)
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wundef -Wwrite-strings -Wdouble-promotion -Wvla
CFLAGS   ?= -O2 -g
FORTIFY  := -D_FORTIFY_SOURCE=2
STD      := -std=c11 -D_GNU_SOURCE -Iengine -fPIC -fvisibility=hidden -fstack-protector-strong \
            -pthread $(HARDEN) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer,$(FORTIFY))
# What the compiler has against a stack that is jumped over and calls that are bent.
HARDEN   := $(shell for f in -fcf-protection -fstack-clash-protection; do \
            $(CC) -Werror $$f -c -o /dev/null -x c /dev/null 2>/dev/null && echo $$f; done)
LINKS    := -Wl,-z,relro,-z,now,-z,noexecstack -Wl,-z,nodelete
LIBS     := -lutf8proc -ldl -lm -pthread

# Loops of training, and only those, may reorder sums; each is compiled for the CPU it is named after.
KERNEL   := -O3 -fno-math-errno -fno-trapping-math -fno-signed-zeros -fassociative-math -ffp-contract=fast

ENGINE   := $(wildcard engine/*/*.c)
EXT      := $(wildcard ext/*.c)
OBJ      := $(patsubst %.c,$(BUILD)/%.o,$(ENGINE)) $(patsubst %.S,$(BUILD)/%.o,$(wildcard engine/*/*.S))
EXTOBJ   := $(patsubst %.c,$(BUILD)/%.o,$(EXT))
UNIT     := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/engine/*/test_*.c))
FAILING  := tests/lib/disk.c tests/lib/memory.c
SESSION  := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/lib/oracle*.c tests/lib/session*.c $(FAILING)))
TESTLIB  := $(filter-out $(SESSION),$(patsubst %.c,$(BUILD)/%.o,\
            $(filter-out tests/lib/make_%,$(wildcard tests/lib/*.c))))
TORTURE  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/torture/*.c))
TORTLIB  := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/torture/lib/*.c $(FAILING)))
WITHEXT  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/run.c tests/exact.c tests/bench_search.c tests/ext/test_*.c tests/peers/*.c \
            tests/fuzz/bombs.c tests/fuzz/interrupts.c tests/fuzz/every_byte.c)) $(TORTURE)
FUZZ     := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
PACKAGES := gcc make sqlite3 libsqlite3-dev libopenblas-dev libopenblas0-pthread libutf8proc-dev \
            libxxhash-dev libsimde-dev
PREFIX   ?= /usr/local
MAKE_ALL := $(MAKE) --no-print-directory -j$(shell nproc)

all: $(BUILD)/encoder.so
objects: $(OBJ) $(EXTOBJ)
programs: $(BUILD)/encoder.so $(UNIT) $(WITHEXT) $(FUZZ)
targets: $(FUZZ)

$(BUILD)/encoder.so: $(OBJ) $(EXTOBJ)
	$(CC) $(CFLAGS) $(STD) -shared $(LINKS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(STD) $(WARN) $(KFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(STD) -MMD -MP -c -o $@ $<

$(TESTLIB) $(SESSION) $(TORTLIB): KFLAGS := -Itests

# Programs take from archives what they need: few need the model that is built in. A thin archive is a
# list of its objects.
LINKED    = $< $(filter %.o,$^) $(filter %.a,$^)
$(BUILD)/engine.a: $(OBJ)
$(BUILD)/ext.a: $(EXTOBJ)
$(BUILD)/tests/lib.a: $(TESTLIB)
$(BUILD)/%.a:
	@mkdir -p $(@D)
	rm -f $@ && ar rcsT $@ $^
$(BUILD)/tests/%: tests/%.c $(BUILD)/tests/lib.a $(BUILD)/engine.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(STD) -Itests $(WARN) -MMD -MP -o $@ $(LINKED) $(LIBS)

# Those of encode/ fix the order themselves and get no such leave.
ENCODE   := -O3 -fno-math-errno -fno-trapping-math -ffp-contract=off
$(patsubst %,$(BUILD)/engine/%.o,encode/panel model/finite model/tensor model/quant): KFLAGS := $(ENCODE)
LEARN    := elem_plain gemm_plain cooccur
$(LEARN:%=$(BUILD)/engine/learn/%.o): KFLAGS := $(KERNEL)
# Instrumented, loops of numbers take minutes each to compile: of one source for several CPUs only AVX2's
# is, and for a fuzzer none.
BARE     := $(if $(findstring fuzzer,$(SAN)),-fno-sanitize=all)
ifneq ($(findstring x86_64,$(shell $(CC) -dumpmachine)),)
AVX512   := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512 $(if $(SAN),-fno-sanitize=all)
FAST     := $(BUILD)/engine/encode/kern
$(FAST)_avx2.o: KFLAGS := $(ENCODE) $(BARE) -mavx2 -mfma -DHAS_AVX2
$(FAST)_avx2_vnni.o: KFLAGS := $(ENCODE) $(if $(SAN),-fno-sanitize=all) -mavx2 -mfma -mavxvnni -DHAS_AVX2 -DHAS_VNNI
$(FAST)_avx512.o: KFLAGS := $(ENCODE) $(AVX512) -DHAS_AVX512
$(FAST)_avx512_vnni.o: KFLAGS := $(ENCODE) $(AVX512) -mavx512vnni -DHAS_AVX512 -DHAS_VNNI
$(FAST)_avx512_bf16.o: KFLAGS := $(ENCODE) $(AVX512) -mavx512vnni -mavx512bf16 -DHAS_AVX512 -DHAS_VNNI -DHAS_BF16
$(BUILD)/engine/search/dot_avx2.o: KFLAGS := $(ENCODE) -mavx2
$(BUILD)/engine/search/dot_avx2_vnni.o: KFLAGS := $(ENCODE) -mavx2 -mavxvnni
$(BUILD)/engine/search/dot_avx512.o: KFLAGS := $(ENCODE) $(AVX512)
$(BUILD)/engine/search/dot_avx512_vnni.o: KFLAGS := $(ENCODE) $(AVX512) -mavx512vnni
$(BUILD)/engine/learn/elem_avx2.o: KFLAGS := $(KERNEL) -mavx2 -mfma
$(BUILD)/engine/learn/elem_avx512.o: KFLAGS := $(KERNEL) $(AVX512)
$(BUILD)/engine/learn/gemm_avx2.o: KFLAGS := $(KERNEL) -mavx2 -mfma
$(BUILD)/engine/learn/gemm_avx512.o: KFLAGS := $(KERNEL) $(AVX512)
$(BUILD)/engine/learn/gemm_bf16.o: KFLAGS := $(KERNEL) $(AVX512) -mavx512bf16
endif

$(BUILD)/engine/model/builtin.o: $(wildcard engine/model/*.safetensors)

# These hold the extension and SQLite themselves, so that sanitizers see all of it.
$(BUILD)/tests/exact: $(SESSION)
$(BUILD)/tests/run $(TORTURE): $(TORTLIB)
$(BUILD)/tests/torture/oom: private STD += -Wl,--wrap=aligned_alloc,--wrap=mmap,--wrap=pthread_create
$(WITHEXT): $(BUILD)/tests/%: tests/%.c $(BUILD)/ext.a $(BUILD)/engine.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(STD) -Itests -Iext $(WARN) -MMD -MP -o $@ $(LINKED) -lsqlite3 $(LIBS)

# Fuzz targets have libFuzzer's main, or our own, which replays inputs and makes some.
FUZZMAIN := $(if $(findstring fuzzer,$(SAN)),,$(BUILD)/tests/fuzz/main.o)
$(BUILD)/tests/fuzz/main.o: KFLAGS := -Itests
$(FUZZ): $(BUILD)/%: %.c $(FUZZMAIN) $(BUILD)/ext.a $(BUILD)/engine.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(STD) -Itests $(WARN) $(if $(FUZZMAIN),,-fsanitize=fuzzer) -MMD -MP -o $@ $(LINKED) \
	    -lsqlite3 $(LIBS)

# Instructions that this CPU may lack, computed in portable C (SIMDe).
EMULATED := $(patsubst %,$(BUILD)/tests/simde/kern_%.o,avx2_vnni avx512 avx512_vnni avx512_bf16)
$(EMULATED): $(BUILD)/tests/simde/kern_%.o: engine/encode/kern_%.c tests/simde/immintrin.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(STD) -isystem tests/simde -Wno-psabi -mavx2 -mfma -ffp-contract=off -fno-sanitize=all $(EMULATE) \
	    -Denc_kern_$*=emulated_$* -MMD -MP -c -o $@ $<
$(BUILD)/tests/simde/kern_avx2_vnni.o: EMULATE := -DHAS_AVX2 -DHAS_VNNI
$(BUILD)/tests/simde/kern_avx512.o: EMULATE := -DHAS_AVX512
$(BUILD)/tests/simde/kern_avx512_vnni.o: EMULATE := -DHAS_AVX512 -DHAS_VNNI
$(BUILD)/tests/simde/kern_avx512_bf16.o: EMULATE := -DHAS_AVX512 -DHAS_VNNI -DHAS_BF16
$(patsubst %,$(BUILD)/tests/engine/encode/test_%,fwd kern panel): $(EMULATED)
$(BUILD)/tests/engine/search/test_dot_avx%: private STD += -isystem tests/simde -Wno-psabi

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# Debian packages that are missing, installed as root or with sudo; silent when all are there.
deps:
	@sh tests/deps.sh $(PACKAGES)

demo: deps
	@$(MAKE_ALL) -s all
	@sqlite3 :memory: <sql/demo.sql

# Quick: what to run before a commit.
check: deps
	@$(MAKE_ALL) programs
	@sh tests/all.sh $(BUILD):unit $(BUILD):ext $(BUILD):exact build:sql build:readme build:download build:files build:gates

# Everything: check, the same under sanitizers, and builds by gcc and clang without a warning.
test: deps
	@$(MAKE_ALL) programs
	@$(MAKE_ALL) SAN=address,undefined CFLAGS='-O1 -g' programs
	@sh tests/all.sh build:unit build:ext build:sessions build:sql build:readme build:download build:files build:torture build:faults build:gates \
	    build:bombs build:warnings -- build/san:unit build/san:ext build/san:exact build/san:fuzz build/fuzz:fresh

# Each fuzz target for T seconds on inputs that it finds: with clang by coverage. The kept inputs have
# the words that are compared with, and tracing comparisons takes half of the time.
GUIDED   := CC=clang BUILD=build/fuzz SAN=address,undefined,fuzzer-no-link CFLAGS='-O2 -g -fno-sanitize-coverage=trace-cmp'
guided: deps
	@if command -v clang >/dev/null; then $(MAKE_ALL) $(GUIDED) targets; \
	    else $(MAKE_ALL) SAN=address,undefined CFLAGS='-O1 -g' targets; fi
fuzz: guided
	@for t in $(FUZZ:$(BUILD)/%=%); do sh tests/fuzz/guided.sh $${t##*/fuzz_} --from 1 --seconds $(or $(T),60) || exit 1; done

# What `make test` fails on purpose: allocations, calls to the disk, power. A sample, a minute.
fault: deps
	@$(MAKE_ALL) programs
	@sh tests/all.sh $(BUILD):faults

# All of that and more, for HOURS=2, on all cores; goes on where it was. Prints a table.
torture: guided
	@$(MAKE_ALL) programs
	@$(MAKE_ALL) SAN=thread CFLAGS='-O1 -g' build/tsan/tests/torture/concurrent
	@HOURS="$(HOURS)" sh tests/torture.sh $(BUILD)

# How much of each file the tests run: lines and branches, by gcov.
coverage: deps
	@$(MAKE_ALL) BUILD=build/cov CFLAGS='-O0 -g --coverage -fprofile-update=atomic' FORTIFY= programs
	@find build/cov -name '*.gcda' -exec rm {} +
	-@sh tests/all.sh build/cov:unit build/cov:ext
	@sh tests/coverage.sh build/cov

# Static analysis and valgrind, by those of them that are installed; the last line adds up.
analyse: deps
	@$(MAKE_ALL) -s programs
	@sh tests/analyse.sh build

# SQL, what fails on purpose, fuzz targets and examples on another SQLite, which checks our calls of it.
# SQLITE_SRC: a directory with sqlite3.c, sqlite3.h, sqlite3ext.h and shell.c, as in an amalgamation.
OTHER     = build/sqlite-$(shell sed -n 's/^.define SQLITE_VERSION  *"\(.*\)"/\1/p' "$(SQLITE_SRC)/sqlite3.h")
SQLITE_C  = $(CC) -O1 -w -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_MATH_FUNCTIONS -DSQLITE_ENABLE_DBPAGE_VTAB \
            -DSQLITE_ENABLE_API_ARMOR -I"$(SQLITE_SRC)"
test-sqlite: all
	@test -f "$(SQLITE_SRC)/sqlite3.c" || { echo "SQLITE_SRC: a directory with sqlite3.c"; exit 1; }
	@mkdir -p $(OTHER)
	$(SQLITE_C) -c -o $(OTHER)/sqlite3.o "$(SQLITE_SRC)/sqlite3.c"
	@rm -f $(OTHER)/libsqlite3.a && ar rcs $(OTHER)/libsqlite3.a $(OTHER)/sqlite3.o
	$(SQLITE_C) -o $(OTHER)/sqlite3 "$(SQLITE_SRC)/shell.c" "$(SQLITE_SRC)/sqlite3.c" -ldl -lm -pthread
	@$(MAKE_ALL) BUILD=$(OTHER) CFLAGS='-O2 -g -isystem $(abspath $(SQLITE_SRC)) -L$(OTHER)' other
	@PATH="$(CURDIR)/$(OTHER):$$PATH" sh tests/all.sh $(OTHER):ext $(OTHER):exact $(OTHER):faults $(OTHER):torture $(OTHER):fuzz build:words build:readme
other: $(BUILD)/encoder.so $(filter $(BUILD)/tests/run $(BUILD)/tests/exact $(BUILD)/tests/ext/% $(BUILD)/tests/torture/%,$(WITHEXT)) \
    $(BUILD)/tests/fuzz/fuzz_sql $(BUILD)/tests/fuzz/fuzz_shadow

# Rewrites expected output: after a change that is meant, and read with git diff.
accept: programs
	@sh tests/all.sh $(BUILD):accept

# Measures a model (MODEL: a directory or a blob; none: the built-in one) on the sets in DATA.
quality: deps
	@$(MAKE_ALL) -s $(BUILD)/tests/evaluate all
	@$(BUILD)/tests/evaluate --model "$(MODEL)" --data "$(or $(DATA),../shared/data)" $(ARGS)
	@$(if $(MODEL),,cd "$(or $(DATA),../shared/data)" && sqlite3 -cmd ".load $(CURDIR)/$(BUILD)/encoder" \
	    :memory: <"$(CURDIR)/tests/hybrid.sql")

# How fast we encode, search, tokenize and train, beside peers; ARGS=--million: bigger tables too.
bench: deps
	@$(MAKE_ALL) -s all $(addprefix $(BUILD)/tests/,bench bench_search bench_tok) \
	    $(patsubst %.c,$(BUILD)/%,$(wildcard tests/peers/*.c))
	@sh tests/peers/bench.sh $(BUILD) $(ARGS)

# Fetches a model from the Hugging Face hub: NAME=org/name[@revision] or org/name/file.gguf, into the
# cache that all programs share or, as plain files, into DIR.
model:
	@sh tests/deps.sh curl ca-certificates sqlite3
	@sh sql/download.sh "$(NAME)" "$(DIR)"

install: all
	install -D -m 644 $(BUILD)/encoder.so $(DESTDIR)$(PREFIX)/lib/sqlite3/encoder.so

clean:
	rm -rf build

.PHONY: all objects programs targets deps demo check test guided fuzz coverage analyse test-sqlite other fault torture accept quality bench model install clean
