#!/bin/bash
# Runs `conan create` for every back end without a server: packages of Highway and xsimd are made on the spot from the
# headers that the system has. Needs Conan 2 on the PATH, which Debian has no package of; so it is no part of test/run.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CONAN_HOME=$PWD/build/conan/home
stubs=build/conan/stubs
mkdir -p "$CONAN_HOME" "$stubs"
conan remote disable '*'
conan profile detect --force

# stub NAME VERSION FOLDER: a package of the headers in /usr/include/FOLDER.
stub() {
  cat >"$stubs/$1.py" <<EOF
from conan import ConanFile
from conan.tools.files import copy
import os


class Stub(ConanFile):
    name, version, package_type = "$1", "$2", "header-library"

    def package(self):
        copy(self, "$3/*", "/usr/include", os.path.join(self.package_folder, "include"))

    def package_info(self):
        self.cpp_info.bindirs = self.cpp_info.libdirs = []
EOF
  conan create "$stubs/$1.py"
}
stub highway 1.0.3 hwy
stub xsimd 8.1.0 xsimd

for simd in highway xsimd scalar; do
  conan create cmake/packaging/conan -s compiler.cppstd=20 -o "bcr/*:simd=$simd"
done
echo "conan: the package works with highway, xsimd and scalar"
