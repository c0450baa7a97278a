# ettsumailer: one engine per build. make LUA=5.4 (also 5.1, 5.2, 5.3, luajit) makes
# build/<LUA>/ettsumailer/{core,openssl}.so; objects go to build/, never beside the sources.
#
#   make            the module for LUA              make test    C tests, specs on every engine, end to end
#   make demo       the main job, shown             make test LUA=5.1    the same on one engine
#   make deps       installs what is missing        make c-test spec e2e    parts of it
#   make install    PREFIX, DESTDIR                 make check-style asan fuzz clean
#   make install-openresty    into OPENRESTY=/usr/local/openresty
#   make rock       build/*.src.rock                make rock-test       installs it and sends a mail
#   make bench      beside other clients; BENCH_ARGS="--workloads W1 --repeat 1" and the like
#
# V=1 shows the commands, WERROR=1 makes warnings errors, BUILD=dir builds elsewhere.

LUA ?= 5.4
ENGINES = 5.1 5.2 5.3 5.4 luajit
ifeq ($(filter $(LUA),$(ENGINES)),)
  $(error LUA=$(LUA) is none of: $(ENGINES))
endif
BUILD ?= build
JOBS ?= $(shell nproc 2>/dev/null || echo 1)
Q = $(if $(V),,@)
comma = ,
export LC_ALL = C.UTF-8

# --- Flags -------------------------------------------------------------------------------------

CFLAGS ?= -O2 -g
WARNINGS = -std=c99 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
  -Wmissing-prototypes -Wwrite-strings -Wundef -Wc++-compat
ifeq ($(WERROR),1)
  WARNINGS += -Werror
endif

# VARIANT=asan builds beside the usual objects, not over them.
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
ifeq ($(VARIANT),asan)
  VARIANT_FLAGS = $(SANITIZE)
else ifneq ($(VARIANT),)
  $(error VARIANT=$(VARIANT) is neither asan nor empty)
endif
VARIANT_DIR = $(addprefix /,$(VARIANT))

ifeq ($(shell uname -s),Darwin)
  LIBFLAG ?= -bundle -undefined dynamic_lookup
else
  LIBFLAG ?= -shared
  # OpenSSL leaves handlers for the end of a thread and of the process: the module has to stay.
  NODELETE = -Wl,-z,nodelete
endif
ALL_CFLAGS = $(WARNINGS) $(CFLAGS) -fPIC -fvisibility=hidden -pthread $(VARIANT_FLAGS)

# --- Libraries ---------------------------------------------------------------------------------

# In a function call, \# is one character or two: as the version of make has it.
HASH := \#
has_header = $(shell echo '$(HASH)include <$(1)>' | $(CC) $(CPPFLAGS) $(CFLAGS) -E - >/dev/null 2>&1 && echo yes)
first_package = $(shell for p in $(1); do pkg-config --exists "$$p" 2>/dev/null && { echo "$$p"; break; }; done)
first_with = $(firstword $(foreach d,$(2),$(if $(wildcard $(d)/$(1)),$(d))))
as_system = $(patsubst -I%,-isystem %,$(1))

# Lua's headers: LUA_INCDIR, else pkg-config under the names distributions use, else the usual places.
ifeq ($(LUA),luajit)
  LUA_ABI = 5.1
  LUA_PROGRAMS = luajit
  LUA_PACKAGES = luajit
  LUA_PLACES = $(wildcard /usr/include/luajit-2* /usr/local/include/luajit-2* \
    /usr/local/openresty/luajit/include/luajit-2* /opt/homebrew/include/luajit-2*)
else
  LUA_ABI = $(LUA)
  LUA_PROGRAMS = lua$(LUA) lua$(subst .,,$(LUA)) lua-$(LUA) lua
  LUA_PACKAGES = lua$(LUA) lua$(subst .,,$(LUA)) lua-$(LUA) 'lua >= $(LUA) lua < $(LUA).999'
  LUA_PLACES = $(foreach p,/usr /usr/local /opt/homebrew /opt/local,$(foreach n,/lua$(LUA) \
    /lua-$(LUA) /lua/$(LUA) /lua$(subst .,,$(LUA)),$(p)/include$(n)))
