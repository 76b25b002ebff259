# What browsers load: one style sheet, one script, one sprite of icons, pictures; and the terminal of the console page. Built into $(B)/assets with a hash of
# the content in each name, gzip beside it, and a list: assets.txt, one line each "<logical name> <name with hash>".
# Needs node and npm; the icons and the terminal come from npm, pinned in assets/package-lock.json.
ASSETS_LIST := $(B)/assets/assets.txt
ASSETS_SRC := $(wildcard assets/css/*.css assets/js/*.js assets/console/* assets/img/*) assets/icons/list.txt conf/assets.mjs

$(B)/npm/.installed: assets/package.json assets/package-lock.json
	@mkdir -p $(B)/npm
	cp assets/package.json assets/package-lock.json $(B)/npm/
	cd $(B)/npm && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(B)/gen/licences.txt: conf/parts.mjs LICENSE $(B)/npm/.installed $(KORE_DIR)/tree/.patched
	@mkdir -p $(@D)
	node conf/parts.mjs texts $(KORE_DIR)/tree $(B)/npm/node_modules >$@

GENERATED += $(B)/gen/parts.h
$(B)/gen/parts.h: conf/parts.mjs assets/package-lock.json conf/kore.mk
	@mkdir -p $(@D)
	node conf/parts.mjs list $(KORE_VERSION) >$@

$(ASSETS_LIST): $(B)/npm/.installed $(ASSETS_SRC) $(B)/gen/licences.txt
	node conf/assets.mjs $(B)/npm/node_modules $(B)/assets $(B)/gen/licences.txt

assets: $(ASSETS_LIST)
.PHONY: assets
