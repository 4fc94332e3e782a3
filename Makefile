.PHONY: demo test test-slow clean

demo: .venv/.installed
	.venv/bin/mobileseg demo --output output/demo

test: .venv/.installed
	.venv/bin/python -m pytest

test-slow: .venv/.installed
	.venv/bin/python -m pytest -m slow

.venv/.installed: setup.py pyproject.toml bootstrap.sh
	./bootstrap.sh

clean:
	rm -rf .venv build output *.egg-info
