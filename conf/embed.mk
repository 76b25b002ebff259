# What is linked into the program beside its code: templates, assets with their gzip, the helper program.
EMBED_SRC := $(shell find templates -name '*.mustache') templates $(wildcard templates/*/)

$(B)/gen/embed.c: conf/embed.sh $(EMBED_SRC) $(ASSETS_LIST) $(B)/cm-helper
	@mkdir -p $(@D)
	@echo "  GEN $@"
	$(Q)conf/embed.sh $@ templates $(B)/assets $(B)/cm-helper

$(B)/obj/embed.o: $(B)/gen/embed.c src/web/embed.h
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(CM_CFLAGS) -c $< -o $@