endif
ifeq ($(origin LUA_INCDIR),undefined)
  LUA_PACKAGE := $(call first_package,$(LUA_PACKAGES))
  ifneq ($(LUA_PACKAGE),)
    LUA_CFLAGS := $(call as_system,$(shell pkg-config --cflags '$(LUA_PACKAGE)'))
    LUA_FOUND = yes
  else
    LUA_INCDIR := $(call first_with,lua.h,$(LUA_PLACES))
  endif
endif
ifneq ($(LUA_INCDIR),)
  LUA_CFLAGS = -isystem $(LUA_INCDIR)
  LUA_FOUND := $(wildcard $(LUA_INCDIR)/lua.h)
endif

# OpenSSL: OPENSSL_DIR (or OPENSSL_INCDIR and OPENSSL_LIBDIR), else pkg-config, else the compiler's
# own path, else the usual prefixes.
OPENSSL_PREFIXES = /usr/local /usr/local/ssl /usr/local/openssl /opt/openssl \
  /opt/homebrew/opt/openssl@3 /usr/local/opt/openssl@3 $(wildcard /usr/local/openresty/openssl*)
ifneq ($(OPENSSL_DIR)$(OPENSSL_INCDIR),)
  SSL_PREFIX = $(OPENSSL_DIR)
else ifneq ($(call first_package,openssl),)
  SSL_CFLAGS := $(call as_system,$(shell pkg-config --cflags openssl))
  SSL_LIBS := $(shell pkg-config --libs openssl)
  SSL_FOUND = yes
else ifeq ($(call has_header,openssl/ssl.h),yes)
  SSL_LIBS = -lssl -lcrypto
  SSL_FOUND = yes
else
  SSL_PREFIX := $(call first_with,include/openssl/ssl.h,$(OPENSSL_PREFIXES))
endif
ifneq ($(SSL_PREFIX)$(OPENSSL_INCDIR),)
  SSL_INCDIR := $(or $(OPENSSL_INCDIR),$(SSL_PREFIX)/include)
  SSL_LIBDIR := $(or $(OPENSSL_LIBDIR),$(call first_with,libssl.*,$(SSL_PREFIX)/lib64 $(SSL_PREFIX)/lib))
  # What the compiler and the loader search anyway is not named again.
  SSL_CFLAGS = $(addprefix -isystem ,$(filter-out /usr/include,$(SSL_INCDIR)))
  SSL_LIBS = $(foreach d,$(filter-out /lib% /usr/lib%,$(SSL_LIBDIR)),-L$d -Wl$(comma)-rpath$(comma)$d) \
    -lssl -lcrypto
  SSL_FOUND := $(wildcard $(SSL_INCDIR)/openssl/ssl.h)
endif

# OPENSSL_STATIC=yes puts it into the module, where nobody else sees it: for a program that has another
# one inside. Security updates of OpenSSL then mean building anew.
ifeq ($(OPENSSL_STATIC),yes)
  SSL_PRIVATE := $(filter -l% -pthread,$(shell PKG_CONFIG_PATH=$(addsuffix /pkgconfig,$(SSL_LIBDIR)) \
    pkg-config --static --libs openssl 2>/dev/null || echo -ldl))
  SSL_LIBS := $(filter-out -lssl -lcrypto,$(SSL_LIBS)) -Wl,--exclude-libs,ALL -l:libssl.a -l:libcrypto.a \
    $(filter-out -lssl -lcrypto,$(SSL_PRIVATE))
else ifneq ($(filter-out no,$(OPENSSL_STATIC)),)
  $(error OPENSSL_STATIC=$(OPENSSL_STATIC) is neither yes nor no)
endif

# libidn2 is taken where it is; IDN2=no leaves it out, IDN2=yes insists.
ifndef IDN2
  IDN2 := $(or $(call has_header,idn2.h),no)
endif
ifeq ($(IDN2),yes)
  IDN_CFLAGS = -DETTM_IDN2
  IDN_LIBS = -lidn2
endif

# libunistring (SASLprep for SCRAM) likewise: UNISTRING=no, UNISTRING=yes.
ifndef UNISTRING
  UNISTRING := $(or $(call has_header,uninorm.h),no)
endif
ifeq ($(UNISTRING),yes)
  IDN_CFLAGS += -DETTM_UNISTRING
  PREP_LIBS = -lunistring
endif

