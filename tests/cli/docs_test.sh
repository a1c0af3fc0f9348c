#!/usr/bin/env bash
# The Lua in the documents runs as it stands, each block by itself in an empty folder; the files that they name are there.
. "$(dirname "$0")/check.sh"

for doc in "$PERIGEE_ROOT"/README.md "$PERIGEE_ROOT"/docs/*.md; do
  name=${doc#"$PERIGEE_ROOT"/}
  mkdir -p blocks
  awk -v prefix="blocks/$(basename "$doc" .md)" '
    /^```lua$/ { n++; out = prefix "-" n ".lua"; printf "" >out; next }
    /^```/ { out = "" }
    out { print >out }' "$doc"
  for link in $(grep -o '](\([a-zA-Z0-9_./-]*\))' "$doc" | sed 's/^](//; s/)$//'); do
    if [ -e "$(dirname "$doc")/$link" ]; then ok "$name: $link"; else bad "$name: $link is not there"; fi
  done
done
silence=''
command -v gnuplot >/dev/null || silence=gnuplot    # where it is missing, a script that draws says so
for block in blocks/*.lua; do
  [ -e "$block" ] || continue
  mkdir -p run && cd run || exit 1
  expect 0 '*' "$(grep -q plot "../$block" && echo "$silence")" "$PERIGEE" "../$block"
  cd .. && rm -rf run
done
finish
