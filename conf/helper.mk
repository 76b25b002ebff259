# The helper program: one static executable that runs in containers of its own next to the data.
# Packages (Debian 12): libarchive-dev libjson-c-dev libssl-dev libzstd-dev libisal-dev zlib1g-dev libacl1-dev; and, to
# build ISA-L as a static library, which Debian does not ship: nasm dpkg-dev xz-utils. The static libarchive names many
# more libraries; with --gc-sections nothing of it that is used needs them.
HELPER_SRC := $(wildcard src/helper/*.c) $(addprefix src/core/,buf.c clock.c err.c file.c json.c mem.c str.c) \
	$(addprefix src/archive/,block.c block_tail.c deflate_ring.c entry.c foreign.c gz_stream.c inflate_ring.c \
	manifest_line.c manifest_model.c packer.c part_reader.c pax_head.c pax_records.c posix_acl.c proto.c sha.c \
	sparse_map.c tar_parse.c)
HELPER_OBJ := $(HELPER_SRC:src/%.c=$(B)/helper/%.o)
ISAL ?= $(B)/isal
ISAL_SUITE ?= bookworm

$(B)/helper/%.o: src/%.c
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(CM_CFLAGS) -ffunction-sections -fdata-sections -c $< -o $@

ifeq ($(SAN),)
$(B)/cm-helper: $(HELPER_OBJ) $(ISAL)/isa-l.a
	@echo "  LD $@"
	$(Q)$(CC) $(OPT) -static -s -Wl,--gc-sections -o $@ $(HELPER_OBJ) -larchive $(ISAL)/isa-l.a -lzstd -ljson-c -lcrypto \
		-lz -lacl -lpthread 2>&1 | { grep -vE 'statically linked applications|in function .(dlfcn_|BIO_|_?bio_)' >&2 || true; }
	@test -x $@
else ifneq ($(HELPER),)
# The whole program under a sanitizer, with a helper that runs in containers: made without one, elsewhere.
$(B)/cm-helper: $(HELPER)
	@mkdir -p $(@D)
	$(Q)cp $< $@
else
# Sanitizers and static programs do not go together.
$(B)/cm-helper: $(HELPER_OBJ)
	@echo "  LD $@"
	$(Q)$(CC) $(CM_LDFLAGS) -o $@ $(HELPER_OBJ) -larchive -lisal -lzstd -ljson-c -lcrypto -lpthread
endif

# ISA-L from Debian's source package: Debian ships no static library of it.
$(ISAL)/isa-l.a:
	@mkdir -p $(ISAL)
	conf/private-apt.sh $(ISAL)/apt deb-src $(ISAL_SUITE) source --download-only libisal
	cd $(ISAL) && rm -rf src && dpkg-source --no-check -x apt/libisal_*.dsc src >/dev/null
	$(MAKE) --no-print-directory -C $(ISAL)/src -f Makefile.unx lib >$(ISAL)/make.log 2>&1 || { cat $(ISAL)/make.log; false; }
	cp $(ISAL)/src/bin/isa-l.a $@
	rm -rf $(ISAL)/src $(ISAL)/apt

# Tests that run the real helper find it beside their own folder.
$(addprefix $(B)/tests/,test_pack test_pack_faults test_follow test_damage test_hostile test_reader test_legacy \
	test_helper_ops): | $(B)/cm-helper

-include $(HELPER_OBJ:.o=.d)
