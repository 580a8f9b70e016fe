# sqlite-encoder. `make` builds build/encoder.so; README.md explains every target.
CC       ?= cc
SAN      ?=
BUILD    := build$(if $(SAN),/san,)
WARN     := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wundef -Wwrite-strings -Wdouble-promotion -Wvla
CFLAGS   ?= -O2 -g
STD      := -std=c11 -D_GNU_SOURCE -Iengine -fPIC -fvisibility=hidden -fstack-protector-strong \
            -pthread $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer,-D_FORTIFY_SOURCE=2)
LIBS     := -lutf8proc -ljansson -ldl -lm -pthread

# Kernels, and only kernels, may reorder sums; each is compiled for the CPU it is named after.
KERNEL   := -O3 -fno-math-errno -fno-trapping-math -fno-signed-zeros -fassociative-math -ffp-contract=fast

ENGINE   := $(wildcard engine/*/*.c)
EXT      := $(wildcard ext/*.c)
OBJ      := $(patsubst %.c,$(BUILD)/%.o,$(ENGINE)) $(patsubst %.S,$(BUILD)/%.o,$(wildcard engine/*/*.S))
EXTOBJ   := $(patsubst %.c,$(BUILD)/%.o,$(EXT))
UNIT     := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/engine/*/test_*.c))

all: $(BUILD)/encoder.so

$(BUILD)/encoder.so: $(OBJ) $(EXTOBJ)
	$(CC) $(CFLAGS) $(STD) -shared -Wl,-z,relro,-z,now -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(STD) $(WARN) $(KFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(STD) -MMD -MP -c -o $@ $<

$(BUILD)/tests/engine/%: tests/engine/%.c $(OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(STD) -Itests $(WARN) -MMD -MP -o $@ $< $(OBJ) $(LIBS)

$(BUILD)/engine/encode/kern_avx2.o: KFLAGS := $(KERNEL) -mavx2 -mfma
$(BUILD)/engine/encode/kern_avx512.o: KFLAGS := $(KERNEL) -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

clean:
	rm -rf build

.PHONY: all clean
