# Two commands do all the set-up: `make demo` and `make test`. Each makes .venv and installs what it needs.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: demo test lint livekit-server resilience voice-long benchmark benchmark-voice api clean

demo: .venv/demo-installed
	@$(BIN)/genesis demo $(if $(OPENAI_API_KEY)$(OPENAI_BASE_URL),,--scripted-model)

# The tests wait for leases and processes more than they compute: four at a time, however few the CPUs.
test: .venv/test-installed lint
	$(BIN)/pytest -n 4

lint: .venv/test-installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# The server of the tests in tests/voice/livekit, which are skipped without it. Needs Go, takes some minutes.
livekit-server: .cache/bin/livekit-server

.cache/bin/livekit-server:
	GOBIN=$(CURDIR)/.cache/bin go install github.com/livekit/livekit-server/cmd/server@v1.13.5
	mv .cache/bin/server $@

# The long version of the fault suite, an hour of soak last, and its figures in docs/reliability.md. Takes about two hours on
# a machine that does nothing else. As root it has the faults of networks, too.
LONG := $(BIN)/pytest --long --reliability-json .cache/reliability.json
resilience: .venv/resilience-installed
	$(LONG) tests/resilience tests/bad_input --deselect tests/resilience/test_soak.py
	$(LONG) tests/resilience/test_soak.py
	$(BIN)/python -m tests.resilience.document .cache/reliability.json

# The tests of voice that take minutes: calls in real time, and free dialogue on neural speech (450 MB of weights).
voice-long: .venv/voice-long-installed
	$(BIN)/pytest --long tests/voice

# Every figure of docs/benchmarks.md, and the tables in it. Takes about half an hour on a machine that does nothing else.
benchmark: .venv/benchmark-installed
	$(BIN)/python -m benchmarks.run --json benchmarks/results/run.json --plot docs/images/benchmarks.svg
	$(BIN)/python -m benchmarks.startup --cold-starts 1000 --swarm --json benchmarks/results/startup.json
	$(BIN)/python -m benchmarks.document benchmarks/results/run.json benchmarks/results/startup.json

# The figures of docs/voice.md. Takes a quarter of an hour on a machine that does nothing else.
benchmark-voice: .venv/voice-long-installed
	$(BIN)/python -m benchmarks.voice --json benchmarks/results/voice.json

api: .venv/demo-installed
	$(BIN)/python docs/generate_api.py

clean:
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/pip-installed:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "genesis_lib needs Python 3.11 or newer; '$(PYTHON)' is older. Say where it is: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	@touch $@

.venv/demo-installed: .venv/pip-installed pyproject.toml
	$(BIN)/pip install --quiet --editable .
	@touch $@

.venv/test-installed: .venv/demo-installed
	$(BIN)/pip install --quiet --group test
	@touch $@

.venv/resilience-installed: .venv/test-installed
	$(BIN)/pip install --quiet --group resilience
	@touch $@

.venv/voice-long-installed: .venv/test-installed
	$(BIN)/pip install --quiet --group voice-long
	@touch $@

.venv/benchmark-installed: .venv/demo-installed
	$(BIN)/pip install --quiet --group benchmark
	@touch $@
