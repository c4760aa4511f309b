# A PostgreSQL test image is made, or found where it was made before; its name is the last line printed.
PG ?= 17
LAYOUT ?= plain
# Where version 16 comes from when no registry answers, seen from this folder.
PG16_DIR ?= ../shared/postgres-16

# or the last line of "$(MAKE) image" is not the name ("make -C" needs it on its command line)
MAKEFLAGS += --no-print-directory

.PHONY: image images
image:
	@PG16_DIR='$(PG16_DIR)' test/image/build '$(PG)' '$(LAYOUT)'

# Versions 15 to 18; says which of them stay untested here.
images:
	@PG16_DIR='$(PG16_DIR)' test/image/all '$(LAYOUT)'
