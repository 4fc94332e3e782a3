# The environment; bootstrap.sh says what it is made with.
VENV ?= .venv
# A CPython that has the newest Paddle, if there is one here. It gets an environment of its own.
NEWEST_PYTHON ?= $(shell for python in python3.12 python3.13 $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.1[23].*/bin/python; do \
    $$python -c 'import ensurepip' 2>/dev/null && echo $$python && break; done)

.PHONY: demo test test-newest newest-environment test-slow readme graph requirements.lock clean

demo: $(VENV)/.installed
	$(VENV)/bin/mobileseg demo --output output/demo

# Everything on the reference; then what is marked as `newest` on the newest Paddle, whose environment is made meanwhile.
test: $(VENV)/.installed
	@$(MAKE) --silent newest-environment &
	$(VENV)/bin/python -m pytest -n 2 --dist worksteal
	@$(MAKE) --silent test-newest

test-newest: newest-environment
ifneq ($(NEWEST_PYTHON),)
	.venv-newest/bin/python -m pytest -m newest $$(grep -rl --include='*.py' mark.newest tests)
endif

# One at a time, where there is flock: the second finds it made. Without the label core, whose compilation takes longer than
# these tests and which the reference has: NumPy does its work.
newest-environment:
ifeq ($(NEWEST_PYTHON),)
	@echo 'note: no CPython 3.12 or 3.13 here: the tests marked as `newest` do not run on the newest Paddle' >&2
else
	@$(shell command -v flock && echo Makefile) \
	    $(MAKE) VENV=.venv-newest PYTHON=$(NEWEST_PYTHON) LOCKED= CC=false CXX=false .venv-newest/.installed
endif

test-slow: $(VENV)/.installed
	$(VENV)/bin/python -m pytest -m slow

# After `make demo`: its figures and the commands' own output go into the README.
readme: $(VENV)/.installed
	$(VENV)/bin/python docs/fill_readme.py output/demo

# Which room of the package imports which, and how many lines each has.
graph: $(VENV)/.installed
	$(VENV)/bin/python docs/import_graph.py

# What LOCKED=1 installs. Needs uv; to be made again whenever setup.py changes.
requirements.lock:
	printf 'setuptools>=64\nwheel\n' | uv pip compile setup.py - --extra reference --extra lite --extra test --generate-hashes \
	    --python-version 3.10 --python-platform x86_64-manylinux_2_28 --upgrade \
	    --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet --output-file $@.new
	(printf '%s\n' '# What `LOCKED=1 make demo` installs: every file by its SHA-256. For CPython 3.10 on Linux and x86_64.' \
	    '# Made from setup.py by `make requirements.lock`.'; cat $@.new) >$@
	rm $@.new

$(VENV)/.installed: setup.py pyproject.toml bootstrap.sh $(wildcard deploy/cpp/include/mobileseg/*.h deploy/cpp/include/mobileseg/detail/*.h deploy/cpp/python/*.cc)
	./bootstrap.sh

clean:
	rm -rf .venv .venv-newest build output *.egg-info
