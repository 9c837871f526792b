#!/usr/bin/env bash
# What action.yml runs: from its inputs, as environment variables, to the gate, the job's summary and the exit code.
set -uo pipefail

words=(gate --baseline "$GATE_BASELINE" --candidate "$GATE_CANDIDATE" --report "$GATE_REPORT")
if [ -n "${GATE_IMAGE:-}" ]; then
  words+=(--image "$GATE_IMAGE")
else
  words+=(--backend "${GATE_BACKEND:-auto}")
fi
[ -n "${GATE_NAME:-}" ] && words+=(--name "$GATE_NAME")
for budget in ${GATE_BUDGETS:-}; do words+=(--budget "$budget"); done
for tolerance in ${GATE_TOLERANCES:-}; do words+=(--tolerance "$tolerance"); done
for word in ${GATE_ARGUMENTS:-}; do words+=("$word"); done

tfserving-harness "${words[@]}"
code=$?
[ -n "${GITHUB_OUTPUT:-}" ] && echo "exit-code=$code" >>"$GITHUB_OUTPUT"
if [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -f "$GATE_REPORT/summary.md" ]; then
  cat "$GATE_REPORT/summary.md" >>"$GITHUB_STEP_SUMMARY"
fi
if [ "$code" -eq 2 ] && [ "${GATE_INCONCLUSIVE:-fail}" = warn ]; then
  echo "::warning title=Gate inconclusive::this machine was too noisy to tell; see the summary"
  exit 0
fi
exit "$code"
