# Container Monkey. `make run` builds and starts it; `make test` runs every test. See README.md.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# For the commands that do everything: all cores, unless -j says otherwise.
JOBS = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
# make V=1 shows the commands.
Q := $(if $(V),,@)
B ?= build
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif

all: $(B)/container-monkey

include conf/settings.mk
include conf/kore.mk
include conf/helper.mk
include conf/assets.mk
include conf/sql.mk
include conf/embed.mk
include tests/tests.mk

# The part that knows no Kore: linked into the program and into every test.
LIB_SRC := $(sort $(wildcard src/core/*.c src/docker/*.c src/archive/*.c src/vault/*.c src/db/*.c \
	src/service/*.c src/jobs/*.c src/notify/*.c src/web/page/*.c src/web/view/*.c) \
	$(filter-out src/web/kore_%.c,$(wildcard src/web/*.c)))
KORE_SIDE_SRC := src/main.c $(wildcard src/web/kore_*.c)
# LIB_LEAVE: sources that a build for some of the tests does without.
LIB_OBJ := $(patsubst src/%.c,$(B)/obj/%.o,$(filter-out $(LIB_LEAVE),$(LIB_SRC)))
KORE_SIDE_OBJ := $(KORE_SIDE_SRC:src/%.c=$(B)/obj/%.o)

$(B)/obj/%.o: src/%.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(CM_CFLAGS) -c $< -o $@

$(KORE_SIDE_OBJ): $(B)/obj/%.o: src/%.c $(KORE_FEATURES) | $(GENERATED)
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(CM_CFLAGS) $(KORE_CFLAGS) -c $< -o $@

$(B)/libcm.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(B)/container-monkey: $(KORE_SIDE_OBJ) $(B)/libcm.a $(B)/obj/embed.o $(KORE_OBJECTS)
	@echo "  LD $@"
	$(Q)$(CC) $(CM_LDFLAGS) -rdynamic -o $@ $(KORE_SIDE_OBJ) $(KORE_OBJECTS) $(B)/obj/embed.o \
		-Wl,--whole-archive $(B)/libcm.a -Wl,--no-whole-archive $$(cat $(KORE_LDFLAGS)) $(CM_LIBS)

deps:
	@conf/deps.sh build

run: deps
	@$(MAKE) --no-print-directory $(JOBS) all
	@conf/run.sh $(B)/container-monkey

clean:
	rm -rf $(B)

-include $(LIB_OBJ:.o=.d) $(KORE_SIDE_OBJ:.o=.d)
.PHONY: all deps run clean
