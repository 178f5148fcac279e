# `make` says what there is. Everything lives in .venv; nothing is installed outside it, except that `make test`
# brings chromium and php where it is root on Debian.

PORT     ?= 8080
DEMO_DIR ?= demo-data
CONFIG   ?= app.yaml
JOBS     ?= 2
PYTEST   ?=
IMAGE    ?= onethread
PYTHON   := .venv/bin/python

.DEFAULT_GOAL := help
.PHONY: help demo run test lint bench screenshots image lock clean venv-demo venv-dev

help:
	@echo "make demo     the real bot against local stand-ins of the platforms (PORT=$(PORT) DEMO_DIR=$(DEMO_DIR))"
	@echo "make run      the bot on your own workspace                           (CONFIG=$(CONFIG))"
	@echo "make test     lint, types and the whole test suite with coverage      (JOBS=$(JOBS) PYTEST='-k blobs')"
	@echo "make lint     ruff and mypy only"
	@echo "make bench    what it costs, as ratios against a floor"
	@echo "make screenshots  the pictures of README and docs, from a demo that is started for them"
	@echo "make image    the container image                                     (IMAGE=$(IMAGE))"
	@echo "make lock     requirements/*.lock anew from pyproject.toml            (UPGRADE=1 for newer versions)"
	@echo "make clean    removes .venv, caches and the demo's data; never data/"

venv-demo:
	@sh tools/venv demo

venv-dev:
	@sh tools/venv dev

demo: venv-demo
	@exec .venv/bin/onethread demo --port "$(PORT)" --dir "$(DEMO_DIR)"

run: venv-demo
	@exec .venv/bin/onethread run --config "$(CONFIG)"

lint: venv-dev
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy $(wildcard bot benchmarks)

test: lint
	@sh tools/system-packages
	@sh tools/node-packages
	$(PYTHON) -m pytest -n $(JOBS) --dist loadfile -rs --durations=5 --cov --cov-report=term:skip-covered $(PYTEST)

bench: venv-dev
	$(PYTHON) -m benchmarks all

screenshots: venv-dev
	@sh tools/system-packages
	$(PYTHON) tools/screenshots.py

image:
	@command -v docker >/dev/null 2>&1 || { \
	  echo "onethread: docker is not installed, so no image can be built."; \
	  echo "  Install Docker Engine (or podman with its docker command), or run without a container: make run"; exit 1; }
	@docker info >/dev/null 2>&1 || { \
	  echo "onethread: docker is installed, but its daemon does not answer (docker info says why)."; \
	  echo "  Start it (systemctl start docker), or join the docker group, or run without a container: make run"; exit 1; }
	docker build --tag "$(IMAGE)" .

lock: venv-dev
	@UPGRADE="$(UPGRADE)" sh tools/lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* htmlcov build dist demo-data
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
