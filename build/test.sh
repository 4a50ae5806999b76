#!/usr/bin/env bash
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

fast=0 long=0 areas=()
for argument in "$@"; do
  case $argument in
    --fast) fast=1 ;;
    --long) long=1 ;;
    disks|store|hyperv|roles|main) areas+=("$argument") ;;
    -h|--help) sed -n '2,6s/^# //p' test; exit 0 ;;
    *) echo "test: unknown argument '$argument' (areas: disks store hyperv roles main)" >&2; exit 2 ;;
  esac
done
[ ${#areas[@]} -gt 0 ] || areas=(disks store hyperv roles main)

declare -A project=([disks]=Disks [store]=Store [hyperv]=HyperV [roles]=Roles [main]=EndToEnd)
declare -A source=([disks]=src/Stillpoint.VirtualDisks [store]=src/Stillpoint.Storage [hyperv]=src/Stillpoint.HyperV [roles]=src/Stillpoint.Primary [main]=src/Stillpoint.Client)
declare -A budget=([disks]=120 [store]=180 [hyperv]=240 [roles]=180 [main]=300)

[ "$fast" = 1 ] || LONG=$long build/install-test-packages
out="$root/.build/tests"
mkdir -p "$out"
echo "building the tests …"
dotnet build Stillpoint.slnx -c Release --nologo -v quiet -p:UseSharedCompilation=true >"$out/build.log" 2>&1 \
  || { cat "$out/build.log"; echo "0 passed, 1 failed, 0 skipped"; exit 1; }
dotnet build-server shutdown --vbcscompiler >/dev/null 2>&1
[ "$fast" = 1 ] || ./stillpoint --version >/dev/null || { echo "0 passed, 1 failed, 0 skipped"; exit 1; }

# What failed, each with its message: said again at the end, where it is looked for.
failures() { awk '/^(passed|skipped|failed) /{p=0} /^failed /{p=1} /^Test run summary/{p=0} p' "$1"; }
: >"$out/failed"

passed=0 failed=0 skipped=0
for area in "${areas[@]}"; do
  name="Stillpoint.${project[$area]}.Tests"
  dir="tests/$name/bin/Release/net10.0"
  log="$out/$area.log"
  filter=()
  [ "$fast" = 0 ] || filter=(--filter-not-trait Kind=Slow)
  started=$(date +%s)
  echo "== $area"
  "$dir/$name" --progress off --no-ansi --output Detailed --show-live-output off "${filter[@]}" >"$log" 2>&1
  code=$?
  count() { sed -n "s/^ *$1: *\([0-9]*\).*/\1/p" "$log" | tail -n 1; }
  # Tests that only --long runs are none of those that were skipped for want of something.
  explicit=$(grep -c 'Not run (due to explicit test filtering)' "$log")
  p=$(count succeeded) f=$(count failed) s=$(($(count skipped) + 0 - explicit))
  passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0})) skipped=$((skipped + ${s:-0}))
  grep -E '^ *skipped ' "$log" -A 1 | grep -B 1 -vE 'Not run \(due to explicit|^ *skipped |^--' | grep -v '^--' | sed 's/^/  /'
  if [ "$code" != 0 ] && [ "$code" != 8 ]; then
    cat "$log"
    failures "$log" >>"$out/failed"
    [ "${f:-0}" -gt 0 ] || failed=$((failed + 1))
  fi
  if [ "$long" = 1 ] && [ -x "build/long-$area" ]; then "build/long-$area" || failed=$((failed + 1)); fi
  tested=$(sed -n "s/^## $area, commit \([0-9a-f]*\).*/\1/p" docs/RESULTS.md 2>/dev/null | tail -n 1)
  if [ -n "$tested" ] && ! git diff --quiet "$tested" -- "${source[$area]}" 2>/dev/null; then
    echo "   stale: ${source[$area]} changed since the long run at $tested"
  fi
  echo "   ${p:-0} passed, ${f:-0} failed, ${s:-0} skipped, $explicit for --long only, in $(( $(date +%s) - started )) s (budget ${budget[$area]} s)"
done
[ -s "$out/failed" ] && { echo "== failed"; cut -c1-400 "$out/failed" | head -n 200; }
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