# What the two modules are linked with; LIBS is for programs that hold all of it.
CORE_LIBS = $(IDN_LIBS) -pthread
OPENSSL_LIBS = $(SSL_LIBS) $(PREP_LIBS)
LIBS = $(SSL_LIBS) $(IDN_LIBS) $(PREP_LIBS) -pthread

# --- Sources: the one list ---------------------------------------------------------------------

CORE_SOURCES = $(sort $(foreach f,base codec address mime smtp,$(wildcard csrc/$(f)/*.c)))
HOST_SOURCES = $(sort $(wildcard csrc/tls/*.c csrc/net/*.c))
BINDING_SOURCES = $(sort $(wildcard csrc/lua/*.c))
SOURCES = $(CORE_SOURCES) $(HOST_SOURCES) $(BINDING_SOURCES)
LUA_SOURCES = $(sort $(shell find lua -name '*.lua' 2>/dev/null))
TESTS = $(sort $(wildcard spec/c/*_test.c))
HARNESS = $(filter-out $(TESTS),$(sort $(wildcard spec/c/*.c)))
FUZZERS = $(sort $(wildcard spec/fuzz/*_fuzz.c))
SPEC_FOLDERS = $(wildcard spec/unit spec/wire spec/regress spec/engine spec/loops)

# --- The module --------------------------------------------------------------------------------

# What is below the binding knows no Lua, so all engines share its objects.
OUT = $(BUILD)/$(LUA)$(VARIANT_DIR)
SHARED = $(BUILD)/obj$(VARIANT_DIR)
SHARED_OBJECTS = $(patsubst %.c,$(SHARED)/%.o,$(CORE_SOURCES) $(HOST_SOURCES))
BINDING_OBJECTS = $(BINDING_SOURCES:%.c=$(OUT)/obj/%.o)

# Two modules: to load OpenSSL takes longer than to send a mail without it, so what is linked with it
# stands by itself (csrc/lua/openssl.h). Of the layers below each takes what it needs.
MODULE = $(OUT)/ettsumailer/core.so
OPENSSL_MODULE = $(OUT)/ettsumailer/openssl.so
MODULES = $(MODULE) $(OPENSSL_MODULE)
ONLY_OPENSSL = $(patsubst %,$(OUT)/obj/csrc/lua/%.o,openssl tls tls_context digest)
BOTH_MODULES = $(patsubst %,$(OUT)/obj/csrc/lua/%.o,compat object tls_shared)
BELOW = $(SHARED)/below.a

all: $(MODULES)

$(MODULE): $(filter-out $(ONLY_OPENSSL),$(BINDING_OBJECTS)) $(BELOW) $(OUT)/obj/flags | found-openssl
	$(call link_module,$(CORE_LIBS))

$(OPENSSL_MODULE): $(ONLY_OPENSSL) $(BOTH_MODULES) $(BELOW) $(OUT)/obj/flags | found-openssl
	$(call link_module,$(OPENSSL_LIBS))

define link_module
@mkdir -p $(@D)
@echo "LINK $@"
$(Q)$(CC) $(LIBFLAG) $(VARIANT_FLAGS) $(LDFLAGS) $(NODELETE) -o $@ $(filter %.o %.a,$^) $(1)
endef

$(BELOW): $(SHARED_OBJECTS)
	@new=$@.$$$$; $(AR) rcs $$new $^ && mv $$new $@

$(SHARED)/%.o: %.c $(SHARED)/flags | found-openssl
	$(compile) $(SSL_CFLAGS) $(IDN_CFLAGS)

$(OUT)/obj/%.o: %.c $(OUT)/obj/flags | found-openssl found-lua
	$(compile) $(LUA_CFLAGS) $(SSL_CFLAGS)

define compile
@mkdir -p $(@D)
@echo "CC $<"
$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -Icsrc -MMD -MP -c -o $@ $<
endef

# Rewritten only when the flags differ, so that another CC or CFLAGS builds everything anew. Makes may
# run side by side: the new one has a name of its own.
%/flags: FORCE
	@mkdir -p $(@D)
	@new=$@.$$$$; echo '$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(LDFLAGS) $(SSL_CFLAGS) $(IDN_CFLAGS) $(LIBS) $(if \
	  $(findstring $(OUT)/,$@),$(LUA_CFLAGS))' > $$new; \
	  cmp -s $@ $$new && rm $$new || mv $$new $@

found-openssl:
ifeq ($(SSL_FOUND),)
	@echo "The headers of OpenSSL (openssl/ssl.h) were not found. Install them:" >&2
	@echo "  Debian, Ubuntu: apt install libssl-dev        Fedora, RHEL: dnf install openssl-devel" >&2
	@echo "  Alpine: apk add openssl-dev     Arch: pacman -S openssl     macOS: brew install openssl@3" >&2
	@echo "or name their prefix: make OPENSSL_DIR=/where (with include/ and lib/ in it)." >&2
	@echo "On Debian, make deps installs all that is missing." >&2
	@exit 1
endif

found-lua:
ifeq ($(LUA_FOUND),)
	@echo "The headers of Lua $(LUA) (lua.h) were not found. Install them:" >&2
ifeq ($(LUA),luajit)
	@echo "  Debian, Ubuntu: apt install libluajit2-5.1-dev (Debian 13: libluajit-5.1-dev)     Fedora: dnf install luajit-devel" >&2
else
	@echo "  Debian, Ubuntu: apt install $(if $(filter 5.1,$(LUA)),liblua5.1-0-dev,liblua$(LUA)-dev)" >&2
	@echo "  Fedora: dnf install lua-devel (or compat-lua-devel)     Alpine: apk add lua$(LUA)-dev" >&2
endif
	@echo "or name their directory: make LUA=$(LUA) LUA_INCDIR=/where/lua.h/is" >&2
	@echo "On Debian, make deps installs all that is missing." >&2
	@exit 1
endif

# --- Installing --------------------------------------------------------------------------------

PREFIX ?= /usr/local
INST_LIBDIR ?= $(or $(LUA_CMOD),$(PREFIX)/lib/lua/$(LUA_ABI))
INST_LUADIR ?= $(PREFIX)/share/lua/$(LUA_ABI)

install: all
	@mkdir -p $(DESTDIR)$(INST_LIBDIR)/ettsumailer
	install -m 755 $(MODULES) $(DESTDIR)$(INST_LIBDIR)/ettsumailer/
	@set -e; for f in $(LUA_SOURCES:lua/%=%); do \
	  mkdir -p "$(DESTDIR)$(INST_LUADIR)/$$(dirname $$f)"; \
	  install -m 644 "lua/$$f" "$(DESTDIR)$(INST_LUADIR)/$$f"; \
	done
	@echo "$(words $(LUA_SOURCES)) Lua modules into $(DESTDIR)$(INST_LUADIR)/ettsumailer"

# Into OpenResty's site/lualib, built for its LuaJIT and the OpenSSL that its nginx has loaded: that
# one's folder is in the module's own path of libraries, for programs that have not loaded it yet.
OPENRESTY ?= /usr/local/openresty
install-openresty:
	+$(Q)found=$$(LUA_INCDIR='$(if $(findstring command,$(origin LUA_INCDIR)),$(LUA_INCDIR))' \
	  OPENSSL_DIR='$(OPENSSL_DIR)' OPENSSL_INCDIR='$(OPENSSL_INCDIR)' OPENSSL_STATIC='$(OPENSSL_STATIC)' \
	  INST_LUADIR='$(if $(findstring command,$(origin INST_LUADIR)),$(INST_LUADIR))' DESTDIR='$(DESTDIR)' \
	  spec/support/openresty.sh '$(OPENRESTY)') && \
	  $(SUBMAKE) LUA=luajit BUILD=$(BUILD)/openresty $$found install

# --- The rock ----------------------------------------------------------------------------------

# The rockspec names the archive beside it: the rock is the two, and holds no path and no address.
# (`luarocks pack` wants a path from the root, or an address, and would write it into the rock.)
ROCK_NAME = ettsumailer-scm-1
ROCK = $(BUILD)/$(ROCK_NAME).src.rock
ROCK_OUT = $(BUILD)/source-rock
ROCK_FILES = Makefile spec/support/openresty.sh README.md CHANGELOG.md LICENSE $(SOURCES) $(sort $(wildcard csrc/*/*.h)) \
  $(LUA_SOURCES)

rock:
	@command -v zip >/dev/null || { echo "make rock takes zip: make deps installs it" >&2; exit 1; }
	@rm -rf $(ROCK_OUT) $(ROCK) && mkdir -p $(ROCK_OUT)/$(ROCK_NAME)
	$(Q)tar -cf - $(ROCK_FILES) | tar -xf - -C $(ROCK_OUT)/$(ROCK_NAME)
	$(Q)tar -czf $(ROCK_OUT)/$(ROCK_NAME).tar.gz -C $(ROCK_OUT) $(ROCK_NAME)
	$(Q)zip -q -j -X $(ROCK) rockspec/$(ROCK_NAME).rockspec $(ROCK_OUT)/$(ROCK_NAME).tar.gz
	@echo "$(ROCK)"

rock-test: rock
	$(Q)JOBS=$(JOBS) spec/interop/rock.sh $(ROCK) $(LUA_ABI) $(LUA_PROGRAM)

# --- The C tests: the core, tls and net as an archive, without Lua -----------------------------

C_OUT = $(BUILD)/c$(VARIANT_DIR)
C_OBJECTS = $(patsubst %.c,$(C_OUT)/obj/%.o,$(CORE_SOURCES) $(HOST_SOURCES))
C_ARCHIVE = $(C_OUT)/libettsumailer.a
C_TESTS = $(TESTS:spec/c/%.c=$(C_OUT)/%)
HARNESS_OBJECTS = $(HARNESS:%.c=$(C_OUT)/obj/%.o)

# HOST_PROGRAMS: C programs around Lua, with the whole library inside.
-include spec/host/host.mk spec/steps/steps.mk

c-test: $(C_TESTS) $(HOST_PROGRAMS)
	$(Q)spec/support/run-c-tests.sh $^

$(C_TESTS): $(C_OUT)/%: $(C_OUT)/obj/spec/c/%.o $(HARNESS_OBJECTS) $(C_ARCHIVE)
	@echo "LINK $@"
	$(Q)$(CC) $(VARIANT_FLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(C_ARCHIVE): $(C_OBJECTS)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(C_OUT)/obj/%.o: %.c $(C_OUT)/obj/flags | found-openssl
	$(compile) -DETTM_TEST -Ispec/c $(SSL_CFLAGS) $(IDN_CFLAGS)

# --- The specs ---------------------------------------------------------------------------------

LUA_PROGRAM = $(firstword $(foreach p,$(LUA_PROGRAMS),$(shell command -v $(p))))
run_specs = OUT=$(OUT) spec/support/run-specs.sh "$(LUA)$(VARIANT_DIR)

spec: all
	$(Q)$(run_specs)" "$(LUA_PROGRAM)" $(SPEC_FOLDERS)

# Against a real mail server, Postfix, which spec/interop brings and starts.
e2e: all
	$(Q)trap 'spec/interop/mta.sh postfix stop' EXIT; trap 'exit 130' INT TERM; \
	  $(run_specs), end to end" "$(LUA_PROGRAM)" $(sort $(wildcard spec/interop/postfix*_spec.lua))

# Composed messages as foreign readers see them: Python's email, npm's mailparser, Perl's MIME tools,
# GMime, brought where they are missing. FOREIGN=present takes those that are there.
FOREIGN_COUNT ?= 1000
foreign: all
	$(Q)SPEC_SECONDS=900 FOREIGN_COUNT=$(FOREIGN_COUNT) FOREIGN=$(FOREIGN) \
	  $(run_specs), foreign readers" "$(LUA_PROGRAM)" spec/interop/foreign_spec.lua

# Round trips through a proxy that delays, to bench's sink, Postfix and Exim.
turns: all
	$(Q)trap 'for m in postfix exim; do spec/interop/mta.sh $$m stop; done' EXIT; trap 'exit 130' INT TERM; \
	  $(run_specs), round trips" "$(LUA_PROGRAM)" spec/interop/turns_spec.lua

# Logins by every mechanism into a real Dovecot, and GNU SASL's client into the testing server.
dovecot: all
	$(Q)trap 'spec/interop/mta.sh dovecot stop' EXIT; trap 'exit 130' INT TERM; \
	  $(run_specs), Dovecot" "$(LUA_PROGRAM)" spec/interop/dovecot_spec.lua \
	  spec/interop/gsasl_spec.lua

interop: foreign turns dovecot

# In a real nginx, which spec/resty brings; its Lua is LuaJIT.
resty:
	+$(Q)$(SUBMAKE) LUA=luajit resty-spec
resty-spec: all
	$(Q)$(run_specs), in nginx" "$(LUA_PROGRAM)" spec/resty

# The same with as many messages and reloads as there may be: minutes.
resty-hard:
	+$(Q)LOAD=whole SPEC_SECONDS=3600 $(SUBMAKE) LUA=luajit resty-spec

# Every engine, or the one named.
TEST_ENGINES = $(if $(filter file default,$(origin LUA)),$(ENGINES),$(LUA))
SUBMAKE = $(MAKE) --no-print-directory

test:
	+$(Q)MAKE='$(SUBMAKE)' JOBS=$(JOBS) BUILD=$(BUILD) spec/support/test.sh $(TEST_ENGINES)

# The second make finds what the first has installed.
demo:
	+$(Q)spec/support/deps.sh $(if $(filter 5.4,$(LUA)),build,test) && \
	  $(SUBMAKE) -j$(JOBS) all && $(SUBMAKE) run-demo
run-demo:
	$(Q)env -u LUA_PATH_$(subst .,_,$(LUA)) -u LUA_CPATH_$(subst .,_,$(LUA)) \
	  LUA_PATH="lua/?.lua;lua/?/init.lua;;" LUA_CPATH="$(OUT)/?.so;;" \
	  $(LUA_PROGRAM) examples/demo.lua $(BUILD)/demo

# Debian packages by name; nothing where nothing is missing.
deps:
	$(Q)spec/support/deps.sh all

# The reference, from the annotations in the sources.
make_reference = LUA_PATH="lua/?.lua;lua/?/init.lua;spec/?.lua;;" LUA_CPATH="$(OUT)/?.so;;" \
  $(LUA_PROGRAM) docs/make-reference.lua

.PHONY: docs
docs: all
	$(Q)$(make_reference) docs/reference.md

# --- Memory, hostile input ---------------------------------------------------------------------

asan:
	+$(Q)MAKE='$(SUBMAKE)' JOBS=$(JOBS) BUILD=$(BUILD) spec/support/asan.sh

# Each fuzzer runs FUZZ_SECONDS, as many at once as there are processors.
FUZZ_CC ?= clang
FUZZ_SECONDS ?= 60
FUZZ_OUT = $(BUILD)/fuzz
FUZZ_FLAGS = -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_OBJECTS = $(patsubst %.c,$(FUZZ_OUT)/obj/%.o,$(CORE_SOURCES) $(HOST_SOURCES))
FUZZ_PROGRAMS = $(FUZZERS:spec/fuzz/%.c=$(FUZZ_OUT)/%)

fuzz: $(FUZZ_PROGRAMS)
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) JOBS=$(JOBS) OUT=$(FUZZ_OUT) spec/support/run-fuzzers.sh $^

$(FUZZ_PROGRAMS): $(FUZZ_OUT)/%: $(FUZZ_OUT)/obj/spec/fuzz/%.o $(FUZZ_OBJECTS)
	@echo "LINK $@"
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer,address,undefined $(LDFLAGS) -o $@ $^ $(LIBS)

$(FUZZ_OUT)/obj/%.o: %.c | found-openssl
	@mkdir -p $(@D)
	@echo "CC $< (fuzzing)"
	$(Q)$(FUZZ_CC) $(CPPFLAGS) $(WARNINGS) -O1 -g $(FUZZ_FLAGS) -pthread -Icsrc $(SSL_CFLAGS) \
	  $(IDN_CFLAGS) -MMD -MP -c -o $@ $<

# --- Speed, side by side with other clients (bench/README.md) ---------------------------------

bench: all
	$(Q)bench/run.sh $(BENCH_ARGS)

# In nginx, beside lua-resty-mail where RESTY_PATH leads to it (bench/nginx/README.md).
bench-nginx:
	+$(Q)$(SUBMAKE) LUA=luajit all
	$(Q)bench/nginx/mail.sh $(BENCH_ARGS)
bench-ping:
	+$(Q)$(SUBMAKE) LUA=luajit all
	$(Q)bench/nginx/ping.sh $(BENCH_ARGS)

# --- Style -------------------------------------------------------------------------------------

HEADERS = $(sort $(wildcard csrc/*/*.h spec/c/*.h))
ALL_C = $(SOURCES) $(TESTS) $(HARNESS) $(FUZZERS) $(HOST_TESTS) $(STEP_TESTS)
KNOW_LUA = $(BINDING_SOURCES) $(HOST_TESTS)

STYLE_CHECKS = format lua cppcheck warnings layers complexity exports sources version shell docs

check-style:
	+$(Q)$(SUBMAKE) -k -O -j$(JOBS) $(STYLE_CHECKS:%=style-%)

style-format:
	$(Q)clang-format --dry-run -Werror $(ALL_C) $(HEADERS)

style-lua:
	$(Q)luacheck -q --no-color .

style-cppcheck:
	@mkdir -p $(BUILD)/style/cppcheck
	$(Q)cppcheck -q --error-exitcode=1 --enable=warning,performance,portability --inline-suppr \
	  --suppressions-list=spec/style/cppcheck.txt --std=c99 -D__GNUC__=12 -DETTM_IDN2 -DETTM_UNISTRING -Icsrc -Ispec/c \
	  -j$(JOBS) --cppcheck-build-dir=$(BUILD)/style/cppcheck $(ALL_C)

# Every file under both compilers; the binding under every engine's headers, the programs around Lua
# under those of 5.4, which they are for.
COMPILERS = gcc clang
STAMPS = $(foreach c,$(COMPILERS),$(patsubst %.c,$(BUILD)/style/$(c)/%.ok,$(filter-out \
  $(KNOW_LUA),$(ALL_C))))
BINDING_STAMPS = $(foreach c,$(COMPILERS),$(patsubst %.c,$(BUILD)/style/$(c)-$(LUA)/%.ok, \
  $(BINDING_SOURCES) $(if $(filter 5.4,$(LUA)),$(HOST_TESTS))))

style-warnings: $(STAMPS) $(ENGINES:%=style-binding-%)
style-binding-%:
	+$(Q)$(SUBMAKE) LUA=$* binding-warnings
binding-warnings: $(BINDING_STAMPS)

define check_warnings
$(BUILD)/style/$(1)/%.ok: %.c | found-openssl
	@mkdir -p $$(@D)
	$(Q)$(2) $(CPPFLAGS) $(WARNINGS) -Werror -fsyntax-only -Icsrc -Ispec/c $(3) $(SSL_CFLAGS) \
	  $(IDN_CFLAGS) -MMD -MP -MT $$@ -MF $$@.d $$< && touch $$@
endef
$(foreach c,$(COMPILERS),$(eval $(call check_warnings,$(c),$(c))))
$(foreach c,$(COMPILERS),$(eval $(call check_warnings,$(c)-$(LUA),$(c),$(LUA_CFLAGS))))

style-layers:
	$(Q)spec/style/layers.sh $(CORE_SOURCES)

style-complexity:
	$(Q)spec/style/complexity.sh $(ALL_C)

style-exports: $(MODULES)
	$(Q)for m in $(MODULES); do spec/style/exports.sh $$m || exit 1; done

# No C file stands outside the list above.
style-sources:
	@echo $(SOURCES) | tr ' ' '\n' | sort >$(BUILD)/style-listed
	$(Q)find csrc -name '*.c' | sort | diff $(BUILD)/style-listed -

style-docs: $(MODULE)
	$(Q)$(make_reference) $(BUILD)/reference.md && cmp -s $(BUILD)/reference.md docs/reference.md || \
	  { echo "docs/reference.md is out of date: run make docs" >&2; exit 1; }

style-version:
	$(Q)spec/style/version.sh

style-shell:
	$(Q)for f in spec/*/*.sh bench/*.sh bench/*/*.sh .ci/run; do sh -n "$$f" || exit 1; done

clean:
	rm -rf $(BUILD) bench/build bench/peers/node_modules

# Headers each object has seen.
-include $(patsubst %.o,%.d,$(SHARED_OBJECTS) $(BINDING_OBJECTS) $(C_OBJECTS) $(HARNESS_OBJECTS) \
  $(FUZZ_OBJECTS) $(TESTS:%.c=$(C_OUT)/obj/%.o) $(FUZZERS:%.c=$(FUZZ_OUT)/obj/%.o))
-include $(addsuffix .d,$(STAMPS) $(BINDING_STAMPS))

FORCE:
.PHONY: all found-openssl found-lua install install-openresty rock rock-test c-test spec resty resty-spec resty-hard e2e foreign turns dovecot interop test demo run-demo deps asan fuzz bench bench-nginx bench-ping \
  check-style clean binding-warnings FORCE $(STYLE_CHECKS:%=style-%)
.SECONDARY:
.DELETE_ON_ERROR:
