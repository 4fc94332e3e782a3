.PHONY: demo test test-slow readme graph clean

demo: .venv/.installed
	.venv/bin/mobileseg demo --output output/demo

test: .venv/.installed
	.venv/bin/python -m pytest -n 2 --dist worksteal

test-slow: .venv/.installed
	.venv/bin/python -m pytest -m slow

# After `make demo`: its figures and the commands' own output go into the README.
readme: .venv/.installed
	.venv/bin/python docs/fill_readme.py output/demo

# Which room of the package imports which, and how many lines each has.
graph: .venv/.installed
	.venv/bin/python docs/import_graph.py

.venv/.installed: setup.py pyproject.toml bootstrap.sh $(wildcard deploy/cpp/include/mobileseg/*.h deploy/cpp/include/mobileseg/detail/*.h deploy/cpp/python/*.cc)
	./bootstrap.sh

clean:
	rm -rf .venv build output *.egg-info
