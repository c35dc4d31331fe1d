#!/usr/bin/env bash
# Runs built tests in parts, one process after the other: on few processors those that compute would starve those that
# wait for brokers, processes and sockets. Of each part only what failed and the sum is shown; the rest is in a file.
# usage: run-tests.sh [part ...]     (without any: all of them)
set -euo pipefail
cd "$(dirname "$0")/.."
logs=.build/test-logs
mkdir -p "$logs"

# More tests at a time only wait for one another, and those with a time limit run into it.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=${SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH:-8}

# Tests that wait for brokers, processes and sockets.
brokers='MQTTIntegrationTests'
processes='MQTTCtlTests|FixtureTests'
sockets='MQTTTransportTests'
# Those of the broker in the box and of the kit, in which some wait for programs of others.
box='MQTTBrokerTests|MQTTTestKitTests|ThermostatTests'
# Those of brokers that move most bytes.
roads='RoadTests|RoadMatrixTests|RoadSecrecyTests|FailoverTests'
# Tests that take all processors for themselves.
load='LoadTests'

arguments() {
    case $1 in
    units) echo --skip "$brokers|$processes|$sockets|$box" ;;
    box) echo --filter "$box" ;;
    sockets) echo --filter "$sockets" ;;
    processes) echo --filter "$processes" ;;
    brokers) echo --filter "$brokers" --skip "$load|$roads" ;;
    roads) echo --filter "$roads" ;;
    load) echo --filter "$load" ;;
    *)
        echo "run-tests.sh: there is no part $1; there are units box sockets processes brokers roads load" >&2
        return 1
        ;;
    esac
}

for part in "${@:-units box sockets processes brokers roads load}"; do
    # Word by word when none was named.
    for name in $part; do
        log=$logs/$name.log
        words=$(arguments "$name")
        status=0
        # shellcheck disable=SC2086
        ${SWIFT:-swift} test --skip-build $words >"$log" 2>&1 || status=$?
        if [ "$status" != 0 ]; then
            echo "tests of part $name failed (exit $status); all of its output is in $log" >&2
            # A crash says nothing of the kind: then where it ended.
            grep -aE "✘|↳ [^/]" "$log" | cut -c1-600 | tail -n 100 | grep -a "✘" -A 100 >&2 \
                || tail -n 30 "$log" | cut -c1-600 >&2
            exit "$status"
        fi
        sum=$(grep -aE "Test run with [0-9]+ tests? .*passed" "$log" | tail -n 1)
        if [ -z "$sum" ]; then
            echo "part $name ran no test; its output is in $log" >&2
            exit 1
        fi
        echo "$name:"
        echo "$sum"
    done
done
