#!/bin/sh
# Compiles the requirement files: universal, hashed, without an index address in them.
# Arguments go to uv, as in: sh requirements/compile.sh --upgrade
set -eu
cd "$(dirname "$0")/.."
export UV_CUSTOM_COMPILE_COMMAND="make requirements"
compile() {
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-strip-extras --no-emit-index-url --no-emit-find-links "$@"
}
compile "$@" --group build --output-file requirements/build.txt
compile "$@" pyproject.toml --output-file requirements/runtime.txt
compile "$@" pyproject.toml --group dev --constraint requirements/runtime.txt --output-file requirements/dev.txt
compile "$@" --group fuzz --constraint requirements/dev.txt --output-file requirements/fuzz.txt
