# What browsers load: one style sheet, one script, one sprite of icons, pictures. Built into $(B)/assets with a hash of
# the content in each name, gzip beside it, and a list: assets.txt, one line each "<logical name> <name with hash>".
# Needs node and npm; the icons come from npm, pinned in assets/package-lock.json.
ASSETS_LIST := $(B)/assets/assets.txt
ASSETS_SRC := $(wildcard assets/css/*.css assets/js/*.js assets/img/*) assets/icons/list.txt conf/assets.mjs

$(B)/npm/.installed: assets/package.json assets/package-lock.json
	@mkdir -p $(B)/npm
	cp assets/package.json assets/package-lock.json $(B)/npm/
	cd $(B)/npm && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(ASSETS_LIST): $(B)/npm/.installed $(ASSETS_SRC)
	node conf/assets.mjs $(B)/npm/node_modules $(B)/assets

assets: $(ASSETS_LIST)
.PHONY: assets
