# The two commands of the README, and the rest of the jobs of tox.ini. Needs Python 3.10-3.13 and nothing else.
PYTHON ?= python3
TOX = .tools/bin/tox

.PHONY: demo demo-commodity test lint types bench package clean

demo: $(TOX) ## export, serve, check and measure the digits classifier; ends with report/index.html
	@$(TOX) -q run -e demo -- $(ARGS)

demo-commodity: $(TOX) ## export, serve and check the product detector; ends with marked images in report/commodity.html
	@$(TOX) -q run -e demo-commodity -- $(ARGS)

test: $(TOX) ## the whole test suite
	@$(TOX) -q run -e tests -- $(ARGS)

lint types bench package: $(TOX)
	@$(TOX) -q run -e $@ -- $(ARGS)

$(TOX):
	@echo "making .tools (tox) ..."
	@$(PYTHON) -m venv .tools
	@.tools/bin/pip install --quiet --disable-pip-version-check "tox>=4.20"

clean: ## remove what the commands made; .venv too
	rm -rf .tools .venv .tox report build dist
