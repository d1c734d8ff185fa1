# SPDX-License-Identifier: Apache-2.0
# unpack, which makes the files of a layer; by itself: make -f unpack.mk
# With SANITIZE=1 it becomes build/unpack-asan, an ordinary program under AddressSanitizer.

UNPACK_SOURCES = $(wildcard src/unpack*.c) src/memory.c src/words.c
UNPACK_WARNINGS = -std=c11 -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wswitch-enum -Wvla -Wformat=2 -fno-common
UNPACK_FLAGS = -Os -ffreestanding -fstack-protector-strong -mstack-protector-guard=global \
	-fno-asynchronous-unwind-tables -fno-pie -ffunction-sections

.PHONY: unpack
unpack: build/unpack

build/unpack: $(UNPACK_SOURCES) src/start.c $(wildcard src/*.h)
	@mkdir -p build
	$(CC) $(UNPACK_WARNINGS) $(UNPACK_FLAGS) -nostdlib -static \
		-Wl,--gc-sections,--build-id=none,-z,noexecstack -o $@ $(UNPACK_SOURCES) src/start.c

build/unpack-asan: $(UNPACK_SOURCES) $(wildcard src/*.h)
	@mkdir -p build
	$(CC) $(UNPACK_WARNINGS) -DHOSTED -g -O1 -fsanitize=address,undefined -fno-sanitize-recover -o $@ $(UNPACK_SOURCES)
