EXTENSION = leadterra

# The folder of this file, as PGXS finds it: a build may be in another one.
source := $(patsubst %/,%,$(or $(VPATH),$(dir $(firstword $(MAKEFILE_LIST)))))

# The control file is the one place where the version is written for the
# build; scripts/check holds META.json, the changelog and the README to it.
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(source)/$(EXTENSION).control)
ifeq ($(EXTVERSION),)
$(error there is no version in $(source)/$(EXTENSION).control)
endif

MODULE_big = leadterra
OBJS = $(patsubst $(source)/%.c,%.o,$(sort $(wildcard $(source)/src/*.c)))
# The server's headers as system headers, so that warnings are of this code.
PG_CONFIG ?= pg_config
PG_CPPFLAGS = -isystem $(shell $(PG_CONFIG) --includedir-server) \
	-DLEADTERRA_VERSION='"$(EXTVERSION)"'
PG_CFLAGS += -Wextra
# Names of this module must not meet those of libraries that the server loads.
SHLIB_LINK += $(if $(filter linux,$(PORTNAME)),-Wl$(comma)-Bsymbolic) -lidn2
comma = ,
PGFILEDESC = "leadterra - engine of an outbound campaign service"

# The parts of the install script, in two passes: a file of tables needs no other but
# what stands above it here, and a function or view may read any table.
TABLES = context suppression lead heir list enrollment webhook campaign queue sender total event \
	job enroll enroll_import message http
FUNCTIONS = error version uuid7 typeid context context_close window due lease suppression lead \
	heir list enrollment queue queue_maintain webhook webhook_delivery webhook_claim sender \
	sender_pool total event campaign campaign_sending campaign_status forecast job enroll \
	enroll_add enroll_import_column enroll_import_progress enroll_import enroll_existing \
	enroll_merge lead_page message message_page message_maintain forget forget_export monitor
HTTP = answer value value_v2 campaign campaign_report lead message suppression sender webhook \
	reply campaign_v2 campaign_report_v2 list_v2 suppression_v2 job_v2 lead_v2 lead_page_v2 route \
	edge
FIRST_PASS = $(addprefix $(source)/sql/, 00_header.sql 10_default.sql $(TABLES:%=20_table/%.sql))
SECOND_PASS = $(addprefix $(source)/sql/, $(FUNCTIONS:%=30_function/%.sql) \
	40_view.sql $(HTTP:%=50_http/%.sql) 90_privilege.sql \
	91_grant.sql)
SQL_PARTS = $(FIRST_PASS) $(SECOND_PASS) $(source)/sql/99_public.sql

# An upgrade script goes from an earlier version straight to this one.  The changes to
# tables of each version on the way are written by hand; all functions and views follow
# as they are now.  Both of these take a version.
earlier = $(foreach from,\
	$(patsubst $(source)/updates/%--$(1).sql,%,$(wildcard $(source)/updates/*--$(1).sql)),\
	$(from) $(call earlier,$(from)))
changes = $(foreach file,$(wildcard $(source)/updates/$(1)--*.sql),\
	$(file) $(call changes,$(patsubst $(source)/updates/$(1)--%.sql,%,$(file))))
UPGRADES = $(patsubst %,sql/$(EXTENSION)--%--$(EXTVERSION).sql,$(call earlier,$(EXTVERSION)))
DATA_built = sql/$(EXTENSION)--$(EXTVERSION).sql $(UPGRADES)

# The names of the files that match.
names = $(sort $(basename $(notdir $(wildcard $(source)/$(1)))))
REGRESS = $(call names,test/sql/*.sql)
REGRESS_OPTS = --inputdir=$(source)/test --load-extension=$(EXTENSION)
ISOLATION = $(call names,test/isolation/specs/*.spec)
ISOLATION_OPTS = --inputdir=$(source)/test/isolation --load-extension=$(EXTENSION)
# pg_regress looks for the output that it expects where it runs.
REGRESS_PREP = expected

# What make worker leaves in the folder.
EXTRA_CLEAN = $(addprefix worker/, leadterra-worker *.o test/*.o test/*.fuzz test/*.t test/compose)

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

ifeq ($(shell test $(MAJORVERSION) -ge 15 && echo yes),)
$(error leadterra needs PostgreSQL 15 or newer, $(PG_CONFIG) is of $(VERSION))
endif

# What another build has made in the folder of this file is not of this build.
override VPATH =
vpath %.c $(source)
vpath %.control $(source)

# Folders that a build elsewhere lacks.
$(shell mkdir -p src sql)
expected:
	ln -s $(source)/expected $@

sql/$(EXTENSION)--$(EXTVERSION).sql: $(SQL_PARTS) $(EXTENSION).control
	cat $(SQL_PARTS) > $@

# Tables call functions, so what the changes to tables may call comes before them.
replace = awk -f $(source)/updates/replace.awk
$(UPGRADES): sql/$(EXTENSION)--%--$(EXTVERSION).sql: \
		$(wildcard $(source)/updates/*) $(SQL_PARTS) $(EXTENSION).control
	{ cat $(source)/updates/header.sql && \
		$(replace) $(source)/sql/10_default.sql && \
		cat $(call changes,$*) && \
		$(replace) $(SECOND_PASS) && \
		cat $(source)/sql/99_public.sql; } > $@

# The worker is a program, with libraries of its own: no target of the extension needs it.
worker_make = $(MAKE) -C worker -f $(abspath $(source))/worker/Makefile
.PHONY: worker install-worker uninstall-worker check-worker
worker install-worker uninstall-worker check-worker:
	mkdir -p worker
	+$(worker_make) $(patsubst worker,all,$(@:-worker=))

# For scripts/check.
.PHONY: sql-parts sql-replaced sql-changes
sql-parts:
	@printf '%s\n' $(patsubst $(source)/%,%,$(SQL_PARTS))
sql-replaced:
	@$(replace) $(source)/sql/10_default.sql $(SECOND_PASS)
sql-changes:
	@printf '%s\n' $(patsubst $(source)/%,%,$(sort \
		$(foreach from,$(call earlier,$(EXTVERSION)),$(call changes,$(from)))))

# Every object is rebuilt when a header, a flag or the version changes: the tree is
# small, and PGXS tracks no dependencies for extensions.
$(OBJS) $(OBJS:.o=.bc): $(wildcard $(source)/src/*.h) $(EXTENSION).control $(source)/Makefile
