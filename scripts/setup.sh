#!/usr/bin/env bash
# Makes sure that everything the tests need is there: Swift 6.2, Mosquitto, OpenSSL, git, an HTTP proxy
# (tinyproxy), a SOCKS server (Dante), Mosquitto's clients, and paho-mqtt and zmqtt for Python. On Debian as root it installs what is missing (Swift excepted); anywhere else it says
# what to install. Says nothing when all is there.
set -euo pipefail

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# Debian puts mosquitto into /usr/sbin, which is not on everybody's PATH. Dante's own name for its server is sockd.
have() {
    if [ "$1" = danted ] && have sockd; then return 0; fi
    PATH="$PATH:/usr/sbin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/sbin:/opt/homebrew/bin" command -v "$1" >/dev/null 2>&1
}

check_swift() {
    command -v swift >/dev/null 2>&1 \
        || fail "Swift is missing. Install Swift 6.2 or later (https://www.swift.org/install) and have \`swift\` on the PATH."
    local version major minor
    version=$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+\.[0-9]+).*/\1/p' | head -n 1)
    [ -n "$version" ] || fail "\`swift --version\` does not say a version; is the toolchain complete?"
    major=${version%%.*}
    minor=${version#*.}
    if [ "$major" -lt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -lt 2 ]; }; then
        fail "Swift $version is too old; swift-mqtt needs Swift 6.2 or later (https://www.swift.org/install)."
    fi
}

# Installing the packages would start Debian's services on their usual ports; the tests start their own. A policy of the machine's
# owner (containers have one) is left alone.
without_services() {
    local policy=/usr/sbin/policy-rc.d ours=0 status=0
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        ours=1
    fi
    "$@" || status=$?
    if [ "$ours" = 1 ]; then rm -f "$policy"; fi
    return "$status"
}

install() {
    local log
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    echo "Installing $* ..."
    # The package lists are fetched only if the ones that are there are not enough.
    if ! without_services apt-get install -y -qq --no-install-recommends "$@" >"$log" 2>&1; then
        if ! { apt-get update -qq && without_services apt-get install -y -qq --no-install-recommends "$@"; } >"$log" 2>&1; then
            cat "$log" >&2
            rm -f "$log"
            fail "apt-get could not install: $*"
        fi
    fi
    rm -f "$log"
    if [ -d /run/systemd/system ]; then
        local package service
        for package in "$@"; do
            case $package in
                mosquitto | tinyproxy) service=$package ;;
                dante-server) service=danted ;;
                *) continue ;;
            esac
            systemctl disable --now --quiet "$service" >/dev/null 2>&1 || true
        done
    fi
}

# The package of a program.
package_of() {
    case $1 in
        danted) echo dante-server ;;
        mosquitto_rr) echo mosquitto-clients ;;
        python3) echo python3-venv ;;
        *) echo "$1" ;;
    esac
}

# Python counts only with what makes a folder of packages.
is_there() {
    have "$1" || return 1
    [ "$1" != python3 ] || python3 -c 'import ensurepip, venv' >/dev/null 2>&1
}

# The Python clients that are tried against the broker in the box, in a folder of the build.
foreign_clients() {
    local folder log
    folder=$(cd "$(dirname "$0")/.." && pwd)/.build/foreign-clients
    if "$folder/bin/python" -c 'import paho.mqtt.client, zmqtt' >/dev/null 2>&1; then return; fi
    echo "Installing paho-mqtt and zmqtt ..."
    log=$(mktemp)
    rm -rf "$folder"
    mkdir -p "$(dirname "$folder")"
    if ! { python3 -m venv "$folder" && "$folder/bin/python" -m pip install --quiet 'paho-mqtt>=2,<3' zmqtt; } >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        fail "paho-mqtt and zmqtt could not be installed into $folder; the tests of foreign clients need them."
    fi
    rm -f "$log"
}

check_swift
# All the demo needs.
if [ "${1:-}" = swift ]; then exit 0; fi

missing=()
packages=()
elsewhere=()
for tool in mosquitto mosquitto_rr openssl git tinyproxy danted python3; do
    is_there "$tool" && continue
    missing+=("$tool")
    packages+=("$(package_of "$tool")")
    # Named apart below: its package and its program have other names elsewhere.
    [ "$tool" = danted ] || elsewhere+=("$tool")
done
if [ "${#missing[@]}" = 0 ]; then
    foreign_clients
    exit 0
fi

if ! command -v apt-get >/dev/null 2>&1; then
    words=("Missing: ${missing[*]}. Install them and run this again:")
    if [ "${#elsewhere[@]}" != 0 ]; then
        words+=("    macOS     brew install ${elsewhere[*]}" "    Fedora    sudo dnf install ${elsewhere[*]}")
    fi
    if [[ " ${missing[*]} " == *" danted "* ]]; then
        words+=("    danted    is the SOCKS server of Dante (https://www.inet.no/dante), outside of Debian called sockd; both names will"
            "              do. Take it from your system's packages or build it; only the tests of proxies need it.")
    fi
    fail "${words[@]}"
fi
if [ "$(id -u)" != 0 ]; then
    fail "Missing: ${missing[*]}. Install them and run this again:" \
        "    sudo apt-get update && sudo apt-get install -y ${packages[*]}"
fi
install "${packages[@]}"
for tool in "${missing[@]}"; do
    have "$tool" || fail "apt-get installed $(package_of "$tool"), but $tool cannot be found in PATH, /usr/sbin or /usr/local/sbin."
done
foreign_clients
