#!/bin/bash
# A folder of include/bcr is a level: its files include their own level and those below it, nothing else of the library,
# and of the world the standard library, Highway and xsimd only. Prints what breaks the rule; test/run.sh runs it.
set -euo pipefail
cd "$(dirname "$0")/../../include/bcr"
levels=(core format pack prune simd kernel op tune net opencl) # bottom first
# What the two vector libraries and the executor adapters need, by file.
outside='^(core/executor_(openmp|tbb)\.hpp (omp\.h|tbb/.*)|(simd/.*|.*-inl\.h) ((hwy|xsimd)/.*|(immintrin|cpuid|arm_neon|arm_sve|sys/auxv)\.h))$'

level_of() {
  local i
  for i in "${!levels[@]}"; do
    if [ "${levels[i]}" = "${1%%/*}" ]; then echo "$i" && return; fi
  done
  echo ${#levels[@]} # bcr.hpp and its like stand above all
}

broken=0
complain() {
  echo "include/bcr/$1: $2"
  broken=1
}
while IFS=: read -r file line; do
  name=$(sed -E 's/^[^<"]*[<"]([^>"]*)[>"].*/\1/' <<<"$line")
  case $name in
    bcr/*)
      if [ ! -f "../$name" ]; then complain "$file" "there is no $name"; fi
      if [ "$(level_of "${name#bcr/}")" -gt "$(level_of "$file")" ]; then complain "$file" "$name is of a higher level"; fi
      ;;
    */* | *.*)
      if ! grep -qE "$outside" <<<"$file $name"; then complain "$file" "<$name> is not of the standard library"; fi
      ;;
  esac
done < <(grep -rHE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]' --include='*.h' --include='*.hpp' . | sed 's|^\./||')
exit $broken
