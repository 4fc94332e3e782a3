# The environment; bootstrap.sh says what it is made with.
VENV ?= .venv

.PHONY: demo test test-slow readme graph requirements.lock clean

demo: $(VENV)/.installed
	$(VENV)/bin/mobileseg demo --output output/demo

test: $(VENV)/.installed
	$(VENV)/bin/python -m pytest -n 2 --dist worksteal

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
	rm -rf .venv build output *.egg-info
