#!/usr/bin/env bash
# Shows that check-floors.sh fails where it must and only there. Works in a folder of its own.
set -euo pipefail
scripts=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cases=0
failures=0

# expect ok|refused NAME PATH SOURCE [TEXT]: one file in an otherwise empty package; TEXT must stand in the complaint.
expect() {
    local wanted=$1 name=$2 path=$3 source=$4 text=${5:-} got=ok output
    rm -rf "$scratch/package"
    mkdir -p "$scratch/package/Sources" "$(dirname "$scratch/package/$path")"
    printf '%b' "$source" >"$scratch/package/$path"
    output=$("$scripts/check-floors.sh" "$scratch/package" 2>&1) || got=refused
    cases=$((cases + 1))
    if [ "$got" != "$wanted" ] || { [ -n "$text" ] && [[ "$output" != *"$text"* ]]; }; then
        failures=$((failures + 1))
        printf 'check-floors-test: %s: wanted %s %s, got %s:\n%s\n' "$name" "$wanted" "$text" "$got" "$output"
    fi
}

engine=Sources/MQTTEngine/Core/Engine.swift
client=Sources/MQTT/Client.swift
tool=Sources/mqttctl/Main.swift

expect ok "an allowed import" $engine 'package import MQTTWire\nimport DequeModule\n'
expect refused "a plain import" $engine 'import MQTTWire\nimport NIOCore\n' "$engine:2: MQTTEngine may not import NIOCore"
expect refused "it says what is allowed" $engine 'import NIOCore\n' 'it may import: MQTTWire DequeModule'
expect refused "the standard library by name" $engine 'import Swift\n'
expect refused "an access level" $engine 'public import Foundation\n'
expect refused "an attribute" $engine '@preconcurrency import Foundation\n'
expect refused "an attribute with arguments and a level" $engine '@_spi(Inside) package import NIOCore\n'
expect refused "an attribute on its own line" $engine '@_exported\nimport NIOCore\n'
expect refused "a scoped import" $engine 'import struct NIOCore.ByteBuffer\n' 'import NIOCore'
expect refused "a submodule" $engine '  import Foundation.NSData\n' 'import Foundation;'
expect refused "behind a condition" $engine '#if os(Linux)\n    import Glibc\n#endif\n' "$engine:2:"
expect refused "behind a semicolon" $engine 'import MQTTWire; import NIOCore\n'
expect refused "over two lines" $engine 'import\n    NIOCore\n'
expect refused "in backticks" $engine 'import `NIOCore`\n'
expect refused "after a comment" $engine '/* a */ import NIOCore // why not\n'
expect ok "in a comment" $engine '// import NIOCore\n/* import\nimport NIOCore\n*/\n'
expect ok "in a literal" $engine 'let text = """\nimport NIOCore\n"""\nlet other = "import NIOCore"\n'
expect refused "after a literal" $engine 'let text = """\nimport\n"""\nimport NIOCore\n' "$engine:4:"
expect ok "words that only begin so" $engine 'let importance = 1\nfunc imports() {}\n'

expect refused "a higher floor" Sources/MQTTWire/A.swift 'import MQTTEngine\n'
expect refused "transport and a floor of ours" Sources/MQTTTransport/A.swift 'import MQTTWire\n'
expect ok "transport and the C library" Sources/MQTTTransport/A.swift 'import Glibc\nimport NIOSSL\n'
expect ok "the client and ServiceLifecycle" $client 'public import ServiceLifecycle\n'
expect refused "the client and Foundation" $client 'import Foundation\n'
expect ok "the tool" $tool 'import MQTT\nimport ArgumentParser\nimport UnixSignals\nimport Musl\nimport MQTTBroker\n'
expect refused "the tool and the engine" $tool 'import MQTTEngine\n'
expect refused "the tool and Foundation" $tool 'import Foundation\n'
expect refused "the broker and the client" Sources/MQTTBroker/A.swift 'import MQTT\n'
expect refused "a target that is not in the table" Sources/MQTTMagic/A.swift 'import MQTT\n' 'not in the floor table'
expect refused "a C target that is not in the table" Sources/CMagic/magic.c 'int a;\n' 'not in the floor table'
expect refused "NIO in the tests of the engine" Tests/MQTTEngineTests/A.swift 'import Testing\nimport NIOCore\n'
expect ok "NIO in other tests" Tests/MQTTTests/A.swift 'import NIOCore\n'

expect refused "unchecked" $client 'final class A: @unchecked Sendable {}\n' '@unchecked Sendable'
expect refused "try!" $client 'let a = try! b()\n' 'try!'
expect refused "as!" $client 'let a = b as! Int\n' 'as!'
expect refused "fatalError" $client 'func a() { fatalError("no") }\n' 'fatalError'
expect ok "explained" $client '// Safe: the lock is the only way in.\nfinal class A: @unchecked Sendable {}\n'
expect refused "explained too far above" $client '// Safe: it is.\n\nlet a = try! b()\n'
expect ok "only spoken of" $client '/// Never use try! or as! or fatalError().\nlet a = "try! as! fatalError("\n'

# The table itself: a row may only look down.
mkdir -p "$scratch/scripts" "$scratch/package"
cp "$scripts"/check-floors.{sh,awk} "$scratch/scripts/"
printf 'floor 0 Low High\nfloor 1 High Low\n' >"$scratch/scripts/floors.txt"
rm -rf "$scratch/package" && mkdir -p "$scratch/package/Sources/Low" && echo >"$scratch/package/Sources/Low/A.swift"
cases=$((cases + 1))
if "$scratch/scripts/check-floors.sh" "$scratch/package" >/dev/null 2>&1; then
    failures=$((failures + 1))
    echo "check-floors-test: a table that looks up was accepted"
fi

if [ "$failures" != 0 ]; then
    echo "check-floors-test: $failures of $cases cases fail" >&2
    exit 1
fi
echo "check-floors-test: ok, $cases cases"
